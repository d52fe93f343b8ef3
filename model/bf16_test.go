package model

import (
	"slices"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// A model held in bfloat16 is the model with rounded weights: loss and every gradient, bit by bit, in the memory that
// the plan says.
func TestBF16(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m, x := load(t, name)
			rounded, _ := load(t, name)
			if err := m.HoldBF16(); err != nil {
				t.Fatal(err)
			}
			for i, p := range rounded.Params {
				for k, v := range p.W.Data {
					s, _ := compute.Store(compute.Mat{Rows: 1, Cols: 1, Stride: 1, Data: []nn.Float{v}}, compute.BFloat16)
					s.Row(p.W.Data[k:k+1], 0)
				}
				if !slices.Equal(m.Params[i].Floats().Flat(), p.W.Flat()) {
					t.Fatalf("%s is not the rounded weight", p.Name)
				}
			}
			ex, _ := x.examples()
			var b collate.Batch
			collate.Pack(&b, ex)
			loss := func(m *Model) (float64, *nn.Grads) {
				r := m.NewRun(compute.Ref{})
				r.Grads = m.NewGrads(nil, len(b.Targets))
				plan := m.Plan(&b, false, nil)
				sum := r.Loss(&b, 0, 1)
				r.Grads.Finish()
				if plan.Activations != r.Peak() || plan.Gradients != r.Grads.Bytes() || plan.Trained != m.NumParams() {
					t.Errorf("planned %+v, took %d and %d", plan, r.Peak(), r.Grads.Bytes())
				}
				return sum, r.Grads
			}
			got, gg := loss(m)
			want, wg := loss(rounded)
			if got != want {
				t.Errorf("loss %v, with rounded weights %v", got, want)
			}
			for i, p := range m.Params {
				gg.Blocks(compute.Ref{}, i, p, func(lo, hi int, g compute.Mat) {
					g = compute.Mat{Rows: g.Rows, Cols: g.Cols, Stride: g.Cols, Data: slices.Clone(g.Flat())}
					wg.Blocks(compute.Ref{}, i, p, func(l, _ int, w compute.Mat) {
						if l == lo && !slices.Equal(g.Data, w.Flat()) {
							t.Errorf("gradient of %s differs", p.Name)
						}
					})
				})
			}
			if n := m.WeightBytes(); n >= rounded.WeightBytes()*6/10 {
				t.Errorf("weights take %d bytes, in float32 %d", n, rounded.WeightBytes())
			}
		})
	}
}

// Save writes bfloat16, and what LoadBF16 and LoadWeights read is what was saved, bit by bit.
func TestBF16IsSaved(t *testing.T) {
	for _, name := range names {
		m, _ := load(t, name)
		if err := m.HoldBF16(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range f.Names() {
			if info, _ := f.Info(name); info.Dtype != safetensors.BF16 {
				t.Errorf("%s is saved as %v", name, info.Dtype)
			}
		}
		f.Close()
		again, err := LoadBF16(dir)
		if err != nil {
			t.Fatal(err)
		}
		other, _ := load(t, name)
		if err := other.HoldBF16(); err != nil {
			t.Fatal(err)
		}
		for _, p := range other.Params {
			if p.Stored != nil {
				clear(p.Stored.Data)
			}
			clear(p.W.Data)
		}
		if err := other.LoadWeights(dir); err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Params {
			want := p.Floats().Flat()
			if !slices.Equal(again.Params[i].Floats().Flat(), want) || !slices.Equal(other.Params[i].Floats().Flat(), want) {
				t.Errorf("%s: %s is not what was saved", name, p.Name)
			}
			if (again.Params[i].Stored == nil) != p.Vector {
				t.Errorf("%s: %s is held as %v", name, p.Name, again.Params[i].Storage())
			}
		}
	}
}

func TestBF16Resize(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} {
		m, _ := load(t, name)
		if err := m.HoldBF16(); err != nil {
			t.Fatal(err)
		}
		old := m.Wte.Floats()
		n := m.Config.VocabSize + 3
		if err := m.Resize(n, 1); err != nil {
			t.Fatal(err)
		}
		got := m.Wte.Floats()
		if got.Rows != n || m.Wte.Storage() != compute.BFloat16 || m.Head.W.Storage() != compute.BFloat16 {
			t.Errorf("%s: %v rows held as %v", name, got, m.Wte.Storage())
		}
		if !slices.Equal(got.RowSpan(0, old.Rows).Flat(), old.Flat()) {
			t.Errorf("%s: the rows that were there have changed", name)
		}
	}
}

func TestFrozenIsNotHeldInBF16(t *testing.T) {
	m, _ := load(t, "gpt2")
	if err := m.Freeze("int8"); err != nil {
		t.Fatal(err)
	}
	if err := m.HoldBF16(); err != errFrozen {
		t.Errorf("%v", err)
	}
}
