//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// int8Rows is how many rows of x are so few that integers are multiplied without being expanded first.
const int8Rows = 16

// int8Run is how many bytes of W a task of int8Vectors reads, some 5 µs.
const int8Run = 1 << 16

// int8Vectors is vectors for a weight of integers.
func (g *gemm) int8Vectors(dst, x Mat, w compute.Stored, e compute.Epilogue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.x = product{stored: w, b: x, p: w.Rows, q: x.Rows, dst: dst, e: e, scale: e.Scale}
	if e.Scale == 0 {
		g.x.scale = 1
	}
	// The kernels read whole blocks: what W has beyond the last column is 0, and so must x be. More than two rows
	// of x are made up to a multiple of 4.
	width, rows := w.Blocks*compute.StoredBlock, x.Rows
	if rows > 2 {
		rows = up(rows, 4)
	}
	g.shared = grow(g.shared, rows*width)
	clear(g.shared[x.Rows*width:])
	for i := range x.Rows {
		row := g.shared[i*width:][:width]
		clear(row[copy(row, x.Row(i)):])
	}
	g.x.pb = max(4, int8Run/width&^3)
	g.pool.eachOn(ceil(w.Rows, g.x.pb), g.int8Func)
	g.x = product{}
}

func (g *gemm) int8Task(thread, task int) {
	x, s := &g.x, &g.work[thread]
	s.c = grow(s.c, 8)
	lo, hi := task*x.pb, min((task+1)*x.pb, x.p)
	if x.q <= 2 {
		g.int8Dots(s.c[:4], lo, hi)
	} else {
		g.int8Pairs(s.c, lo, hi)
	}
}

// int8Dots takes 4 rows of W and one of x at a time, and the last rows of W one by one.
func (g *gemm) int8Dots(sum []float32, lo, hi int) {
	x, w := &g.x, &g.x.stored
	width := w.Blocks * compute.StoredBlock
	for p := lo; p < hi; {
		n, stride := 4, width
		if p+4 > hi {
			n, stride = 1, 0
		}
		for i := range x.q {
			int8Dot4(sum, w.Data[p*width:], w.Scale[p*w.Blocks:], g.shared[i*width:], w.Blocks, stride)
			for r, v := range sum[:n] {
				x.finish(i, p+r, v)
			}
		}
		p += n
	}
}

// int8Pairs takes 2 rows of W and 4 of x at a time, and the last row of W alone.
func (g *gemm) int8Pairs(sum []float32, lo, hi int) {
	x, w := &g.x, &g.x.stored
	width := w.Blocks * compute.StoredBlock
	for p := lo; p < hi; p += 2 {
		n, stride := 2, width
		if p+2 > hi {
			n, stride = 1, 0
		}
		for i := 0; i < x.q; i += 4 {
			int8Pair(sum, w.Data[p*width:], w.Scale[p*w.Blocks:], g.shared[i*width:], w.Blocks, stride)
			for r := range n {
				for j := range min(4, x.q-i) {
					x.finish(i+j, p+r, sum[4*r+j])
				}
			}
		}
	}
}

// int8Dot4 sets dst [4] to the products of 4 rows of integers, which are stride apart, with x. All rows have that
// number of blocks.
func int8Dot4(dst []float32, q []byte, scale, x []float32, blocks, stride int) {
	if simd {
		int8Dot4SIMD(dst, q, scale, x, blocks, stride)
		return
	}
	for r := range 4 {
		dst[r] = int8Dot(q[r*stride:], scale[r*stride/compute.StoredBlock:], x, blocks)
	}
}

// int8Pair sets dst [2][4] to the products of 2 such rows with 4 rows of x, which lie end to end.
func int8Pair(dst []float32, q []byte, scale, x []float32, blocks, stride int) {
	if simd {
		int8PairSIMD(dst, q, scale, x, blocks, stride)
		return
	}
	for i := range 8 {
		r, row := i/4, i%4*blocks*compute.StoredBlock
		dst[i] = int8Dot(q[r*stride:], scale[r*stride/compute.StoredBlock:], x[row:], blocks)
	}
}

func int8Dot(q []byte, scale, x []float32, blocks int) (sum float32) {
	for b := range blocks {
		lo := b * compute.StoredBlock
		part := q[lo : lo+compute.StoredBlock]
		var s float32
		for k, v := range x[lo : lo+compute.StoredBlock] {
			s += float32(int8(part[k])) * v
		}
		sum += scale[b] * s
	}
	return sum
}
