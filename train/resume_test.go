package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/compute/cpu"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// small returns a Trainer of a short run with dropout, eleven updates of a batch of 2·2 examples.
func small(t *testing.T, dir string, args string) *Trainer {
	t.Helper()
	tr := newTrainer(t, "gpt2", []byte(`{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "num_train_epochs": 2.2,
		"learning_rate": 0.005, "warmup_steps": 2, "weight_decay": 0.1, "lr_scheduler_type": "cosine"}`))
	s := settings{Args: tr.Args}
	if err := json.Unmarshal([]byte(args), &s); err != nil {
		t.Fatal(err)
	}
	if tr.Args = s.Args; s.Dtype == "bfloat16" {
		if err := tr.Model.HoldBF16(); err != nil {
			t.Fatal(err)
		}
	}
	tr.Args.OutputDir = dir
	tr.Train = tr.Train[:19] // 10 batches, 5 updates per epoch
	tr.Eval = &eval.Loss{Examples: tr.Eval.(*eval.Loss).Examples[:5], BatchSize: 2}
	tr.Device = cpu.New(1)
	for _, b := range tr.Model.Stack.Blocks {
		b.Attn.Dropout, b.Attn.OutDropout, b.MLP.OutDropout = 0.1, 0.1, 0.1
	}
	return tr
}

// variants of the short run that between them keep every kind of state.
var smallRuns = map[string]string{
	"steps": `{"logging_steps": 3, "eval_strategy": "steps", "eval_steps": 2, "save_steps": 4, "load_best_model_at_end": true,
		"save_total_limit": 2, "include_num_input_tokens_seen": "all"}`,
	"epochs": `{"logging_strategy": "epoch", "eval_strategy": "epoch", "save_strategy": "epoch", "lr_scheduler_type": "reduce_lr_on_plateau",
		"lr_scheduler_kwargs": {"patience": 0}, "train_sampling_strategy": "group_by_length", "eval_on_start": true}`,
	"parts": `{"logging_steps": 3, "neftune_noise_alpha": 5, "freeze": ["embeddings", "1", "ln_f"], "layer_lr_decay": 0.7, "save_steps": 5}`,
	"bf16":  `{"dtype": "bfloat16", "logging_steps": 3, "save_steps": 4}`,
	"bf16 8bit": `{"dtype": "bfloat16", "optim": "adamw_8bit", "logging_steps": 3, "eval_strategy": "steps", "eval_steps": 2, "save_steps": 4,
		"load_best_model_at_end": true}`,
	"grouped": `{"logging_steps": 4, "eval_strategy": "steps", "eval_steps": 3, "save_strategy": "no", "train_sampling_strategy": "group_by_length",
		"optim": "adamw_8bit", "metric_for_best_model": "loss", "early_stopping_patience": 2, "early_stopping_threshold": 0.3}`,
}

// outcome is all that a run ends with, but for times.
func outcome(t *testing.T, tr *Trainer) string {
	t.Helper()
	var b strings.Builder
	for _, p := range tr.Model.Params {
		fmt.Fprintf(&b, "%s %x\n", p.Name, p.Floats().Flat())
	}
	state, err := os.ReadFile(filepath.Join(tr.Args.OutputDir, "trainer_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(state)) {
		if !strings.Contains(line, "runtime") && !strings.Contains(line, "per_second") {
			b.WriteString(strings.ReplaceAll(line, tr.Args.OutputDir, "DIR"))
		}
	}
	return b.String()
}

// same fails where two outcomes differ.
func same(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("a resumed run ends differently in line %d:\n%.200s\nunbroken:\n%.200s", i, g[i], w[i])
		}
	}
	t.Fatalf("a resumed run ends differently: %d lines, unbroken %d", len(g), len(w))
}

func TestResumeIsExact(t *testing.T) {
	for name, args := range smallRuns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := small(t, t.TempDir(), args)
			steps := run(t, whole).GlobalStep
			want := outcome(t, whole)
			for stop := 1; stop <= steps; stop++ {
				if name != "steps" && (stop == 2 || stop == 4 || stop == 7) {
					continue // like the steps beside them
				}
				dir := t.TempDir()
				stopAt(t, small(t, dir, args), stop, stop%2 == 0)
				second := small(t, dir, args)
				second.Args.ResumeFromCheckpoint = "true"
				if s := run(t, second); s.GlobalStep != steps {
					t.Fatalf("stopped at %d and resumed: ended at step %d, not %d", stop, s.GlobalStep, steps)
				}
				same(t, outcome(t, second), want)
			}
		})
	}
}

// stopAt runs tr up to a step, where a hook ends it or the context is cancelled.
func stopAt(t *testing.T, tr *Trainer, step int, cancelled bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr.Hooks = []Hooks{{Step: func(p Progress) error {
		if p.Step == step && !cancelled {
			return ErrStop
		}
		if p.Step == step {
			cancel()
		}
		return nil
	}}}
	_, err := tr.Run(ctx)
	var cut *Interrupted
	switch {
	case !cancelled && err != nil:
		t.Fatal(err)
	case cancelled && (!errors.As(err, &cut) || cut.Step != step || !errors.Is(err, context.Canceled)):
		t.Fatalf("cancelled at step %d: %v", step, err)
	}
}

// A Ctrl-C in the middle of an evaluation loses neither the update nor the evaluation.
func TestCancelInEvaluation(t *testing.T) {
	args := smallRuns["steps"]
	onePass := func(dir string) *Trainer {
		tr := small(t, dir, args)
		tr.Eval.(*eval.Loss).Tokens = 1 // passes of one example
		return tr
	}
	whole := onePass(t.TempDir())
	run(t, whole)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first := onePass(dir)
	evaluations := 0
	first.Hooks = []Hooks{{Eval: func(done, total int) {
		if done == 2 {
			if evaluations++; evaluations == 3 {
				cancel()
			}
		}
	}}}
	_, err := first.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "after step 6 of 11") || !strings.Contains(err.Error(), "resume_from_checkpoint="+filepath.Join(dir, "checkpoint-6")) {
		t.Fatalf("error %v", err)
	}
	second := onePass(dir)
	second.Args.ResumeFromCheckpoint = "true"
	run(t, second)
	same(t, outcome(t, second), outcome(t, whole))
}

// killed is the folder in which this test binary, run again by TestKill, trains until it is killed.
const killed = "HONE_TEST_TRAIN_UNTIL_KILLED"

func TestKill(t *testing.T) {
	args := `{"num_train_epochs": 6, "logging_steps": 7, "eval_strategy": "steps", "eval_steps": 5, "save_steps": 3, "save_total_limit": 2}`
	if dir := os.Getenv(killed); dir != "" {
		tr := small(t, dir, args)
		if last, err := checkpoint.Last(dir); err != nil {
			t.Fatal(err)
		} else if last != "" {
			tr.Args.ResumeFromCheckpoint = "true"
		}
		run(t, tr)
		return
	}
	whole := small(t, t.TempDir(), args)
	run(t, whole)
	want := outcome(t, whole)

	dir := t.TempDir()
	deadline := time.Now().Add(2 * time.Second)
	kills := 0
	for tries := 0; ; tries++ {
		child := exec.Command(os.Args[0], "-test.run=^TestKill$")
		child.Env = append(os.Environ(), killed+"="+dir)
		var out strings.Builder
		child.Stdout, child.Stderr = &out, &out
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- child.Wait() }()
		timer := time.NewTimer(time.Hour)
		if time.Now().Before(deadline) {
			timer.Reset(time.Duration(20+rand.IntN(180)) * time.Millisecond)
		}
		select {
		case err := <-done:
			timer.Stop()
			if err != nil {
				t.Fatalf("after %d kills: %v\n%s", kills, err, out.String())
			}
		case <-timer.C:
			child.Process.Kill()
			<-done
			kills++
			continue
		}
		break
	}
	t.Logf("killed %d times", kills)
	m, err := model.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range whole.Model.Params {
		if !slices.Equal(p.W.Flat(), m.Params[i].W.Flat()) {
			t.Fatalf("after %d kills %s differs from the unbroken run's", kills, p.Name)
		}
	}
	whole.Model = m
	whole.Args.OutputDir = dir
	same(t, outcome(t, whole), want)
}

// A full disk ends the run, names what is left, and leaves it whole.
func TestFullDisk(t *testing.T) {
	args := `{"save_steps": 2}`
	whole := small(t, t.TempDir(), args)
	run(t, whole)
	dir := t.TempDir()
	first := small(t, dir, args)
	saves := 0
	first.Save = func(to string) error {
		if saves++; saves == 3 {
			return &os.PathError{Op: "write", Path: filepath.Join(to, "model.safetensors"), Err: syscall.ENOSPC}
		}
		return first.Model.Save(to)
	}
	_, err := first.Run(context.Background())
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the last checkpoint is intact: go on with resume_from_checkpoint="+filepath.Join(dir, "checkpoint-4")) || !strings.Contains(err.Error(), "step 6") {
		t.Fatalf("error %v", err)
	}
	if got := folders(t, dir); !slices.Equal(got, []string{"checkpoint-2", "checkpoint-4"}) {
		t.Fatalf("checkpoints %v", got)
	}
	second := small(t, dir, args)
	second.Args.ResumeFromCheckpoint = Resume(filepath.Join(dir, "checkpoint-4"))
	run(t, second)
	same(t, outcome(t, second), outcome(t, whole))
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	dir := t.TempDir()
	run(t, small(t, dir, `{"max_steps": 3}`))
	for _, c := range []struct {
		args   string
		change func(*Trainer)
		want   string // of the error, or the warning
	}{
		{`{"per_device_train_batch_size": 4}`, nil, "per_device_train_batch_size was 2 and is now 4"},
		{`{"data_seed": 1}`, nil, "data seed was 42 and is now 1"},
		{`{}`, func(tr *Trainer) { tr.Train = tr.Train[:18] }, "19 examples, but there are 18 now"},
		{`{}`, func(tr *Trainer) { tr.Trainable = func(p *nn.Param) bool { return p.Vector } }, "trained now; train the same"},
		{`{"learning_rate": 0.1}`, nil, "warning: learning_rate was 0.005 and is now 0.1"},
		{`{"ignore_data_skip": true, "gradient_accumulation_steps": 1}`, nil, "warning: gradient_accumulation_steps was 2 and is now 1"},
		{`{"resume_from_checkpoint": "checkpoint-77"}`, nil, "no folder checkpoint-77"},
	} {
		tr := small(t, dir, `{"max_steps": 4, "save_strategy": "no", "resume_from_checkpoint": true}`)
		if err := json.Unmarshal([]byte(c.args), &tr.Args); err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			c.change(tr)
		}
		var said []string
		tr.Hooks = []Hooks{{Warn: func(s string) { said = append(said, "warning: "+s[strings.LastIndex(s, ": ")+2:]) }}}
		if _, err := tr.Run(context.Background()); err != nil {
			said = append(said, err.Error())
		}
		if all := strings.Join(said, "\n"); !strings.Contains(all, c.want) {
			t.Errorf("resuming with %s says %q; want %q", c.args, all, c.want)
		}
	}
	empty := small(t, t.TempDir(), `{"resume_from_checkpoint": true}`)
	if _, err := empty.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "no whole checkpoint") {
		t.Errorf("resuming from nothing: %v", err)
	}
}

// A checkpoint of transformers has its moments in a pickle, which hone does not read.
func TestResumeFromTransformers(t *testing.T) {
	dir := t.TempDir()
	tr := small(t, dir, `{"max_steps": 3}`)
	run(t, tr)
	last := filepath.Join(dir, "checkpoint-3")
	for _, f := range []string{"checkpoint.json", "resume.json", "training_args.json", "optimizer.safetensors"} {
		if err := os.Remove(filepath.Join(last, f)); err != nil {
			t.Fatal(err)
		}
	}
	tr = small(t, dir, `{"max_steps": 4, "resume_from_checkpoint": true}`)
	var warned string
	tr.Hooks = []Hooks{{Warn: func(s string) { warned += s }}}
	if s := run(t, tr); s.GlobalStep != 4 {
		t.Errorf("ended at step %d", s.GlobalStep)
	}
	if !strings.Contains(warned, "moments of AdamW start at zero") {
		t.Errorf("warned %q", warned)
	}
}
