//go:build !f64

package cpu

import (
	"math"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// ulpsOff returns how many units in the last place of want got is away from it.
func ulpsOff(got float32, want float64) float64 {
	exp := math.Ilogb(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(exp, -126)-23)
}

// TestAccuracy compares with float64 all over the range. Errors count in units in the last place of the
// value; where the value runs through 0 or dies away, of the number given as floor.
func TestAccuracy(t *testing.T) {
	exp := func(dst, x []float32) {
		for i := range x {
			expSum(dst[i:i+1], x[i:i+1], 0)
		}
	}
	value := func(f ActFunc) (func(dst, x []float32), func(x float64) float64) {
		return func(dst, x []float32) { act(dst, x, f) }, func(x float64) float64 { y, _ := f.Value(x); return y }
	}
	slope := func(f ActFunc) (func(dst, x []float32), func(x float64) float64) {
		ones := make([]float32, 1<<14)
		for i := range ones {
			ones[i] = 1
		}
		return func(dst, x []float32) { actBackward(dst, ones[:len(x)], x, f) },
			func(x float64) float64 { _, dy := f.Value(x); return dy }
	}
	check := func(name string, lo, hi, floor, bound float64, got func(dst, x []float32), want func(x float64) float64) {
		t.Helper()
		x, y := make([]float32, 1<<14), make([]float32, 1<<14)
		for i := range x {
			x[i] = float32(lo + (hi-lo)*float64(i)/float64(len(x)-1))
		}
		got(y, x)
		worst, at := 0., float32(0)
		for i, e := range x {
			w := want(float64(e))
			off := ulpsOff(y[i], w)
			if math.Abs(w) < floor {
				off = math.Abs(float64(y[i])-w) / (floor * 0x1p-23)
			}
			if off > worst {
				worst, at = off, e
			}
		}
		t.Logf("%-14s [%v, %v]: at most %.2f ulp, at %v", name, lo, hi, worst, at)
		if !(worst <= bound) {
			t.Errorf("%s: off by %.2f ulp at %v, want at most %v", name, worst, at, bound)
		}
	}
	eachImplementation(t, func(t *testing.T) {
		check("exp", -87, 0, 0, 1.5, exp, math.Exp)
		check("exp", -2, 2, 0, 1.5, exp, math.Exp)
		for name, f := range actFuncs {
			// On the way to 0 the rounding of exp's argument shows.
			got, want := value(f)
			check(name, -3, 3, 1e-2, 12, got, want)
			check(name, -30, 30, 1, 1.5, got, want)
			got, want = slope(f)
			check(name+" slope", -3, 3, 1e-1, 16, got, want)
			check(name+" slope", -30, 30, 1, 2, got, want)
		}
	})
}

// TestActEdges: infinities, NaN, and values that must not overflow on the way.
func TestActEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachImplementation(t, func(t *testing.T) {
		for name, f := range actFuncs {
			x := []float32{0, float32(math.Copysign(0, -1)), 1e-40, -1e-40, 1e4, -1e4, 1e30, -1e30, inf, nan}
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			act(y, x, f)
			actBackward(dx, []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, x, f)
			for i, e := range x[:8] {
				if want := max(e, 0); math.Abs(float64(y[i]-want)) > 1e-6*float64(want)+1e-20 {
					t.Errorf("%s(%v) = %v", name, e, y[i])
				}
			}
			if y[8] != inf || y[9] == y[9] {
				t.Errorf("%s of +Inf and NaN: %v and %v", name, y[8], y[9])
			}
			half := float32(0.5)
			if f == compute.ReLU {
				half = 0
			}
			if dx[0] != half || dx[4] != 1 || math.Abs(float64(dx[5])) > 1e-20 || dx[6] != 1 || math.Abs(float64(dx[7])) > 1e-20 {
				t.Errorf("%s: slopes %v at %v", name, dx, x)
			}
		}
	})
}
