package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

func TestErrorsBeforeTraining(t *testing.T) {
	for _, c := range []struct {
		change func(*Trainer)
		want   string
	}{
		{func(tr *Trainer) { tr.Args.EvalStrategy = "epoch"; tr.Eval = nil }, "nothing to evaluate"},
		{func(tr *Trainer) { tr.Train = nil }, "none of 0 examples"},
		{func(tr *Trainer) { tr.Train = []collate.Example{{IDs: []int32{1, 2}, Labels: []int32{2, -100}}} }, "token to learn"},
		{func(tr *Trainer) { tr.Train = []collate.Example{{IDs: []int32{1}, Labels: nil}} }, "example 0: 1 input_ids and 0 labels"},
		{func(tr *Trainer) { tr.Train = []collate.Example{{IDs: []int32{1, 2}, Labels: []int32{-100, 96}}} }, "label 96"},
		{func(tr *Trainer) { tr.Train = []collate.Example{{IDs: []int32{1, 900}, Labels: []int32{-100, 5}}} }, "example 0: model: token id 900"},
		{func(tr *Trainer) { tr.Trainable = func(*nn.Param) bool { return false } }, "no weight is trainable"},
		{func(tr *Trainer) { tr.Args.LRSchedulerKwargs = Kwargs{"cycles": 1.0} }, "cycles"},
	} {
		tr := small(t, t.TempDir(), `{"max_steps": 1}`)
		c.change(tr)
		if _, err := tr.Run(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one that says %q", err, c.want)
		}
	}
}

// Frozen weights stay as they are, bit for bit.
func TestTrainable(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 3, "save_strategy": "no"}`)
	tr.Trainable = func(p *nn.Param) bool { return strings.Contains(p.Name, "c_attn") }
	before := small(t, t.TempDir(), `{}`).Model
	run(t, tr)
	for i, p := range tr.Model.Params {
		if same := slices.Equal(p.W.Flat(), before.Params[i].W.Flat()); same == strings.Contains(p.Name, "c_attn") {
			t.Errorf("%s: unchanged %v", p.Name, same)
		}
	}
}

// Gradient checkpointing changes memory, not numbers.
func TestGradientCheckpointing(t *testing.T) {
	plain, lean := small(t, t.TempDir(), `{"max_steps": 3}`), small(t, t.TempDir(), `{"max_steps": 3, "gradient_checkpointing": true}`)
	run(t, plain)
	run(t, lean)
	for i, p := range plain.Model.Params {
		if !slices.Equal(p.W.Flat(), lean.Model.Params[i].W.Flat()) {
			t.Errorf("%s differs with gradient_checkpointing", p.Name)
		}
	}
}

// An update whose examples have no labels is no number in the reference's log; the weights must survive it.
func TestStepWithoutLabels(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 3, "logging_steps": 1, "train_sampling_strategy": "sequential", "logging_nan_inf_filter": false, "save_strategy": "no"}`)
	tr.Train = slices.Clone(tr.Train)
	for i := range 4 {
		e := tr.Train[i]
		e.Labels = slices.Repeat([]int32{collate.Ignore}, len(e.IDs))
		tr.Train[i] = e
	}
	var warned []string
	tr.Hooks = []Hooks{{Warn: func(s string) { warned = append(warned, s) }}}
	s := run(t, tr)
	if !math.IsNaN(s.LogHistory[0]["loss"]) || math.IsNaN(s.LogHistory[1]["loss"]) {
		t.Errorf("losses %v, %v", s.LogHistory[0], s.LogHistory[1])
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "no token to learn") {
		t.Errorf("warnings %q", warned)
	}
	if w := tr.Model.Wte.W.Flat()[0]; math.IsNaN(float64(w)) {
		t.Error("the weights are ruined")
	}
}

func TestNaNWarns(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 4, "logging_steps": 1, "save_strategy": "no"}`)
	tr.Model.Stack.Norm.W.W.Flat()[0] = nn.Float(math.NaN())
	var warned []string
	tr.Hooks = []Hooks{{Warn: func(s string) { warned = append(warned, s) }}}
	s := run(t, tr)
	if len(warned) != 1 || !strings.Contains(warned[0], "lower learning_rate (now 0.005)") {
		t.Errorf("warnings %q", warned)
	}
	if s.LogHistory[0]["loss"] != 0 || !math.IsNaN(s.LogHistory[0]["grad_norm"]) {
		t.Errorf("row %v; the filter puts the mean so far, 0, in place of NaN", s.LogHistory[0])
	}
}

func TestHooks(t *testing.T) {
	var seen []string
	note := func(s string) { seen = append(seen, s) }
	tr := small(t, t.TempDir(), `{"max_steps": 2, "logging_steps": 1, "eval_strategy": "steps", "eval_steps": 2, "report_to": "tensorboard"}`)
	tr.Hooks = []Hooks{{
		Start: func(p Plan) {
			if p.MaxSteps != 2 || p.BatchSize != 4 || p.StepsPerEpoch != 5 || p.Params != p.Trainable || p.Bytes != 16*p.Params-4*96*32 { // the vocabulary's gradient is not stored
				t.Errorf("plan %+v", p)
			}
			note("start")
		},
		Step: func(p Progress) error {
			if p.Tokens == 0 || p.TokensPerSecond <= 0 || p.Bytes <= 0 || p.Loss <= 0 || p.MaxSteps != 2 {
				t.Errorf("progress %+v", p)
			}
			note("step")
			return nil
		},
		Log:  func(r Row) error { note("log " + r.Keys()[0]); return nil },
		Eval: func(done, total int) { note("eval") },
		Save: func(dir string, step int) error { note("save " + filepath.Base(dir)); return nil },
		Done: func(s *State, final Row) error { note("done"); return nil },
	}, {}}
	run(t, tr)
	want := "start step log loss step log loss eval log eval_loss save checkpoint-2 log train_runtime done"
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("hooks were called as %s\nwant %s", got, want)
	}
	if files, _ := filepath.Glob(filepath.Join(tr.Args.OutputDir, "runs", "*", "events.out.tfevents.*")); len(files) != 1 {
		t.Errorf("event files %v", files)
	}
}

func TestHookErrorEndsRun(t *testing.T) {
	broken := errors.New("the hook is broken")
	tr := small(t, t.TempDir(), `{"max_steps": 4}`)
	tr.Hooks = []Hooks{{Step: func(p Progress) error { return broken }}}
	if s, err := tr.Run(context.Background()); !errors.Is(err, broken) || s.GlobalStep != 1 {
		t.Errorf("error %v", err)
	}
}

// After load_best_model_at_end the weights, in memory and in output_dir, are the best checkpoint's.
func TestBestModel(t *testing.T) {
	for _, strategy := range []string{`"epoch"`, `"best"`} {
		tr := small(t, t.TempDir(), `{"num_train_epochs": 4, "learning_rate": 0.03, "eval_strategy": "epoch", "save_strategy": `+strategy+`,
			"load_best_model_at_end": true, "save_total_limit": 1}`)
		s := run(t, tr)
		if s.BestModelCheckpoint == nil {
			t.Fatal("no best checkpoint")
		}
		if got := folders(t, tr.Args.OutputDir); !slices.Equal(got, []string{filepath.Base(*s.BestModelCheckpoint)}) {
			t.Errorf("checkpoints %v, want the best, %s", got, *s.BestModelCheckpoint)
		}
		for _, dir := range []string{*s.BestModelCheckpoint, tr.Args.OutputDir} {
			m, err := model.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range m.Params {
				if !slices.Equal(p.W.Flat(), tr.Model.Params[i].W.Flat()) {
					t.Fatalf("%s of %s is not the model's", p.Name, dir)
				}
			}
		}
		result, err := tr.Eval.Evaluate(context.Background(), tr.Model.NewRun(tr.Device), nil)
		if err != nil || result.Metrics["loss"] != *s.BestMetric {
			t.Errorf("the model evaluates to %v, best metric %v (%v)", result.Metrics, *s.BestMetric, err)
		}
		b, err := os.ReadFile(filepath.Join(tr.Args.OutputDir, "eval_results.json"))
		var row Row
		if err != nil || row.UnmarshalJSON(b) != nil || row["eval_loss"] != *s.BestMetric {
			t.Errorf("eval_results.json has %v (%v)", row, err)
		}
	}
}

// A run that goes on elsewhere, or whose folder was moved, still finds its best checkpoint.
func TestBestModelMoves(t *testing.T) {
	args := `{"learning_rate": 0.03, "eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": true, "num_train_epochs": `
	first := filepath.Join(t.TempDir(), "first")
	s := run(t, small(t, first, args+`2}`))
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(first, moved); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{moved, t.TempDir()} {
		tr := small(t, output, args+`3, "learning_rate": 0}`) // nothing gets better
		tr.Args.ResumeFromCheckpoint = Resume(filepath.Join(moved, "checkpoint-10"))
		got := run(t, tr)
		if want := filepath.Join(moved, filepath.Base(*s.BestModelCheckpoint)); got.BestModelCheckpoint == nil || *got.BestModelCheckpoint != want {
			t.Errorf("best checkpoint %v, want %s", deref(got.BestModelCheckpoint), want)
		}
	}
}

func TestUnknownMetric(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 2, "eval_strategy": "steps", "eval_steps": 1, "metric_for_best_model": "f1"}`)
	if _, err := tr.Run(context.Background()); err == nil || !strings.Contains(err.Error(), `"f1", but the evaluation gave [eval_loss]`) {
		t.Errorf("error %v", err)
	}
}

// An update allocates nothing but what kernels do.
func TestStepsDoNotAllocate(t *testing.T) {
	tr := small(t, t.TempDir(), `{"max_steps": 1000, "train_sampling_strategy": "sequential"}`)
	tr.Device = idle{&compute.Counter{}}
	tr.Hooks = []Hooks{{Step: func(Progress) error { return nil }}}
	l, err := tr.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.start(); err != nil {
		t.Fatal(err)
	}
	perm := l.order.epoch(0)
	n := testing.AllocsPerRun(3, func() {
		for u := range l.perEpoch {
			if err := l.update(0, u, perm); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 0 {
		t.Errorf("%v allocations in %d updates", n, l.perEpoch)
	}
}

// idle is a device without kernels, whose gradients are not zero.
type idle struct{ *compute.Counter }

func (idle) SumSquares(g compute.Mat) float64 { return 1 }
