package hone

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
	"github.com/hone-ml/hone/train"
)

// tinyBase makes a folder with a model of random weights, base, and a data set, rows.jsonl.
func tinyBase(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	config, err := model.ParseConfig([]byte(`{"model_type": "gpt2", "vocab_size": 421, "n_positions": 64, "n_embd": 16, "n_layer": 1, "n_head": 2}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Load("tokenizer/testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "base")
	if err := os.MkdirAll(base, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, save := range []func(string) error{m.Save, tok.Save} {
		if err := save(base); err != nil {
			t.Fatal(err)
		}
	}
	rows := strings.Repeat(`{"text": "a lovely film", "label": "pos"}`+"\n"+`{"text": "dull and long", "label": "neg"}`+"\n"+`{"text": "no jokes", "label": "neg"}`+"\n", 8)
	if err := os.WriteFile(filepath.Join(dir, "rows.jsonl"), []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What a job takes over from another changes nothing: each ends with the weights of a job of its own.
func TestAgainIsAsFresh(t *testing.T) {
	dir := tinyBase(t)
	ctx := context.Background()
	f := FineTune{Model: filepath.Join(dir, "base"), Dataset: filepath.Join(dir, "rows.jsonl"), TestSize: 0.25, Args: train.Defaults()}
	f.MaxSteps, f.LearningRate, f.SaveStrategy = 3, 1e-2, "no"
	whole, adapter, shorter, smoothed := f, f, f, f
	whole.LearningRate = 3e-3
	adapter.Lora, adapter.LoraModulesToSave = true, []string{"ln_f"}
	shorter.MaxLength = 8
	smoothed.LabelSmoothingFactor = 0.1

	run := func(j *Job, out string) []byte {
		t.Helper()
		j.OutputDir = filepath.Join(dir, out)
		if _, err := j.Run(ctx); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(j.OutputDir, "model.safetensors"))
		if j.Adapter != nil {
			b, err = os.ReadFile(filepath.Join(j.OutputDir, "adapter_model.safetensors"))
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	f.OutputDir = filepath.Join(dir, "first")
	last, err := f.Prepare(ctx, Watch{})
	if err != nil {
		t.Fatal(err)
	}
	run(last, "first")
	for i, g := range []FineTune{whole, adapter, adapter, shorter, smoothed, whole} {
		g.OutputDir = filepath.Join(dir, "again"+string(rune('a'+i)))
		j, err := last.Again(ctx, g)
		if err != nil {
			t.Fatal(err)
		}
		shares := &j.Train[0] == &last.Train[0]
		if want := i < 3; shares != want {
			t.Errorf("job %d: examples taken over: %v", i, shares)
		}
		last = j
		got := run(j, "again"+string(rune('a'+i)))
		g.OutputDir = filepath.Join(dir, "fresh"+string(rune('a'+i)))
		fresh, err := g.Prepare(ctx, Watch{})
		if err != nil {
			t.Fatal(err)
		}
		if want := run(fresh, "fresh"+string(rune('a'+i))); !reflect.DeepEqual(got, want) {
			t.Errorf("job %d ends with other weights than one of its own", i)
		}
	}
}

// Seeds don't choose the rows that a sweep is measured on.
func TestAgainKeepsTheRowsHeldOut(t *testing.T) {
	dir := tinyBase(t)
	ctx := context.Background()
	f := FineTune{Model: filepath.Join(dir, "base"), Dataset: filepath.Join(dir, "rows.jsonl"), TestSize: 0.25, Args: train.Defaults()}
	f.OutputDir = filepath.Join(dir, "out")
	j, err := f.Prepare(ctx, Watch{})
	if err != nil {
		t.Fatal(err)
	}
	rows := j.Evaluator.(*classEvaluator).Rows
	for _, length := range []int{0, 32} {
		f.Seed, f.MaxLength = 7, length
		next, err := j.Again(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(next.Evaluator.(*classEvaluator).Rows, rows) {
			t.Errorf("max_length %d: other rows are held out", length)
		}
		j = next
	}
}
