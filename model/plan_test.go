package model

import (
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// The plan is exact: the same memory as the real pass, and the FLOPs of the paper formula.
func TestPlan(t *testing.T) {
	for _, name := range names {
		for _, checkpoint := range []bool{false, true} {
			m, x := load(t, name)
			ex, _ := x.examples()
			var b collate.Batch
			collate.Pack(&b, ex)
			before := append([]nn.Float(nil), m.Wte.W.Data...)
			plan := m.Plan(&b, checkpoint, nil)
			for i, v := range before {
				if m.Wte.W.Data[i] != v {
					t.Fatalf("%s: planning changed the weights", name)
				}
			}
			r := m.NewRun(compute.Ref{})
			r.Checkpoint, r.Dropout = checkpoint, 1
			r.Grads = m.NewGrads(nil, len(b.Targets))
			r.Loss(&b, 0, 1)
			if plan.Activations != r.Peak() || plan.Gradients != r.Grads.Bytes() {
				t.Errorf("%s, checkpoint %v: planned %d and %d bytes, took %d and %d", name, checkpoint, plan.Activations, plan.Gradients, r.Peak(), r.Grads.Bytes())
			}
			if rough := 6 * m.Config.NumParams() * int64(len(b.IDs)) / 2; plan.FLOPs < rough/2 || plan.FLOPs > 6*rough {
				t.Errorf("%s: planned %d FLOPs, a rough count is %d", name, plan.FLOPs, rough)
			}
		}
	}
}

// A vocabulary's gradient that is formed block by block is the one that would have been stored.
func TestFactoredGradientsEqualStored(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} { // tied and untied
		m, x := load(t, name)
		ex, _ := x.examples()
		stored, factored := m.NewGrads(nil, fewLabels+1), m.NewGrads(nil, fewLabels)
		var b collate.Batch
		for _, g := range []*nn.Grads{stored, factored} {
			r := m.NewRun(compute.Ref{})
			r.Grads = g
			for range 2 { // steps: the second must not remember the first
				g.Reset()
				for _, part := range [][]collate.Example{ex[:2], ex[2:]} { // accumulated
					collate.Pack(&b, part)
					r.Loss(&b, 0.1, 0.5)
				}
				g.Finish()
			}
		}
		if factored.Bytes() >= stored.Bytes() {
			t.Errorf("%s: %d bytes, stored %d", name, factored.Bytes(), stored.Bytes())
		}
		for i, q := range m.Params {
			if !factored.Trained(i) {
				t.Errorf("%s has no gradient", q.Name)
			}
			factored.Blocks(compute.Ref{}, i, q, func(lo, hi int, g compute.Mat) {
				near(t, q.Name, floats32(g), floats32(stored.G[i].RowSpan(lo, hi)))
			})
		}
	}
}
