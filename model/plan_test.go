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
			r.Grads = nn.NewGrads(m.Params, func(*nn.Param) bool { return true })
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
