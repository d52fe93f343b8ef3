//go:build !f64

package cpu

import (
	"testing"
)

func TestAdd(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			a, b, dst := f.mat(3, n, 5), f.mat(3, n, 2), f.mat(3, n, 1)
			want := clone(dst)
			ref.Add(want, a, b)
			d.Add(dst, a, b)
			equal(t, "a+b", dst, want)
			d.Add(a, a, b)
			equal(t, "a+=b", a, want)
			f.check(t)
			return []Mat{dst}
		})
	}
}

func TestColSum(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			db, dy := f.mat(1, n, 0), f.mat(n%7, n, 3)
			want := clone(db)
			ref.ColSum(want, dy)
			d.ColSum(db, dy)
			equal(t, "db", db, want)
			f.check(t)
			return []Mat{db}
		})
	}
}

func TestGatherScatter(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			table, x := f.mat(11, n, 4), f.mat(37, n, 1)
			rows := make([]int32, x.Rows)
			for i := range rows {
				rows[i] = f.rng.Int32N(11)
			}
			want, wantTable := clone(x), clone(table)
			ref.Gather(want, table, rows)
			d.Gather(x, table, rows)
			equal(t, "gather", x, want)
			ref.ScatterAdd(wantTable, want, rows)
			d.ScatterAdd(table, x, rows)
			equal(t, "scatter", table, wantTable)
			f.check(t)
			return []Mat{x, table}
		})
	}
}

func TestRoPE(t *testing.T) {
	for dim := 2; dim <= 160; dim += 2 {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(dim))
			x, table := f.mat(7, 3*dim, 5), f.mat(9, dim, 0)
			pos := []int32{0, 3, 8, 8, 1, 2, 7}
			want := clone(x)
			ref.RoPE(want, table, pos)
			d.RoPE(x, table, pos)
			near(t, "rope", x, want, 3e-7)
			y := clone(x)
			ref.RoPEBackward(want, table, pos)
			d.RoPEBackward(y, table, pos)
			near(t, "back", y, want, 1e-6)
			f.check(t)
			return []Mat{x, y}
		})
	}
}

func TestScaleCols(t *testing.T) {
	for _, n := range lengths() {
		onAll(t, func(t *testing.T, d *Device) []Mat {
			f := newField(uint64(n))
			x, w, dst, dw := f.mat(3, n, 5), f.mat(1, n, 2), f.mat(3, n, 1), f.mat(1, n, 0)
			want, wantDw := clone(dst), clone(dw)
			ref.ScaleCols(want, x, w)
			d.ScaleCols(dst, x, w)
			equal(t, "x·diag(w)", dst, want)
			ref.ScaleColsBackward(wantDw, dst, x)
			d.ScaleColsBackward(dw, dst, x)
			equal(t, "dw", dw, wantDw)
			d.ScaleCols(x, x, w)
			equal(t, "x·=diag(w)", x, want)
			f.check(t)
			return []Mat{dst, dw}
		})
	}
}
