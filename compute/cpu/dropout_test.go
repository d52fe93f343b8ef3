//go:build !f64

package cpu

import (
	"testing"

	"github.com/hone-ml/hone/compute"
)

func TestDropout(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			x, y := f.mat(3, n, 3), f.mat(3, n, 1)
			want := clone(y)
			for _, p := range []float32{0, 0.1, 0.5, 0.999} {
				ref.Dropout(want, x, p, 0xdeadbeefcafe<<8+uint64(n))
				d.Dropout(y, x, p, 0xdeadbeefcafe<<8+uint64(n))
				equal(t, "dropout", y, want)
			}
			d.Dropout(x, x, 0.999, 0xdeadbeefcafe<<8+uint64(n))
			equal(t, "in place", x, want)
			f.check(t)
			return []Mat{y}
		})
	}
}

// TestMask starts at any column, as tiles of attention do.
func TestMask(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		for col := range 40 {
			for n := range 70 {
				f := newField(uint64(n))
				x, y := f.mat(1, n+1, 0), f.mat(1, n+1, 0)
				want := clone(y)
				m := newMask(0.3, 77<<33)
				m.apply(y.Data[:n], x.Data[:n], 1<<20+5, col, 11)
				compute.NewMask(0.3, 77<<33).Apply(want.Data[:n], x.Data[:n], 1<<20+5, col, 11)
				equal(t, "mask", y, want)
			}
		}
	})
}
