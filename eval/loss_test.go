package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

var names = []string{"gpt2", "llama", "llama-rope3", "llama-dynamic", "qwen2", "qwen3", "mistral"}

func load(t testing.TB, name string) *model.Model {
	t.Helper()
	m, err := model.Load(fixtures.Dir(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// batch reads the labelled batch of a model's fixture and one number.
func batch(t testing.TB, name, number string) ([]collate.Example, float64) {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(fixtures.Dir(t, name), "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ints := func(name string) []int64 {
		info, _ := f.Info(name)
		v := make([]int64, info.Elements())
		if err := f.ReadInt64(v, name); err != nil {
			t.Fatal(err)
		}
		return v
	}
	ids, labels, lengths := ints("input_ids"), ints("labels"), ints("lengths")
	width := len(ids) / len(lengths)
	var ex []collate.Example
	for s, n := range lengths {
		var e collate.Example
		for j := range int(n) {
			e.IDs = append(e.IDs, int32(ids[s*width+j]))
			e.Labels = append(e.Labels, int32(labels[s*width+j]))
		}
		ex = append(ex, e)
	}
	var v [1]float32
	if err := f.ReadFloat32(v[:], number); err != nil {
		t.Fatal(err)
	}
	return ex, float64(v[0])
}

func evaluate(t testing.TB, m *model.Model, e Evaluator) Result {
	t.Helper()
	r, err := e.Evaluate(context.Background(), m.NewRun(compute.Ref{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t testing.TB, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within*max(math.Abs(want), 1)) {
		t.Errorf("%s is %.9g, expected %.9g", what, got, want)
	}
}

func TestLossEqualsReference(t *testing.T) {
	for _, name := range names {
		ex, want := batch(t, name, "loss")
		r := evaluate(t, load(t, name), &Loss{Examples: ex, Perplexity: true, Tokens: 20})
		near(t, name+" loss", r.Metrics["loss"], want, 2e-6)
		near(t, name+" perplexity", r.Metrics["perplexity"], math.Exp(want), 1e-5)
		if r.Examples != len(ex) || r.Steps != 1 {
			t.Errorf("%s: %d examples in %d steps", name, r.Examples, r.Steps)
		}
	}
	ex, want := batch(t, "gpt2", "smooth_loss")
	near(t, "smoothed loss", evaluate(t, load(t, "gpt2"), &Loss{Examples: ex, Smoothing: 0.1}).Metrics["loss"], want, 2e-6)
}

// trained reads the models and data of the reference's training runs and the eval_loss that it ended with.
func trained(t testing.TB, name string) (*model.Model, []collate.Example, float64) {
	t.Helper()
	m := load(t, name)
	dir := fixtures.Dir(t, "trainer")
	f, err := safetensors.Open(filepath.Join(dir, name, "final.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tensor := range m.Tensors() {
		info, ok := f.Info(tensor.Name)
		if !ok {
			t.Fatalf("no %s", tensor.Name)
		}
		v := make([]float32, info.Elements())
		if err := f.ReadFloat32(v, tensor.Name); err != nil {
			t.Fatal(err)
		}
		dst := tensor.View(tensor.P.W)
		for i := range dst.Rows {
			for j := range dst.Cols {
				if tensor.Transpose {
					dst.Row(i)[j] = nn.Float(v[j*dst.Rows+i])
				} else {
					dst.Row(i)[j] = nn.Float(v[i*dst.Cols+j])
				}
			}
		}
	}
	var data struct {
		Eval []struct {
			IDs    []int32 `json:"input_ids"`
			Labels []int32
		}
	}
	var run struct {
		Log []map[string]float64 `json:"log_history"`
	}
	read(t, filepath.Join(dir, "data.json"), &data)
	read(t, filepath.Join(dir, name, "run.json"), &run)
	var ex []collate.Example
	for _, e := range data.Eval {
		ex = append(ex, collate.Example{IDs: e.IDs, Labels: e.Labels})
	}
	var last float64
	for _, row := range run.Log {
		if loss, ok := row["eval_loss"]; ok {
			last = loss
		}
	}
	return m, ex, last
}

func read(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// Thirteen examples in batches of eight: the mean of the batches' means, weighted by example, however they are
// packed.
func TestEvalLossEqualsTrainer(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} {
		m, ex, want := trained(t, name)
		for _, tokens := range []int{1, 30, 0} {
			r := evaluate(t, m, &Loss{Examples: ex, BatchSize: 8, Tokens: tokens})
			near(t, name+" eval_loss", r.Metrics["loss"], want, 1e-6)
			if r.Steps != 2 {
				t.Errorf("%d steps", r.Steps)
			}
		}
	}
}

func TestLossWithoutLabels(t *testing.T) {
	m, ex, _ := trained(t, "gpt2")
	bare := collate.Example{IDs: []int32{1, 2}, Labels: []int32{5, collate.Ignore}}
	want := evaluate(t, m, &Loss{Examples: ex[:8]}).Metrics["loss"]
	got := evaluate(t, m, &Loss{Examples: append(ex[:8:8], bare)}).Metrics["loss"]
	near(t, "loss beside a batch without labels", got, want, 0)
	if got := evaluate(t, m, &Loss{Examples: []collate.Example{bare}, Smoothing: 0.1}).Metrics["loss"]; !math.IsNaN(got) {
		t.Errorf("loss of nothing is %g", got)
	}
}

func TestLossErrors(t *testing.T) {
	m, ex, _ := trained(t, "gpt2")
	run := m.NewRun(compute.Ref{})
	if _, err := (&Loss{}).Evaluate(context.Background(), run, nil); err == nil {
		t.Error("no examples, no error")
	}
	bad := append(ex[:2:2], collate.Example{IDs: []int32{96}, Labels: []int32{96}})
	if _, err := (&Loss{Examples: bad}).Evaluate(context.Background(), run, nil); err == nil || !strings.Contains(err.Error(), "example 2: model: token id 96") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := (&Loss{Examples: ex, Tokens: 1}).Evaluate(ctx, run, func(done, total int) {
		calls++
		if done == 3 && total == len(ex) {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || calls != 3 {
		t.Errorf("error %v after %d passes", err, calls)
	}
}
