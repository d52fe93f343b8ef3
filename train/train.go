package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/optim"
)

type (
	// State is trainer_state.json.
	State = checkpoint.State
	// Row is one entry of log_history.
	Row = checkpoint.Row
)

// A Trainer fine-tunes Model on Train.
type Trainer struct {
	Model  *model.Model
	Args   Args
	Device compute.Device
	Train  []collate.Example
	Pairs  *Pairs         // nil for cross-entropy of the labels of Train
	Eval   eval.Evaluator // may be nil if eval_strategy is no

	// Trainable tells which weights are trained; nil means all.
	Trainable func(*nn.Param) bool
	// Save writes the model into a folder, for checkpoints and at the end, and Load reads its weights back into
	// Model. They are Model.Save and Model.LoadWeights if nil.
	Save, Load func(dir string) error

	Hooks []Hooks
}

// Run trains, from the start or from Args.ResumeFromCheckpoint, and writes checkpoints, the trained model, its
// state and its metrics to output_dir. A run that is stopped at any moment, killed even, and resumed ends with
// the same weights, bit for bit, as one that was not.
//
// If ctx is cancelled, the current update is finished and saved; the error is an *Interrupted.
func (t *Trainer) Run(ctx context.Context) (_ *State, err error) {
	l, err := t.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.board.Close()) }()
	if err := disk.CleanTemp(l.args.OutputDir); err != nil {
		l.warn(fmt.Sprintf("leftovers in %s can't be removed: %v", l.args.OutputDir, err))
	}
	if err := l.resume(); err != nil {
		return nil, err
	}
	if err := l.start(); err != nil {
		return nil, err
	}
	if err := l.train(); err != nil {
		return l.state, err
	}
	return l.state, l.finish()
}

// A loop is one call of Run.
type loop struct {
	*Trainer
	ctx   context.Context
	args  Args // checked
	state *State
	board *board

	run       *model.Run
	grads     *nn.Grads
	optimizer *optim.AdamW
	schedule  *optim.Schedule
	order     *order

	batches  int // per epoch
	perEpoch int // updates per epoch

	batch    collate.Batch
	examples []collate.Example
	reserved int64 // bytes of activations
	targets  []int // labels that each example trains on
	lengths  []int // tokens of each example
	limit    int   // tokens of a pass
	preferences

	position checkpoint.Position
	resumed  bool // order is that of an epoch which a checkpoint left in the middle
	stopping bool
	quit     bool // a hook wants the run to end,
	asked    bool // which is not saved yet
	inEpoch  bool // what is due at its end is still to come
	warned   bool // of a loss or gradient that is not finite

	lossSum, total   float64 // losses since the last log, and those logged before
	logged           int     // global step of the last log
	lr, norm         float64 // of the last update
	lastLoss         float64
	flosPerToken     float64
	first            int // global step at which this call began
	firstTokens      int64
	tokens           int64
	began            time.Time
	pause            time.Duration // spent in evaluation and saving
	lastCheckpoint   string
	weights, trained int64
}

func (t *Trainer) prepare(ctx context.Context) (*loop, error) {
	l := &loop{Trainer: t, ctx: ctx, args: t.Args}
	if err := l.args.Check(); err != nil {
		return nil, err
	}
	if l.args.EvalStrategy != "no" && t.Eval == nil || l.args.EvalOnStart && t.Eval == nil {
		return nil, fmt.Errorf("train: eval_strategy is %q, but there is nothing to evaluate; give evaluation data, or set eval_strategy to no", l.args.EvalStrategy)
	}
	if err := l.checkData(); err != nil {
		return nil, err
	}
	l.plan()

	trainable, err := l.args.Trainable(t.Model, t.Trainable)
	if err != nil {
		return nil, err
	}
	if err := trainableAsHeld(t.Model, trainable); err != nil {
		return nil, err
	}
	device := t.Device
	if l.args.BF16 {
		device = device.BF16()
	}
	l.run = t.Model.NewRun(device)
	l.run.Checkpoint = l.args.GradientCheckpointing || l.args.ActivationCheckpointing
	l.grads = t.Model.NewGrads(trainable, l.mostLabels())
	l.run.Grads, l.run.Noise = l.grads, deref(l.args.NeftuneNoiseAlpha)
	if l.args.in8Bits() {
		l.optimizer = optim.NewAdamW8bit(device, t.Model.Params, l.grads, t.Model.Embeds)
	} else {
		l.optimizer = optim.NewAdamW(device, t.Model.Params, l.grads)
	}
	o := l.optimizer
	o.Beta1, o.Beta2, o.Eps, o.WeightDecay = l.args.AdamBeta1, l.args.AdamBeta2, l.args.AdamEpsilon, l.args.WeightDecay
	o.Rates = l.args.rates(t.Model)
	o.BF16, o.Seed = t.Model.BF16(), nn.Mix(^uint64(l.args.Seed))
	for _, p := range o.Params() {
		l.trained += int64(p.W.Rows) * int64(p.W.Cols)
	}
	if l.trained == 0 {
		return nil, fmt.Errorf("train: no weight is trainable")
	}
	for _, p := range t.Model.Params {
		n := int64(p.W.Rows) * int64(p.W.Cols)
		l.weights += n
		if p != t.Model.Wte && p != t.Model.Wpe {
			l.flosPerToken += 6 * float64(n) // the reference's estimate
		}
	}
	l.limit = PassTokens(l.trained, l.weights)
	l.reserve(trainable)
	l.schedule, err = optim.NewSchedule(l.args.LRSchedulerType, l.args.LearningRate, l.args.warmup(l.state.MaxSteps), l.state.MaxSteps, l.args.LRSchedulerKwargs)
	return l, err
}

// checkData makes sure that every example can be trained on.
func (l *loop) checkData() error {
	l.targets = make([]int, len(l.Train))
	l.lengths = make([]int, len(l.Train))
	sum := 0
	if err := l.Pairs.check(len(l.Train)); err != nil {
		return err
	}
	for i := range l.Train {
		for _, e := range l.sequences(i) {
			n, err := l.checkExample(e)
			if err != nil {
				return fmt.Errorf("train: example %d: %w", i, err)
			}
			l.targets[i] += n
			l.lengths[i] += len(e.IDs)
		}
		sum += l.targets[i]
	}
	if sum == 0 {
		return fmt.Errorf("train: none of %d examples has a token to learn: all labels are %d, or stand first, where nothing predicts them", len(l.Train), collate.Ignore)
	}
	l.order = newOrder(&l.args, l.lengths)
	return nil
}

// checkExample returns how many tokens e trains on.
func (l *loop) checkExample(e collate.Example) (targets int, err error) {
	if len(e.IDs) != len(e.Labels) {
		return 0, fmt.Errorf("%d input_ids and %d labels", len(e.IDs), len(e.Labels))
	}
	if err := l.Model.Check(e.IDs); err != nil {
		return 0, err
	}
	for j, y := range e.Labels {
		if y == collate.Ignore {
			continue
		}
		if y < 0 || int(y) >= l.Model.Config.VocabSize {
			return 0, fmt.Errorf("label %d; expected a token below %d, or %d for none", y, l.Model.Config.VocabSize, collate.Ignore)
		}
		if j > 0 {
			targets++
		}
	}
	return targets, nil
}

// plan computes the steps of the run as the reference does.
func (l *loop) plan() {
	a := &l.args
	l.batches = a.batches(len(l.Train))
	s := &State{TrainBatchSize: a.PerDeviceTrainBatchSize, IsLocalProcessZero: true, IsWorldProcessZero: true, EvalSteps: 500, LogHistory: []Row{}}
	l.perEpoch, s.MaxSteps = a.Steps(len(l.Train))
	s.NumTrainEpochs = int(math.Ceil(a.NumTrainEpochs))
	if a.MaxSteps > 0 {
		s.NumTrainEpochs = (a.MaxSteps + l.perEpoch - 1) / l.perEpoch
	}
	l.state = s
	l.countSteps()
	s.StatefulCallbacks = l.callbacks(due{})
}

// countSteps resolves shares of all steps.
func (l *loop) countSteps() {
	s := l.state
	s.LoggingSteps, s.SaveSteps = every(l.args.LoggingSteps, s.MaxSteps), every(l.args.SaveSteps, s.MaxSteps)
	if l.args.EvalSteps != nil {
		s.EvalSteps = every(*l.args.EvalSteps, s.MaxSteps)
	}
}

// mostLabels returns the most labelled tokens that an update can have.
func (l *loop) mostLabels() (n int) {
	targets := slices.Clone(l.targets)
	slices.Sort(targets)
	for _, k := range targets[max(0, len(targets)-l.args.PerDeviceTrainBatchSize*l.args.GradientAccumulationSteps):] {
		n += k
	}
	return n
}

// reserve makes room for the largest pass and for evaluation.
func (l *loop) reserve(trainable func(*nn.Param) bool) {
	l.pack(l.args.Largest(l.lengths, l.limit))
	need := l.Model.Plan(&l.batch, l.run.Checkpoint, trainable).Activations
	if e, ok := l.Eval.(eval.Planned); ok && (l.args.EvalStrategy != "no" || l.args.EvalOnStart) {
		need = max(need, e.Peak(l.Model))
	}
	l.reserved = need
	l.run.Reserve(need)
}

// bytes returns the memory of weights, gradients and moments.
func (l *loop) bytes() int64 {
	return l.Model.WeightBytes() + l.grads.Bytes() + l.optimizer.StateBytes()
}

// checkpointBytes returns about how much room a checkpoint takes.
func (l *loop) checkpointBytes() int64 {
	n := l.Model.WeightBytes()
	if l.Save != nil && l.Trainable != nil {
		n = 4 * l.trained // an adapter
	}
	if !l.args.SaveOnlyModel {
		n += l.optimizer.StateBytes()
	}
	return n
}

// start tells the hooks the plan and makes sure that there is room for a checkpoint.
func (l *loop) start() error {
	if err := disk.Need(l.args.OutputDir, l.checkpointBytes()); err != nil {
		return fmt.Errorf("train: checkpoints: %w", err)
	}
	if steps, _ := checkpoint.Steps(l.args.OutputDir); len(steps) > 0 && l.lastCheckpoint == "" {
		l.warn(fmt.Sprintf("%s has checkpoints of another run, up to step %d, which resume_from_checkpoint=true may take; better choose another output_dir", l.args.OutputDir, steps[len(steps)-1]))
	}
	if l.args.EarlyStoppingPatience > 0 && !l.args.LoadBestModelAtEnd {
		l.warn("early_stopping_patience without load_best_model_at_end: training ends with the last weights, not the best")
	}
	var err error
	if l.board, err = openBoard(&l.args, l.Model.Config); err != nil {
		return err
	}
	p := Plan{Examples: len(l.Train), Epochs: l.state.NumTrainEpochs, BatchSize: l.args.PerDeviceTrainBatchSize * l.args.GradientAccumulationSteps,
		StepsPerEpoch: l.perEpoch, MaxSteps: l.state.MaxSteps, FirstStep: l.state.GlobalStep, Params: l.weights, Trainable: l.trained,
		Bytes: l.bytes(), From: l.lastCheckpoint}
	l.first, l.firstTokens, l.began = l.state.GlobalStep, l.state.NumInputTokensSeen, time.Now()
	return l.tell(func(h *Hooks) error {
		if h.Start != nil {
			h.Start(p)
		}
		return nil
	})
}

// train does all epochs that are left.
func (l *loop) train() error {
	if l.args.EvalOnStart && l.state.GlobalStep == 0 {
		if _, err := l.evaluate(); err != nil {
			return l.interrupted(err, due{})
		}
	}
	if err := l.leftOver(); err != nil {
		return err
	}
	for e := l.state.GlobalStep / l.perEpoch; e < l.state.NumTrainEpochs && !l.stopping; e++ {
		if err := l.epoch(e); err != nil {
			return err
		}
	}
	return nil
}

// epoch does epoch e, from where a checkpoint left it.
func (l *loop) epoch(e int) error {
	perm, from := l.order.perm, 0
	if !l.resumed {
		l.position.EpochDraws = l.order.global.drawn
		perm = l.order.epoch(e)
	} else if !l.args.IgnoreDataSkip {
		from = l.state.GlobalStep - e*l.perEpoch
	}
	l.resumed = false
	l.inEpoch = true
	for u := from; u < l.perEpoch && !l.stopping; u++ {
		if err := l.update(e, u, perm); err != nil {
			return err
		}
		l.position.EpochEnd = u == l.perEpoch-1 || l.state.GlobalStep >= l.state.MaxSteps
		if err := l.act(l.dueAfterStep()); err != nil {
			return err
		}
	}
	if l.quit && !l.position.EpochEnd {
		return nil // the epoch goes on when the run is resumed
	}
	return l.endEpoch()
}

// endEpoch does what is due at the end of an epoch.
func (l *loop) endEpoch() error {
	l.inEpoch, l.position.EpochEnd = false, false
	return l.act(l.dueAfterEpoch())
}
