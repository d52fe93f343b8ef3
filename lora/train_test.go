//go:build !f64

package lora

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute/cpu"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/train"
)

// readJSON reads a file of a fixture.
func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// trainer returns a Trainer of the adapter that the reference began with, on the reference's data.
func trainer(t *testing.T, name string) (*train.Trainer, *Adapter, []train.Row) {
	t.Helper()
	dir := fixtures.Dir(t, "lora-trainer/"+name)
	m := base(t, strings.TrimSuffix(name, "-dora"))
	a, err := Load(filepath.Join(dir, "start"), m)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		IDs    []int32 `json:"input_ids"`
		Labels []int32
	}
	var data struct{ Train, Eval []row }
	readJSON(t, filepath.Join(fixtures.Dir(t, "trainer"), "data.json"), &data)
	examples := func(rows []row) (ex []collate.Example) {
		for _, r := range rows {
			ex = append(ex, collate.Example{IDs: r.IDs, Labels: r.Labels})
		}
		return ex
	}
	var run struct {
		Args json.RawMessage
		Log  []train.Row `json:"log_history"`
	}
	readJSON(t, filepath.Join(dir, "run.json"), &run)
	tr := &train.Trainer{Model: m, Args: train.Defaults(), Device: cpu.New(0), Train: examples(data.Train),
		Trainable: a.Trainable, Save: a.Save, Load: a.LoadWeights}
	if err := json.Unmarshal(run.Args, &tr.Args); err != nil {
		t.Fatal(err)
	}
	tr.Args.OutputDir = filepath.Join(t.TempDir(), "out")
	tr.Eval = &eval.Loss{Examples: examples(data.Eval), BatchSize: tr.Args.PerDeviceEvalBatchSize}
	return tr, a, run.Log
}

// Twenty steps of Trainer have the losses, the norms of gradients and the adapter that the reference's have.
func TestTrainingEqualsPEFT(t *testing.T) {
	for _, name := range slices.Concat(bases, []string{"gpt2-dora", "llama-dora"}) {
		t.Run(name, func(t *testing.T) {
			tr, a, want := trainer(t, name)
			s, err := tr.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if len(s.LogHistory) != len(want) {
				t.Fatalf("%d rows in log_history, reference %d", len(s.LogHistory), len(want))
			}
			for i, w := range want {
				for _, k := range []string{"step", "loss", "grad_norm", "eval_loss", "learning_rate", "train_loss"} {
					if g := s.LogHistory[i][k]; math.Abs(g-w[k]) > 1e-4*math.Abs(w[k]) {
						t.Errorf("step %v: %s is %v, reference %v", w["step"], k, g, w[k])
					}
				}
			}
			end := open(t, filepath.Join(fixtures.Dir(t, "lora-trainer/"+name), "end", WeightsFile))
			got := open(t, filepath.Join(tr.Args.OutputDir, WeightsFile))
			for _, tensor := range a.tensors {
				g, w := got.floats(tensor.Name), end.floats(tensor.Name)
				for i := range w {
					// The keys' bias has no gradient but rounding noise, which Adam turns into whole steps.
					if strings.HasSuffix(tensor.Name, "c_attn.base_layer.bias") && i >= len(w)/3 && i < 2*len(w)/3 || strings.HasSuffix(tensor.Name, "k_proj.base_layer.bias") {
						continue
					}
					if math.Abs(float64(g[i]-w[i])) > 1e-4 {
						t.Errorf("%s[%d] is %v after training, reference %v", tensor.Name, i, g[i], w[i])
						break
					}
				}
			}
			if len(got.f.Names()) != len(a.tensors) {
				t.Errorf("saved %q, expected the adapter's %d tensors", got.f.Names(), len(a.tensors))
			}
		})
	}
}

// A run that is cut in the middle and resumed ends with the same bits, dropout included.
func TestResume(t *testing.T) {
	run := func(dir string, resume string, stop int) []byte {
		t.Helper()
		tr, a, _ := trainer(t, "llama")
		a.Disable()
		for i := range a.updates {
			a.updates[i].lora.Dropout = 0.2
		}
		a.Enable()
		tr.Args.OutputDir, tr.Args.ResumeFromCheckpoint = dir, train.Resume(resume)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		tr.Hooks = []train.Hooks{{Step: func(p train.Progress) error {
			if p.Step == stop {
				cancel()
			}
			return nil
		}}}
		if _, err := tr.Run(ctx); (err != nil) != (stop > 0) {
			t.Fatal(err)
		}
		if stop > 0 {
			return nil
		}
		b, err := os.ReadFile(filepath.Join(dir, WeightsFile))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := run(t.TempDir(), "", 0)
	dir := t.TempDir()
	run(dir, "", 7)
	if got := run(dir, "true", 0); string(got) != string(want) {
		t.Error("the resumed run ends with other weights")
	}
	if files, err := filepath.Glob(filepath.Join(dir, "checkpoint-*", "model*.safetensors")); len(files) > 0 || err != nil {
		t.Errorf("checkpoints of an adapter hold whole models: %q, %v", files, err)
	}
}
