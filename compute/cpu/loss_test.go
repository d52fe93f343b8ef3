//go:build !f64

package cpu

import (
	"math"
	"testing"

	"github.com/hone-ml/hone/compute"
)

func TestCrossEntropy(t *testing.T) {
	for _, n := range append(lengths(), 50257) {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			x, loss, want := f.mat(4, n, 5), f.mat(1, 4, 0), NewLoss(4)
			scale(x.Row(1), 20)
			labels := []int32{int32(n - 1), int32(n / 2), 0, int32(n / 3)}
			for _, c := range []struct{ smoothing, scale float32 }{{0, 0}, {0, 0.25}, {0.1, 0}, {0.1, -2}} {
				l, wantL := clone(x), clone(x)
				d.CrossEntropy(loss.Data[:4], l, labels, c.smoothing, c.scale)
				ref.CrossEntropy(want.Data, wantL, labels, c.smoothing, c.scale)
				near(t, "loss", loss, want, 1e-6)
				near(t, "gradient", l, wantL, 2e-6)
				if c.scale == 0 {
					equal(t, "logits", l, x)
				}
			}
			d.CrossEntropy(loss.Data[:4], x, labels, 0.1, 0.5)
			f.check(t)
			return []Mat{x, loss}
		})
	}
}

// NewLoss returns a row of n zeros.
func NewLoss(n int) Mat { return compute.NewMat(1, n) }

func TestSumSquares(t *testing.T) {
	for _, n := range append(lengths(), 1<<17+3) {
		for _, gap := range []int{0, 3} {
			var first float64
			onAll(t, func(t *testing.T, d *Device) []Mat {
				f := newField(uint64(n))
				g := f.mat(2, n, gap)
				want, got := ref.SumSquares(g), d.SumSquares(g)
				if math.Abs(got-want) > 1e-12*want {
					t.Fatalf("Σg² of %v is %v, want %v", g, got, want)
				}
				if d.Threads() == 1 {
					first = got
				}
				if got != first {
					t.Fatalf("%v on %d threads, %v on one", got, d.Threads(), first)
				}
				return nil
			})
		}
	}
}

func TestAdamW(t *testing.T) {
	o := compute.AdamW{LR: 3e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1, Step: 3, GradScale: 0.7}
	for _, n := range append(lengths(), 3*grain+5) {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			w, g, m, v := f.dense(1, n), f.dense(1, n), f.dense(1, n), f.dense(1, n)
			for j, e := range v.Data {
				v.Data[j] = e * e
			}
			wantW, wantM, wantV := clone(w), clone(m), clone(v)
			ref.AdamW(wantW, g, wantM, wantV, o)
			d.AdamW(w, g, m, v, o)
			near(t, "w", w, wantW, 1.2e-7)
			ulps(t, "v", v.Data, wantV.Data, 1)
			near(t, "m", m, wantM, 1.2e-7)
			f.check(t)
			return []Mat{w, m, v}
		})
	}
}

// ulps fails unless got is within n units in the last place of want.
func ulps(t *testing.T, name string, got, want []float32, n int) {
	t.Helper()
	for i, w := range want {
		a, b := int(int32(math.Float32bits(w))), int(int32(math.Float32bits(got[i])))
		if a-b > n || b-a > n {
			t.Fatalf("%s: element %d is %v, want %v: %d ulp", name, i, got[i], w, b-a)
		}
	}
}
