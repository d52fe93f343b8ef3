//go:build !f64

package cpu

import "testing"

func TestLayerNorm(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			x, y, dy, dx := f.mat(5, n, 3), f.mat(5, n, 1), f.mat(5, n, 2), f.mat(5, n, 4)
			w, b, dw, db, stat := f.mat(1, n, 0), f.mat(1, n, 0), f.mat(1, n, 0), f.mat(1, n, 0), f.mat(5, 2, 3)
			wantY, wantStat, wantDX, wantDW, wantDB := clone(y), clone(stat), clone(dx), clone(dw), clone(db)
			ref.LayerNorm(wantY, wantStat, x, w, b, 1e-5)
			d.LayerNorm(y, stat, x, w, b, 1e-5)
			near(t, "stat", stat, wantStat, 2e-6)
			near(t, "y", y, wantY, 3e-6)
			ref.LayerNormBackward(wantDX, wantDW, wantDB, dy, x, stat, w)
			only := clone(dx)
			d.LayerNormBackward(only, Mat{}, Mat{}, dy, x, stat, w)
			d.LayerNormBackward(dx, dw, db, dy, x, stat, w)
			equal(t, "dx alone", only, dx)
			near(t, "dx", dx, wantDX, 4e-6)
			near(t, "dw", dw, wantDW, 2e-6)
			near(t, "db", db, wantDB, 2e-6)
			f.check(t)
			return []Mat{y, stat, dx, dw, db}
		})
	}
}

func TestRMSNorm(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			x, y, dy, dx := f.mat(5, n, 3), f.mat(5, n, 1), f.mat(5, n, 2), f.mat(5, n, 4)
			w, dw, rstd := f.mat(1, n, 0), f.mat(1, n, 0), f.mat(5, 1, 2)
			wantY, wantR, wantDX, wantDW := clone(y), clone(rstd), clone(dx), clone(dw)
			ref.RMSNorm(wantY, wantR, x, w, 1e-6)
			d.RMSNorm(y, rstd, x, w, 1e-6)
			near(t, "rstd", rstd, wantR, 2e-6)
			near(t, "y", y, wantY, 3e-6)
			ref.RMSNormBackward(wantDX, wantDW, dy, x, rstd, w)
			only := clone(dx)
			d.RMSNormBackward(only, Mat{}, dy, x, rstd, w)
			d.RMSNormBackward(dx, dw, dy, x, rstd, w)
			equal(t, "dx alone", only, dx)
			near(t, "dx", dx, wantDX, 4e-6)
			near(t, "dw", dw, wantDW, 2e-6)
			f.check(t)
			return []Mat{y, rstd, dx, dw}
		})
	}
}
