//go:build !f64

package cpu

import (
	"testing"

	"github.com/hone-ml/hone/compute"
)

var actFuncs = map[string]ActFunc{
	"gelu_new": compute.GELUTanh, "gelu": compute.GELU, "silu": compute.SiLU, "relu": compute.ReLU,
}

func TestAct(t *testing.T) {
	for name, fn := range actFuncs {
		for _, n := range lengths() {
			onAll(t, func(t *testing.T, d *Device) []Mat {
				f := newField(uint64(n))
				x, dy, y, dx := f.mat(2, n, 3), f.mat(2, n, 1), f.mat(2, n, 2), f.mat(2, n, 0)
				scale(x.Row(0), 4)
				wantY, wantDX := clone(y), clone(dx)
				ref.Act(wantY, x, fn)
				ref.ActBackward(wantDX, dy, x, fn)
				d.Act(y, x, fn)
				d.ActBackward(dx, dy, x, fn)
				near(t, name, y, wantY, 2e-7)
				near(t, name+" backward", dx, wantDX, 4e-7)
				d.ActBackward(dy, dy, x, fn)
				equal(t, name+" backward in place", dy, dx)
				d.Act(x, x, fn)
				equal(t, name+" in place", x, y)
				f.check(t)
				return []Mat{y, dx}
			})
		}
	}
}

func TestGLU(t *testing.T) {
	for name, fn := range actFuncs {
		for _, n := range lengths() {
			onAll(t, func(t *testing.T, d *Device) []Mat {
				f := newField(uint64(n))
				gate, up, dy, y := f.mat(2, n, 3), f.mat(2, n, 1), f.mat(2, n, 2), f.mat(2, n, 4)
				dgate, dup := f.mat(2, n, 3), f.mat(2, n, 6)
				wantY, wantGate, wantUp := clone(y), clone(dgate), clone(dup)
				ref.GLU(wantY, gate, up, fn)
				ref.GLUBackward(wantGate, wantUp, dy, gate, up, fn)
				d.GLU(y, gate, up, fn)
				d.GLUBackward(dgate, dup, dy, gate, up, fn)
				near(t, name, y, wantY, 4e-7)
				near(t, name+" dgate", dgate, wantGate, 6e-7)
				near(t, name+" dup", dup, wantUp, 4e-7)
				for _, other := range []Mat{dgate, dup} { // either may be dy
					o := clone(dy)
					if &other.Data[0] == &dgate.Data[0] {
						d.GLUBackward(o, wantUp, o, gate, up, fn)
					} else {
						d.GLUBackward(wantGate, o, o, gate, up, fn)
					}
					equal(t, name+" backward in place", o, other)
				}
				g, u := clone(gate), clone(up)
				d.GLU(g, g, up, fn)
				d.GLU(u, gate, u, fn)
				equal(t, name+" over gate", g, y)
				equal(t, name+" over up", u, y)
				f.check(t)
				return []Mat{y, dgate, dup}
			})
		}
	}
}

// TestGLUIsProduct: the gated units in one loop are f(gate)·up and its gradients, to the bit, in place too.
func TestGLUIsProduct(t *testing.T) {
	onAll(t, func(t *testing.T, d *Device) []Mat {
		for _, n := range []int{1, 7, 8, 15, 16, 31, 40, 100, 1541} {
			for name, f := range actFuncs {
				x := newField(uint64(n))
				gate, up, dy := x.mat(3, n, 5), x.mat(3, n, 2), x.mat(3, n, 1)
				y, dgate, dup := x.mat(3, n, 4), x.mat(3, n, 3), clone(dy)
				gate.Row(0)[0], gate.Row(1)[0] = -300, 300
				d.GLU(y, gate, up, f)
				d.GLUBackward(dgate, dup, dup, gate, up, f)
				for i := range gate.Rows {
					v, slope, want := make([]float32, n), make([]float32, n), make([]float32, n)
					act(v, gate.Row(i), f)
					mul(want, v, up.Row(i))
					equal(t, name, row(y, i), flat(want))
					mul(want, v, dy.Row(i))
					equal(t, name+" dup", row(dup, i), flat(want))
					mul(slope, dy.Row(i), up.Row(i))
					actBackward(want, slope, gate.Row(i), f)
					equal(t, name+" dgate", row(dgate, i), flat(want))
				}
				x.check(t)
			}
		}
		return nil
	})
}
