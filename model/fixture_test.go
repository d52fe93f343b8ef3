package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// names are the fixtures: one folder each, made by the reference.
var names = []string{"gpt2", "llama", "llama-rope3", "llama-linear", "llama-yarn", "llama-dynamic", "qwen2", "qwen3", "mistral"}

// A fixture is what the reference computed for one model.
type fixture struct {
	t *testing.T
	f *safetensors.File
}

func open(t *testing.T, dir string) fixture {
	f, err := safetensors.Open(dir + "/fixture.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return fixture{t, f}
}

func (x fixture) floats(name string) []float32 {
	x.t.Helper()
	return fixtures.Floats[float32](x.t, x.f, name)
}

func (x fixture) ints(name string) []int64 {
	x.t.Helper()
	info, ok := x.f.Info(name)
	if !ok {
		x.t.Fatalf("fixture has no %s", name)
	}
	v := make([]int64, info.Elements())
	if err := x.f.ReadInt64(v, name); err != nil {
		x.t.Fatal(err)
	}
	return v
}

// examples returns the batch without its padding.
func (x fixture) examples() (ex []collate.Example, width int) {
	ids, labels, lengths := x.ints("input_ids"), x.ints("labels"), x.ints("lengths")
	width = len(ids) / len(lengths)
	for s, n := range lengths {
		var e collate.Example
		for j := range int(n) {
			e.IDs = append(e.IDs, int32(ids[s*width+j]))
			e.Labels = append(e.Labels, int32(labels[s*width+j]))
		}
		ex = append(ex, e)
	}
	return ex, width
}

// whole packs every token of ex, as Hidden wants it.
func whole(ex []collate.Example) (ids []int32, s nn.Seqs) {
	s.Cu = []int32{0}
	for _, e := range ex {
		for j, id := range e.IDs {
			ids, s.Pos = append(ids, id), append(s.Pos, int32(j))
		}
		s.Cu = append(s.Cu, int32(len(ids)))
	}
	return ids, s
}

// near fails unless got is within 1e-4 of want, relative to the largest element.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, reference %d", what, len(got), len(want))
	}
	var top, diff float64
	for i, w := range want {
		top = max(top, math.Abs(float64(w)))
		diff = max(diff, math.Abs(float64(got[i])-float64(w)))
	}
	if !(diff <= 1e-4*max(top, 1e-6)) {
		t.Errorf("%s: differs from the reference by %.3g of at most %.3g", what, diff, top)
	}
}

// floats32 returns the rows of m as float32.
func floats32(m compute.Mat) (v []float32) {
	for i := range m.Rows {
		for _, e := range m.Row(i) {
			v = append(v, float32(e))
		}
	}
	return v
}

func load(t *testing.T, name string) (*Model, fixture) {
	dir := fixtures.Dir(t, name)
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m, open(t, dir)
}

func TestLogitsEqualReference(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m, x := load(t, name)
			ex, width := x.examples()
			ids, s := whole(ex)
			r := m.NewRun(compute.Ref{})
			h := r.Hidden(ids, s, nil, nil)
			hidden, logits := x.floats("hidden"), x.floats("logits")
			got := r.Logits(h)
			for i := range ex {
				lo, n := i*width, len(ex[i].IDs)
				rows := func(m compute.Mat) []float32 { return floats32(m.RowSpan(int(s.Cu[i]), int(s.Cu[i+1]))) }
				c, v := m.Config.HiddenSize, m.Config.VocabSize
				near(t, fmt.Sprintf("hidden rows of sequence %d", i), rows(h), hidden[lo*c:(lo+n)*c])
				near(t, fmt.Sprintf("logits of sequence %d", i), rows(got), logits[lo*v:(lo+n)*v])
			}
		})
	}
}

func TestLossAndGradientsEqualReference(t *testing.T) {
	for _, name := range names {
		for _, checkpoint := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				m, x := load(t, name)
				ex, _ := x.examples()
				var b collate.Batch
				collate.Pack(&b, ex)
				r := m.NewRun(compute.Ref{})
				r.Checkpoint = checkpoint
				r.Grads = nn.NewGrads(m.Params, func(*nn.Param) bool { return true })
				n := float64(len(b.Targets))
				loss := r.Loss(&b, 0, 1/n) / n
				r.Grads.Finish()
				near(t, "loss", []float32{float32(loss)}, x.floats("loss"))
				for _, tensor := range m.Tensors() {
					g := tensor.View(r.Grads.G[tensor.P.Index])
					if tensor.Transpose {
						g = transposed(g)
					}
					near(t, "gradient of "+tensor.Name, floats32(g), x.floats("grad."+tensor.Name))
				}
				nll := make([]nn.Float, len(b.Targets))
				r.NLL(nll, &b, 0)
				var sum float64
				for _, l := range nll {
					sum += float64(l)
				}
				near(t, "evaluated loss", []float32{float32(sum / n)}, x.floats("loss"))
			})
		}
	}
}

func transposed(m compute.Mat) compute.Mat {
	d := compute.NewMat(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			d.Row(j)[i] = v
		}
	}
	return d
}
