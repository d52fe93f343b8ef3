package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hone-ml/hone/checkpoint"
)

// save writes a checkpoint and removes those that save_total_limit no longer allows.
func (l *loop) save(d due) error {
	began := time.Now()
	defer func() { l.pause += time.Since(began) }()
	s, a := l.state, &l.args
	if s.BestGlobalStep != nil {
		dir := checkpoint.Dir(a.OutputDir, *s.BestGlobalStep)
		if _, err := os.Stat(dir); err == nil || *s.BestGlobalStep == s.GlobalStep {
			s.BestModelCheckpoint = &dir
		}
	}
	s.StatefulCallbacks = l.callbacks(d)
	c := checkpoint.Content{Save: l.saveModel, State: s, Args: l.settings(), Bytes: l.checkpointBytes()}
	if !a.SaveOnlyModel {
		c.Optimizer, c.Position = l.optimizer, l.where()
	}
	dir, err := checkpoint.Write(a.OutputDir, c)
	if err != nil {
		return fmt.Errorf("train: step %d can't be saved: %w; %s", s.GlobalStep, err, l.fate())
	}
	l.lastCheckpoint = dir
	if err := l.tell(func(h *Hooks) error {
		if h.Save == nil {
			return nil
		}
		return h.Save(dir, s.GlobalStep)
	}); err != nil {
		return err
	}
	if a.SaveTotalLimit != nil {
		if err := checkpoint.Rotate(a.OutputDir, *a.SaveTotalLimit, s.GlobalStep, deref(s.BestModelCheckpoint)); err != nil {
			l.warn(fmt.Sprintf("an old checkpoint can't be removed: %v", err))
		}
	}
	return nil
}

// fate tells what is left when saving fails.
func (l *loop) fate() string {
	if l.lastCheckpoint == "" {
		return "there is no earlier checkpoint"
	}
	return fmt.Sprintf("the last checkpoint is intact: go on with resume_from_checkpoint=%s", l.lastCheckpoint)
}

func (l *loop) saveModel(dir string) error {
	if l.Save != nil {
		return l.Save(dir)
	}
	return l.Model.Save(dir)
}

func (l *loop) loadModel(dir string) error {
	if l.Load != nil {
		return l.Load(dir)
	}
	return l.Model.LoadWeights(dir)
}

// where returns what a resumed run needs to know.
func (l *loop) where() *checkpoint.Position {
	p := l.position
	p.Version, p.Examples = checkpoint.Version, len(l.Train)
	p.LossSum, p.Total, p.Logged = checkpoint.Float(l.lossSum), checkpoint.Float(l.total), l.logged
	p.LR, p.GradNorm = checkpoint.Float(l.lr), checkpoint.Float(l.norm)
	p.Draws, p.Plateau = l.order.global.drawn, l.schedule.Plateau
	l.preferences.where(&p)
	return &p
}

// callbacks returns stateful_callbacks of trainer_state.json.
func (l *loop) callbacks(d due) map[string]any {
	c := map[string]any{"TrainerControl": map[string]any{
		"args": map[string]any{"should_training_stop": l.stopping, "should_epoch_stop": false,
			"should_save": d.save, "should_evaluate": false, "should_log": false},
		"attributes": map[string]any{},
	}}
	if l.args.EarlyStoppingPatience > 0 {
		c["EarlyStoppingCallback"] = map[string]any{
			"args": map[string]any{"early_stopping_patience": l.args.EarlyStoppingPatience,
				"early_stopping_threshold": l.args.EarlyStoppingThreshold},
			"attributes": map[string]any{"early_stopping_patience_counter": l.position.Bad},
		}
	}
	return c
}

// resume loads the checkpoint that resume_from_checkpoint names, if any.
func (l *loop) resume() error {
	dir := string(l.args.ResumeFromCheckpoint)
	switch strings.ToLower(dir) {
	case "", "false":
		return nil
	case "true":
		last, err := checkpoint.Last(l.args.OutputDir)
		if err != nil {
			return fmt.Errorf("train: resume_from_checkpoint: %w", err)
		}
		if last == "" {
			return fmt.Errorf("train: resume_from_checkpoint is true, but %s has no whole checkpoint; leave it out to start from the beginning", l.args.OutputDir)
		}
		dir = last
	}
	saved, err := checkpoint.Load(dir)
	if err != nil {
		return fmt.Errorf("train: resume_from_checkpoint: %w", err)
	}
	if err := l.compare(saved); err != nil {
		return err
	}
	if err := l.loadModel(dir); err != nil {
		return fmt.Errorf("train: resume_from_checkpoint %s: %w", dir, err)
	}
	err = saved.LoadOptimizer(l.optimizer)
	if errors.Is(err, checkpoint.ErrNoMoments) {
		l.warn(fmt.Sprintf("%s has no optimizer.safetensors: the weights, the step and the history are taken over, the moments of AdamW start at zero", dir))
		err = nil
	}
	if err != nil {
		return fmt.Errorf("train: resume_from_checkpoint: %w", err)
	}
	l.restore(saved)
	if s := l.state; s.GlobalStep >= s.MaxSteps {
		l.warn(fmt.Sprintf("%s has done %d steps and the run has %d: nothing is left to train; raise num_train_epochs or max_steps to go on", dir, s.GlobalStep, s.MaxSteps))
	}
	return nil
}

// compare returns an error if the checkpoint was made from other data, and warns of other arguments that differ.
func (l *loop) compare(saved *checkpoint.Saved) error {
	if p := saved.Position; p != nil && p.Examples != len(l.Train) && !l.args.IgnoreDataSkip {
		return fmt.Errorf("train: %s was trained on %d examples, but there are %d now; resume with the same data, or with ignore_data_skip to begin the epoch anew", saved.Dir, p.Examples, len(l.Train))
	}
	if saved.Args == nil {
		return nil
	}
	old := l.settings() // what another version didn't write counts as equal
	old.Args = Defaults()
	if err := json.Unmarshal(saved.Args, old); err != nil {
		return fmt.Errorf("train: %s: training_args.json: %w", saved.Dir, err)
	}
	data, other := l.settings().differing(old)
	if len(data) > 0 && !l.args.IgnoreDataSkip {
		return fmt.Errorf("train: %s can't be resumed exactly: %s; use the old values, or ignore_data_skip to begin the epoch anew", saved.Dir, strings.Join(data, ", "))
	}
	for _, d := range append(data, other...) {
		l.warn(fmt.Sprintf("resuming %s: %s", saved.Dir, d))
	}
	return nil
}

// restore makes the state of the run that of the checkpoint. Lengths and intervals are those of the arguments.
func (l *loop) restore(saved *checkpoint.Saved) {
	fresh := l.state
	l.state = saved.State
	s := l.state
	s.MaxSteps, s.NumTrainEpochs, s.TrainBatchSize = fresh.MaxSteps, fresh.NumTrainEpochs, fresh.TrainBatchSize
	s.EvalSteps = fresh.EvalSteps
	l.countSteps()
	if s.BestModelCheckpoint != nil {
		s.BestModelCheckpoint = l.findBest(saved)
	}
	l.lastCheckpoint = saved.Dir
	l.logged, l.position.First = s.GlobalStep, s.GlobalStep
	p := saved.Position
	if p != nil {
		l.position = *p
		l.lossSum, l.total, l.logged = float64(p.LossSum), float64(p.Total), p.Logged
		l.lr, l.norm = float64(p.LR), float64(p.GradNorm)
		l.preferences.restore(p)
	}
	if l.resumed = s.GlobalStep%l.perEpoch != 0; l.resumed {
		l.order.global.skip(l.position.EpochDraws)
		l.order.epoch(s.GlobalStep / l.perEpoch)
	}
	l.order.global.skip(l.position.Draws - l.order.global.drawn)
	if q := l.schedule.Plateau; q != nil && p != nil && p.Plateau != nil {
		q.LR, q.Best, q.Started, q.Bad, q.Cooldown = p.Plateau.LR, p.Plateau.Best, p.Plateau.Started, p.Plateau.Bad, p.Plateau.Cooldown
	}
}

// findBest returns the folder of the best checkpoint, which may have moved since: in output_dir, or beside the
// checkpoint that is resumed. It returns nil, with a warning, if it is gone.
func (l *loop) findBest(saved *checkpoint.Saved) *string {
	if step := saved.State.BestGlobalStep; step != nil {
		for _, output := range []string{l.args.OutputDir, filepath.Dir(filepath.Clean(saved.Dir))} {
			if dir := checkpoint.Dir(output, *step); checkpoint.Check(dir) == nil {
				return &dir
			}
		}
	}
	l.warn(fmt.Sprintf("the best checkpoint, %s, is gone; load_best_model_at_end can only choose among later ones", *saved.State.BestModelCheckpoint))
	return nil
}

// finish logs the end, loads the best model if asked, and writes the model, its state and its metrics.
func (l *loop) finish() error {
	s, a := l.state, &l.args
	if err := l.logEnd(); err != nil {
		return err
	}
	weightsOf := s.GlobalStep
	if a.LoadBestModelAtEnd && s.BestModelCheckpoint != nil {
		if err := l.loadModel(*s.BestModelCheckpoint); err != nil {
			return fmt.Errorf("train: load_best_model_at_end: %w", err)
		}
		weightsOf = *s.BestGlobalStep
	}
	if a.SaveTotalLimit != nil && *a.SaveTotalLimit == 1 && s.BestModelCheckpoint != nil {
		l.keepOnly(*s.BestModelCheckpoint)
	}
	if a.SaveStrategy == "no" {
		if err := os.MkdirAll(a.OutputDir, 0o777); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	if err := l.saveModel(a.OutputDir); err != nil {
		return fmt.Errorf("train: the trained model can't be saved: %w; %s", err, l.fate())
	}
	s.StatefulCallbacks = l.callbacks(due{save: a.SaveStrategy != "no"})
	final := s.LogHistory[len(s.LogHistory)-1]
	if err := l.writeResults(final, weightsOf); err != nil {
		return err
	}
	return l.tell(func(h *Hooks) error {
		if h.Done == nil {
			return nil
		}
		return h.Done(s, final)
	})
}

// logEnd adds the last row. train_loss is the mean over all updates, those before resuming included; speeds are
// of this call alone.
func (l *loop) logEnd() error {
	s, a := l.state, &l.args
	steps := s.GlobalStep - l.first
	samples := float64(len(l.Train)) * a.NumTrainEpochs
	if a.MaxSteps > 0 {
		samples = float64(s.MaxSteps * a.PerDeviceTrainBatchSize * a.GradientAccumulationSteps)
	}
	seconds := max(time.Since(l.began).Seconds(), 1e-9)
	row := Row{
		"train_runtime":            round(seconds, 4),
		"train_samples_per_second": round(samples*float64(steps)/float64(s.MaxSteps)/seconds, 3),
		"train_steps_per_second":   round(float64(steps)/seconds, 3),
		"total_flos":               s.TotalFlos,
		"train_loss":               (l.total + l.lossSum) / max(float64(s.GlobalStep-l.position.First), 0.001),
	}
	return l.addRow(row)
}

// keepOnly removes all checkpoints but best.
func (l *loop) keepOnly(best string) {
	steps, err := checkpoint.Steps(l.args.OutputDir)
	for _, n := range steps {
		if dir := checkpoint.Dir(l.args.OutputDir, n); dir != filepath.Clean(best) {
			err = errors.Join(err, checkpoint.Remove(dir))
		}
	}
	if err != nil {
		l.warn(fmt.Sprintf("an old checkpoint can't be removed: %v", err))
	}
}
