//go:build !f64

package cpu

import (
	"fmt"
	"sync"

	"github.com/hone-ml/hone/compute"
)

const (
	// grain is about how many elements a task handles, so that handing it out costs nothing to speak of.
	grain = 1 << 13
	// block is the columns that a task owns in kernels that add rows up: whole cache lines.
	block = 64
	// parts is into how many runs of rows kernels that reduce over rows cut a matrix, whatever the number
	// of threads: each has its own sums, which are then added in order.
	parts = 32
)

// rows calls f for each of n rows of the given width, on all threads.
func (d *Device) rows(n, cols int, f func(i int)) {
	per := max(1, grain/max(cols, 1))
	d.pool.each((n+per-1)/per, func(task int) {
		for i := task * per; i < min(n, (task+1)*per); i++ {
			f(i)
		}
	})
}

// blocks calls f for each block [lo, hi) of columns, on all threads.
func (d *Device) blocks(cols int, f func(lo, hi int)) {
	d.pool.each((cols+block-1)/block, func(task int) {
		f(task*block, min(cols, (task+1)*block))
	})
}

// same panics unless a and b have one shape.
func same(op string, a, b Mat) {
	if a.Rows != b.Rows || a.Cols != b.Cols {
		panic(fmt.Sprintf("cpu: %s: shapes %v and %v", op, a, b))
	}
}

// row returns row i as a matrix, for the reference to work on.
func row(m Mat, i int) Mat { return Mat{Rows: 1, Cols: m.Cols, Stride: m.Stride, Data: m.Row(i)} }

// Add implements [compute.Device].
func (d *Device) Add(dst, a, b Mat) {
	same("Add", dst, a)
	same("Add", dst, b)
	d.rows(dst.Rows, dst.Cols, func(i int) { add(dst.Row(i), a.Row(i), b.Row(i)) })
}

// sums are the partial sums of one reduction: parts rows of width elements.
type sums struct {
	width int
	data  []float32
}

var spareSums = sync.Pool{New: func() any { return new(sums) }}

// reduce calls f for each part of n rows with sums to add to, which are 0 at first. The caller folds them
// and puts them back into spareSums.
func (d *Device) reduce(n, width int, f func(sum []float32, lo, hi int)) *sums {
	s := spareSums.Get().(*sums)
	s.width = width
	if cap(s.data) < parts*width {
		s.data = make([]float32, parts*width)
	}
	s.data = s.data[:parts*width]
	d.pool.each(parts, func(p int) {
		sum := s.data[p*width : (p+1)*width]
		clear(sum)
		f(sum, n*p/parts, n*(p+1)/parts)
	})
	return s
}

// fold adds the sums from column from on to dst, part by part.
func (s *sums) fold(d *Device, dst []float32, from int) {
	d.blocks(len(dst), func(lo, hi int) {
		for p := range parts {
			add(dst[lo:hi], dst[lo:hi], s.data[p*s.width+from+lo:p*s.width+from+hi])
		}
	})
}

// ColSum implements [compute.Device].
func (d *Device) ColSum(db, dy Mat) {
	if db.Rows != 1 || db.Cols != dy.Cols {
		panic(fmt.Sprintf("cpu: ColSum: %v of %v", db, dy))
	}
	s := d.reduce(dy.Rows, dy.Cols, func(sum []float32, lo, hi int) {
		for i := lo; i < hi; i++ {
			add(sum, sum, dy.Row(i))
		}
	})
	s.fold(d, db.Row(0), 0)
	spareSums.Put(s)
}

// ScaleCols implements [compute.Device].
func (d *Device) ScaleCols(dst, x, w Mat) {
	same("ScaleCols", dst, x)
	factors := w.Row(0)[:dst.Cols]
	d.rows(dst.Rows, dst.Cols, func(i int) { mul(dst.Row(i), x.Row(i), factors) })
}

// ScaleColsBackward implements [compute.Device]. A task owns columns, so that the sums are those of the reference.
func (d *Device) ScaleColsBackward(dw, dy, x Mat) {
	same("ScaleColsBackward", dy, x)
	d.blocks(dy.Cols, func(lo, hi int) {
		sum := dw.Row(0)[lo:hi]
		for i := range dy.Rows {
			v := x.Row(i)[lo:hi]
			for j, g := range dy.Row(i)[lo:hi] {
				sum[j] += g * v[j]
			}
		}
	})
}

// Gather implements [compute.Device].
func (d *Device) Gather(dst, src Mat, rows []int32) {
	if dst.Rows != len(rows) || dst.Cols != src.Cols {
		panic(fmt.Sprintf("cpu: Gather: %v from %d rows of %v", dst, len(rows), src))
	}
	d.rows(dst.Rows, dst.Cols, func(i int) { copy(dst.Row(i), src.Row(int(rows[i]))) })
}

// ScatterAdd implements [compute.Device]. A task owns columns, so that a row that comes twice is added to
// in the order of i.
func (d *Device) ScatterAdd(dst, src Mat, rows []int32) {
	if src.Rows != len(rows) || dst.Cols != src.Cols {
		panic(fmt.Sprintf("cpu: ScatterAdd: %v to %d rows of %v", src, len(rows), dst))
	}
	d.blocks(dst.Cols, func(lo, hi int) {
		for i, r := range rows {
			sum := dst.Row(int(r))[lo:hi]
			add(sum, sum, src.Row(i)[lo:hi])
		}
	})
}

// add is dst = a + b.
func add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if simd && len(dst) > 0 {
		addSIMD(&dst[0], &a[0], &b[0], len(dst))
		return
	}
	for j, x := range a {
		dst[j] = x + b[j]
	}
}

// mul is dst = a·b, elementwise.
func mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if simd && len(dst) > 0 {
		mulSIMD(&dst[0], &a[0], &b[0], len(dst))
		return
	}
	for j, x := range a {
		dst[j] = x * b[j]
	}
}

// ref does the rows of kernels that have no vector version for the processor.
var ref compute.Ref
