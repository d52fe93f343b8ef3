package train

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/compute/cpu"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
)

// A reference is one run of transformers' Trainer.
type reference struct {
	Args      json.RawMessage
	Epochs    [][][]int32
	MaxSteps  int   `json:"max_steps"`
	NumEpochs int   `json:"num_train_epochs"`
	Log       []Row `json:"log_history"`
	Folders   []string
	NumItems  []int `json:"num_items"`

	BestMetric     *float64       `json:"best_metric"`
	BestGlobalStep *int           `json:"best_global_step"`
	TokensSeen     int64          `json:"num_input_tokens_seen"`
	Callbacks      map[string]any `json:"stateful_callbacks"`
}

// counting are the examples of the reference's runs.
func counting(t *testing.T) (train, held []collate.Example) {
	t.Helper()
	type row struct {
		IDs    []int32 `json:"input_ids"`
		Labels []int32
	}
	var f struct{ Train, Eval []row }
	readJSON(t, "trainer/data.json", &f)
	for _, r := range f.Train {
		train = append(train, collate.Example{IDs: r.IDs, Labels: r.Labels})
	}
	for _, r := range f.Eval {
		held = append(held, collate.Example{IDs: r.IDs, Labels: r.Labels})
	}
	return train, held
}

// newTrainer returns a Trainer of a fixture's model on the reference's data, writing to a fresh folder.
func newTrainer(t *testing.T, name string, args []byte) *Trainer {
	t.Helper()
	m, err := model.Load(fixtures.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	tr := &Trainer{Model: m, Args: Defaults(), Device: cpu.New(0)}
	if err := json.Unmarshal(args, &tr.Args); err != nil {
		t.Fatal(err)
	}
	tr.Args.OutputDir = filepath.Join(t.TempDir(), "tiny")
	var held []collate.Example
	tr.Train, held = counting(t)
	tr.Eval = &eval.Loss{Examples: held, BatchSize: tr.Args.PerDeviceEvalBatchSize}
	return tr
}

func run(t *testing.T, tr *Trainer) *State {
	t.Helper()
	s, err := tr.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func near(got, want, tolerance float64) bool {
	return got == want || math.Abs(got-want) <= tolerance*math.Abs(want)
}

// compareRows compares all entries that are not times, norms of gradients to the given relative tolerance.
func compareRows(t *testing.T, got, want []Row, gradNorm float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows in log_history, reference %d", len(got), len(want))
	}
	for i, w := range want {
		if !slices.Equal(slices.Sorted(maps.Keys(got[i])), slices.Sorted(maps.Keys(w))) {
			t.Fatalf("row %d has %v, reference %v", i, got[i].Keys(), w.Keys())
		}
		for k, v := range w {
			exact := k == "step" || k == "epoch" || k == "num_input_tokens_seen" || k == "total_flos"
			switch {
			case strings.Contains(k, "runtime") || strings.Contains(k, "per_second"):
			case k == "grad_norm" && near(got[i][k], v, gradNorm):
			case exact && got[i][k] != v, k == "learning_rate" && !near(got[i][k], v, 1e-12), !near(got[i][k], v, 1e-4):
				t.Errorf("row %d (step %v): %s is %v, reference %v", i, w["step"], k, got[i][k], v)
			}
		}
	}
}

func TestRunsEqualReference(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} {
		t.Run(name, func(t *testing.T) {
			var ref reference
			readJSON(t, "trainer/"+name+"/run.json", &ref)
			tr := newTrainer(t, name, ref.Args)
			s := run(t, tr)
			// The last row is of an evaluation after training.
			compareRows(t, s.LogHistory, ref.Log[:len(ref.Log)-1], 1e-4)
			compareWeights(t, tr.Model, filepath.Join(fixtures.Dir(t, "trainer/"+name), "final.safetensors"), name)
			compareState(t, tr.Args.OutputDir, name)
		})
	}
}

// compareWeights compares m with the reference's trained model.
func compareWeights(t *testing.T, m *model.Model, path, name string) {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{path: "model.safetensors", filepath.Join(fixtures.Dir(t, name), "config.json"): "config.json"} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := model.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params {
		for j, x := range want.Params[i].W.Flat() {
			// The keys' bias has no gradient but rounding noise, which Adam turns into whole steps.
			width := m.Config.HiddenSize
			if strings.HasSuffix(p.Name, "c_attn.bias") && j >= width && j < 2*width {
				continue
			}
			if y := p.W.Flat()[j]; math.Abs(float64(x-y)) > 1e-4 {
				t.Errorf("%s[%d] is %v after training, reference %v", p.Name, j, y, x)
				break
			}
		}
	}
}

// compareState compares the keys and the formatting of the files that a run leaves behind.
func compareState(t *testing.T, dir, name string) {
	t.Helper()
	for _, file := range []string{"trainer_state.json", "train_results.json", "eval_results.json", "all_results.json"} {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "trainer/"+name), file))
		if err != nil {
			t.Fatal(err)
		}
		if g, w := shape(string(got)), shape(string(want)); g != w {
			t.Errorf("%s differs from the reference's in more than measured numbers:\n%s\nreference:\n%s", file, g, w)
		}
	}
}

// shape returns a JSON file with what is measured replaced.
func shape(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		key, _, ok := strings.Cut(line, ": ")
		for _, word := range []string{"loss", "grad_norm", "runtime", "per_second"} {
			if ok && strings.Contains(key, word) {
				lines[i] = key
				if strings.HasSuffix(line, ",") {
					lines[i] += ","
				}
			}
		}
	}
	return strings.Join(lines, "\n")
}

func TestVariantsEqualReference(t *testing.T) {
	for _, name := range []string{"constant_with_warmup", "cosine", "data_seed", "drop_last", "early_stopping", "epochs",
		"group_by_length", "label_smoothing", "no_clipping", "plateau"} {
		t.Run(name, func(t *testing.T) {
			var ref reference
			readJSON(t, "trainer/variants/"+name+".json", &ref)
			tr := newTrainer(t, "gpt2", ref.Args)
			if name == "early_stopping" {
				tr.Args.EarlyStoppingPatience = 1
			}
			tolerance := 1e-4
			switch l := tr.Eval.(*eval.Loss); name {
			case "label_smoothing":
				l.Smoothing = 0.1
			case "drop_last": // the reference drops the last batch of the evaluation too
				l.Examples = l.Examples[:8]
			case "group_by_length": // and groups its examples
				l.Examples = grouped(l.Examples, tr.Args.Seed, l.BatchSize)
			case "plateau": // with this learning rate rounding errors grow
				tolerance = 1e-3
			}
			s := run(t, tr)
			compareRows(t, s.LogHistory, ref.Log, tolerance)
			if s.MaxSteps != ref.MaxSteps || s.NumTrainEpochs != ref.NumEpochs {
				t.Errorf("%d steps in %d epochs, reference %d in %d", s.MaxSteps, s.NumTrainEpochs, ref.MaxSteps, ref.NumEpochs)
			}
			if got := folders(t, tr.Args.OutputDir); !slices.Equal(got, ref.Folders) {
				t.Errorf("checkpoints %v, reference %v", got, ref.Folders)
			}
			if ref.BestMetric != nil {
				compareBest(t, s, &ref)
			}
		})
	}
}

func grouped(examples []collate.Example, seed int64, batch int) (out []collate.Example) {
	lengths := make([]int, len(examples))
	for i, e := range examples {
		lengths[i] = len(e.IDs)
	}
	perm := make([]int32, len(examples))
	groupByLength(perm, newMT19937(seed), lengths, batch)
	for _, i := range perm {
		out = append(out, examples[i])
	}
	return out
}

func compareBest(t *testing.T, s *State, ref *reference) {
	t.Helper()
	if s.BestMetric == nil || !near(*s.BestMetric, *ref.BestMetric, 1e-4) || s.BestGlobalStep == nil || *s.BestGlobalStep != *ref.BestGlobalStep {
		t.Errorf("best %v at %v, reference %v at %v", s.BestMetric, s.BestGlobalStep, *ref.BestMetric, *ref.BestGlobalStep)
	}
	if s.NumInputTokensSeen != ref.TokensSeen {
		t.Errorf("%d tokens seen, reference %d", s.NumInputTokensSeen, ref.TokensSeen)
	}
	got, _ := json.Marshal(s.StatefulCallbacks)
	want, _ := json.Marshal(ref.Callbacks)
	if string(got) != string(want) {
		t.Errorf("stateful_callbacks %s, reference %s", got, want)
	}
}

func folders(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "checkpoint-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	slices.Sort(names)
	return names
}

func TestDataOrderEqualsReference(t *testing.T) {
	for _, name := range []string{"gpt2/run", "llama/run", "variants/data_seed", "variants/drop_last", "variants/epochs"} {
		var ref reference
		readJSON(t, "trainer/"+name+".json", &ref)
		tr := newTrainer(t, "gpt2", ref.Args)
		l, err := tr.prepare(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		step := 0
		for e, batches := range ref.Epochs {
			perm := l.order.epoch(e)
			for b, want := range batches {
				if got := perm[l.begin(b):l.begin(b+1)]; !slices.Equal(got, want) {
					t.Fatalf("%s: batch %d of epoch %d is %v, reference %v", name, b, e, got, want)
				}
			}
			for b := 0; b < len(batches) && step < len(ref.NumItems); b, step = b+2, step+1 {
				items := 0
				for _, i := range perm[l.begin(b):l.begin(min(b+2, l.batches))] {
					items += l.targets[i]
				}
				if items != ref.NumItems[step] {
					t.Errorf("%s: step %d has %d labels, reference %d", name, step+1, items, ref.NumItems[step])
				}
			}
		}
	}
}

// Nothing depends on the device but rounding.
func TestDevicesAgree(t *testing.T) {
	var losses []string
	for _, d := range []compute.Device{compute.Ref{}, cpu.New(1), cpu.New(3)} {
		tr := newTrainer(t, "llama", []byte(`{"max_steps": 3, "logging_steps": 1, "learning_rate": 1e-3}`))
		tr.Device = d
		s := run(t, tr)
		losses = append(losses, fmt.Sprintf("%.4f", s.LogHistory[2]["loss"]))
	}
	if losses[0] != losses[1] || losses[1] != losses[2] {
		t.Errorf("losses of the third step: %v", losses)
	}
}

// With bf16 products are rounded alike on every device, and training goes nearly the same way. The order of sums is not the
// same everywhere, which after some steps turns a rounding: the first two losses, an update between them, are compared.
func TestBF16(t *testing.T) {
	losses := func(d compute.Device, bf16 bool) (l []float64) {
		tr := newTrainer(t, "gpt2", []byte(`{"max_steps": 3, "logging_steps": 1, "learning_rate": 1e-3}`))
		tr.Device, tr.Args.BF16 = d, bf16
		for _, row := range run(t, tr).LogHistory[:3] {
			l = append(l, row["loss"])
		}
		return l
	}
	exact, want, got := losses(cpu.New(1), false), losses(compute.Ref{}, true), losses(cpu.New(2), true)
	for i := range got {
		if i < 2 && math.Abs(got[i]-want[i]) > 1e-6*want[i] {
			t.Errorf("step %d: loss %v, on the reference device %v", i+1, got[i], want[i])
		}
		if d := math.Abs(got[i] - exact[i]); d == 0 || d > 2e-3*exact[i] {
			t.Errorf("step %d: loss %v, in float32 %v", i+1, got[i], exact[i])
		}
	}
}
