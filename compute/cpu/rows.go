//go:build !f64

package cpu

import (
	"fmt"
	"sync"

	"github.com/hone-ml/hone/compute"
)

const (
	// grain is about how many elements a task handles at least, so that handing it out costs nothing to speak of.
	grain = 1 << 13
	// block is the columns that a task owns in kernels that add rows up: whole cache lines.
	block = 64
	// parts is into how many runs of rows kernels that reduce over rows cut a matrix, whatever the number
	// of threads: each has its own sums, which are then added in order.
	parts = 32
)

// columns returns block i of so many columns.
func columns(i, cols int) (lo, hi int) { return i * block, min(cols, (i+1)*block) }

// same panics unless a and b have one shape.
func same(op string, a, b Mat) {
	if a.Rows != b.Rows || a.Cols != b.Cols {
		panic(fmt.Sprintf("cpu: %s: shapes %v and %v", op, a, b))
	}
}

// row returns row i as a matrix, for the reference to work on.
func row(m Mat, i int) Mat { return Mat{Rows: 1, Cols: m.Cols, Stride: m.Stride, Data: m.Row(i)} }

type addArgs struct{ dst, a, b Mat }

var addRow = newRowKernel(func(a *addArgs, i int) { add(a.dst.Row(i), a.a.Row(i), a.b.Row(i)) })

// Add implements [compute.Device].
func (d *Device) Add(dst, a, b Mat) {
	same("Add", dst, a)
	same("Add", dst, b)
	addRow.rows(d, dst.Rows, dst.Cols, addArgs{dst, a, b})
}

// sums are the partial sums of one reduction: parts rows of width elements.
type sums struct {
	width int
	data  []float32
}

var spareSums = sync.Pool{New: func() any { return new(sums) }}

// newSums returns sums of the given width, to be put back into spareSums.
func newSums(width int) *sums {
	s := spareSums.Get().(*sums)
	s.width = width
	if cap(s.data) < parts*width {
		s.data = make([]float32, parts*width)
	}
	s.data = s.data[:parts*width]
	return s
}

// part returns the sums of part p, which are 0, and its rows [lo, hi) of n.
func (s *sums) part(p, n int) (sum []float32, lo, hi int) {
	sum = s.data[p*s.width : (p+1)*s.width]
	clear(sum)
	return sum, n * p / parts, n * (p + 1) / parts
}

type foldArgs struct {
	s    *sums
	dst  []float32
	from int
}

var foldBlock = newRowKernel(func(a *foldArgs, i int) {
	lo, hi := columns(i, len(a.dst))
	for p := range parts {
		at := p*a.s.width + a.from
		add(a.dst[lo:hi], a.dst[lo:hi], a.s.data[at+lo:at+hi])
	}
})

// fold adds the sums from column from on to dst, part by part.
func (s *sums) fold(d *Device, dst []float32, from int) {
	foldBlock.each(d, ceil(len(dst), block), foldArgs{s, dst, from})
}

type colSumArgs struct {
	s  *sums
	dy Mat
}

var colSumPart = newRowKernel(func(a *colSumArgs, p int) {
	sum, lo, hi := a.s.part(p, a.dy.Rows)
	for i := lo; i < hi; i++ {
		add(sum, sum, a.dy.Row(i))
	}
})

// ColSum implements [compute.Device].
func (d *Device) ColSum(db, dy Mat) {
	if db.Rows != 1 || db.Cols != dy.Cols {
		panic(fmt.Sprintf("cpu: ColSum: %v of %v", db, dy))
	}
	s := newSums(dy.Cols)
	colSumPart.each(d, parts, colSumArgs{s, dy})
	s.fold(d, db.Row(0), 0)
	spareSums.Put(s)
}

type scaleArgs struct{ dst, x, w Mat }

var scaleRow = newRowKernel(func(a *scaleArgs, i int) { mul(a.dst.Row(i), a.x.Row(i), a.w.Row(0)[:a.dst.Cols]) })

// ScaleCols implements [compute.Device].
func (d *Device) ScaleCols(dst, x, w Mat) {
	same("ScaleCols", dst, x)
	scaleRow.rows(d, dst.Rows, dst.Cols, scaleArgs{dst, x, w})
}

var scaleBackwardBlock = newRowKernel(func(a *scaleArgs, block int) { // dst is dw, w is dy
	lo, hi := columns(block, a.x.Cols)
	sum := a.dst.Row(0)[lo:hi]
	for i := range a.x.Rows {
		v := a.x.Row(i)[lo:hi]
		for j, g := range a.w.Row(i)[lo:hi] {
			sum[j] += g * v[j]
		}
	}
})

// ScaleColsBackward implements [compute.Device]. A task owns columns, so that the sums are those of the reference.
func (d *Device) ScaleColsBackward(dw, dy, x Mat) {
	same("ScaleColsBackward", dy, x)
	scaleBackwardBlock.each(d, ceil(x.Cols, block), scaleArgs{dw, x, dy})
}

type gatherArgs struct {
	dst, src Mat
	rows     []int32
}

var gatherRow = newRowKernel(func(a *gatherArgs, i int) { copy(a.dst.Row(i), a.src.Row(int(a.rows[i]))) })

// Gather implements [compute.Device].
func (d *Device) Gather(dst, src Mat, rows []int32) {
	if dst.Rows != len(rows) || dst.Cols != src.Cols {
		panic(fmt.Sprintf("cpu: Gather: %v from %d rows of %v", dst, len(rows), src))
	}
	gatherRow.rows(d, dst.Rows, dst.Cols, gatherArgs{dst, src, rows})
}

var scatterBlock = newRowKernel(func(a *gatherArgs, block int) {
	lo, hi := columns(block, a.dst.Cols)
	for i, r := range a.rows {
		sum := a.dst.Row(int(r))[lo:hi]
		add(sum, sum, a.src.Row(i)[lo:hi])
	}
})

// ScatterAdd implements [compute.Device]. A task owns columns, so that a row that comes twice is added to
// in the order of i.
func (d *Device) ScatterAdd(dst, src Mat, rows []int32) {
	if src.Rows != len(rows) || dst.Cols != src.Cols {
		panic(fmt.Sprintf("cpu: ScatterAdd: %v to %d rows of %v", src, len(rows), dst))
	}
	scatterBlock.each(d, ceil(dst.Cols, block), gatherArgs{dst, src, rows})
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
