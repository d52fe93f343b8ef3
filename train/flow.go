package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hone-ml/hone/checkpoint"
)

// due is what is to be done at one point of a run.
type due struct{ log, eval, save bool }

// dueAfterStep decides what is due after an update: the reference's DefaultFlowCallback.
func (l *loop) dueAfterStep() (d due) {
	a, s := &l.args, l.state
	d.log = s.GlobalStep == 1 && a.LoggingFirstStep || a.LoggingStrategy == "steps" && s.GlobalStep%s.LoggingSteps == 0
	evals := a.EvalStrategy == "steps" && a.EvalDelay <= float64(s.GlobalStep)
	d.eval = evals && s.GlobalStep%s.EvalSteps == 0
	d.save = a.SaveStrategy == "steps" && s.SaveSteps > 0 && s.GlobalStep%s.SaveSteps == 0
	if s.GlobalStep >= s.MaxSteps {
		l.stopping = true
		d.eval = evals
		d.save = d.save || a.SaveStrategy == "steps"
	}
	return d
}

// dueAfterEpoch decides what is due after an epoch, or after the last update of the run.
func (l *loop) dueAfterEpoch() due {
	a := &l.args
	return due{
		log:  a.LoggingStrategy == "epoch",
		eval: a.EvalStrategy == "epoch" && a.EvalDelay <= l.state.Epoch,
		save: a.SaveStrategy == "epoch",
	}
}

// act does what is due. If the context is cancelled, it saves instead of evaluating and returns an *Interrupted.
func (l *loop) act(d due) error {
	if d.log && l.state.GlobalStep > l.logged {
		if err := l.log(); err != nil {
			return err
		}
	}
	if err := l.ctx.Err(); err != nil {
		return l.interrupted(err, d)
	}
	if d.eval {
		row, err := l.evaluate()
		if err != nil {
			return l.interrupted(err, d)
		}
		best, err := l.judge(row)
		if err != nil {
			return err
		}
		if l.args.SaveStrategy == "best" {
			d.save = best
		}
		l.position.EpochEnd = l.position.EpochEnd || l.inEpoch && l.stopping && !l.quit // early stopping ends it
	}
	if d.save || l.asked {
		l.asked = false
		return l.save(d)
	}
	return nil
}

// leftOver does what a checkpoint says was still due when it was written.
func (l *loop) leftOver() error {
	s := l.state
	if l.args.EarlyStoppingPatience > 0 && l.position.Bad >= l.args.EarlyStoppingPatience || s.GlobalStep >= s.MaxSteps {
		l.stopping = true
	}
	boundary := s.GlobalStep%l.perEpoch == 0
	l.inEpoch = l.position.EpochEnd || !boundary
	if d := (due{eval: l.position.EvalPending, save: l.position.SavePending}); d.eval {
		l.position.EvalPending, l.position.SavePending = false, false
		if err := l.act(d); err != nil {
			return err
		}
	}
	if l.position.EpochEnd && (l.stopping || boundary) {
		return l.endEpoch()
	}
	return nil
}

// log adds the mean loss since the last log to the history.
func (l *loop) log() error {
	s := l.state
	row := Row{"loss": l.lossSum / float64(s.GlobalStep-l.logged), "grad_norm": l.norm, "learning_rate": l.lr}
	if l.args.IncludeNumInputTokens != "no" {
		runtime := time.Since(l.began).Seconds()
		row["train_runtime"] = round(runtime, 4)
		row["train_tokens_per_second"] = round(float64(s.NumInputTokensSeen-l.firstTokens)/runtime, 3)
	}
	l.total += l.lossSum
	l.preferences.take(row)
	l.lossSum, l.logged = 0, s.GlobalStep
	return l.addRow(row)
}

// addRow completes row and adds it to the history.
func (l *loop) addRow(row Row) error {
	row["epoch"], row["step"] = l.state.Epoch, float64(l.state.GlobalStep)
	if l.args.IncludeNumInputTokens != "no" {
		row["num_input_tokens_seen"] = float64(l.state.NumInputTokensSeen)
	}
	l.state.LogHistory = append(l.state.LogHistory, row)
	if err := l.board.log(row); err != nil {
		return err
	}
	return l.tell(func(h *Hooks) error {
		if h.Log == nil {
			return nil
		}
		return h.Log(row)
	})
}

// evaluate measures the model and logs what it found.
func (l *loop) evaluate() (Row, error) {
	began := time.Now()
	defer func() { l.pause += time.Since(began) }()
	drawn := *l.order.global
	l.order.pass()
	result, err := l.Eval.Evaluate(l.ctx, l.run, func(done, total int) {
		for i := range l.Hooks {
			if f := l.Hooks[i].Eval; f != nil {
				f(done, total)
			}
		}
	})
	if err != nil {
		*l.order.global = drawn // as if it had not begun
		return nil, err
	}
	row := Row{}
	for name, v := range result.Metrics {
		row["eval_"+name] = v
	}
	seconds := max(time.Since(began).Seconds(), 1e-9)
	row["eval_runtime"] = round(seconds, 4)
	row["eval_samples_per_second"] = round(float64(result.Examples)/seconds, 3)
	row["eval_steps_per_second"] = round(float64(result.Steps)/seconds, 3)
	return row, l.addRow(row)
}

// judge lets the schedule, early stopping and the search for the best model see an evaluation. It reports whether
// the metric is the best so far.
func (l *loop) judge(row Row) (best bool, err error) {
	name := l.args.metric()
	if name == "" {
		return false, nil
	}
	metric, ok := row[name]
	if !ok {
		return false, fmt.Errorf("train: metric_for_best_model is %q, but the evaluation gave %v; choose one of them", l.args.MetricForBestModel, metrics(row))
	}
	s := l.state
	if patience := l.args.EarlyStoppingPatience; patience > 0 {
		if s.BestMetric == nil || l.args.better(metric, *s.BestMetric) && math.Abs(metric-*s.BestMetric) > l.args.EarlyStoppingThreshold {
			l.position.Bad = 0
		} else {
			l.position.Bad++
		}
		l.stopping = l.stopping || l.position.Bad >= patience
	}
	if l.schedule.Plateau != nil {
		l.schedule.Plateau.Observe(metric)
	}
	if s.BestMetric == nil {
		worst := math.Inf(1)
		if l.args.better(1, 0) {
			worst = math.Inf(-1)
		}
		s.BestMetric = &worst
	}
	if !l.args.better(metric, *s.BestMetric) {
		return false, nil
	}
	s.BestMetric = &metric
	if l.args.SaveStrategy != "no" {
		step := s.GlobalStep
		s.BestGlobalStep = &step
	}
	return true, nil
}

// metrics lists what an evaluation measured.
func metrics(row Row) (names []string) {
	for _, name := range row.Keys() {
		switch name {
		case "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "epoch", "step", "num_input_tokens_seen":
		default:
			names = append(names, name)
		}
	}
	return names
}

// Interrupted is returned when the context of Run was cancelled: what was done is saved.
type Interrupted struct {
	Step, MaxSteps int
	Dir            string // the checkpoint
	Err            error  // of the context
}

func (e *Interrupted) Error() string {
	return fmt.Sprintf("train: interrupted after step %d of %d; saved; go on with resume_from_checkpoint=%s", e.Step, e.MaxSteps, e.Dir)
}

// Unwrap returns the context's error.
func (e *Interrupted) Unwrap() error { return e.Err }

// interrupted saves and returns an *Interrupted if err is the cancelled context's; others it returns as they are.
func (l *loop) interrupted(err error, d due) error {
	if l.ctx.Err() == nil || !errors.Is(err, l.ctx.Err()) && !errors.Is(err, context.Cause(l.ctx)) {
		return err
	}
	if l.state.GlobalStep == 0 {
		return fmt.Errorf("train: interrupted before the first step; there is nothing to resume: %w", err)
	}
	l.position.EvalPending, l.position.SavePending = d.eval, d.save
	if err := l.save(d); err != nil {
		return err
	}
	return &Interrupted{l.state.GlobalStep, l.state.MaxSteps, checkpoint.Dir(l.args.OutputDir, l.state.GlobalStep), err}
}

func round(x float64, decimals int) float64 {
	p := math.Pow10(decimals)
	return math.RoundToEven(x*p) / p
}
