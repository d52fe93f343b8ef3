//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// A weight of 8-bit integers is multiplied in two ways. For few rows of x, as in decoding, the integers become floats
// in registers: memory is the limit, and they are a quarter of the bytes. For more rows each task expands its blocks
// of W into floats, where it would pack a W of float32, and goes on as MatMulNT does.

// quantRows is how many rows of x are few.
const quantRows = 16

// MatMulQuant implements compute.Device. It equals MatMulNT with b.Mat() bit by bit for more than 16 rows. For fewer, the
// bits of a row depend on its own data alone, as long as there are always more than 2 rows, or never.
func (d *Device) MatMulQuant(dst, a Mat, b compute.Quant, e compute.Epilogue) {
	checkShapes("MatMulQuant", dst, a.Rows, a.Cols, b.Cols, b.Rows, e)
	switch {
	case d.gemm.trivial(dst, a.Cols, e):
	case a.Rows <= quantRows:
		d.gemm.quantVectors(dst, a, b, e)
	default:
		d.gemm.multiplyNT(dst, a, product{quant: b, p: b.Rows, e: e})
	}
}

// quantRun is how many bytes of W a task of quantVectors reads, some 5 µs.
const quantRun = 1 << 16

// quantVectors is vectors for a weight of integers.
func (g *gemm) quantVectors(dst, x Mat, w compute.Quant, e compute.Epilogue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.x = product{quant: w, b: x, p: w.Rows, q: x.Rows, dst: dst, e: e, scale: e.Scale}
	if e.Scale == 0 {
		g.x.scale = 1
	}
	// The kernels read whole blocks: what W has beyond the last column is 0, and so must x be. More than two rows
	// of x are made up to a multiple of 4.
	width, rows := w.Blocks*compute.QuantBlock, x.Rows
	if rows > 2 {
		rows = up(rows, 4)
	}
	g.shared = grow(g.shared, rows*width)
	clear(g.shared[x.Rows*width:])
	for i := range x.Rows {
		row := g.shared[i*width:][:width]
		clear(row[copy(row, x.Row(i)):])
	}
	g.x.pb = max(4, quantRun/width&^3)
	g.pool.eachOn(ceil(w.Rows, g.x.pb), g.quantFunc)
	g.x = product{}
}

func (g *gemm) quantTask(thread, task int) {
	x, s := &g.x, &g.work[thread]
	s.c = grow(s.c, 8)
	lo, hi := task*x.pb, min((task+1)*x.pb, x.p)
	if x.q <= 2 {
		g.quantDots(s.c[:4], lo, hi)
	} else {
		g.quantPairs(s.c, lo, hi)
	}
}

// quantDots takes 4 rows of W and one of x at a time, and the last rows of W one by one.
func (g *gemm) quantDots(sum []float32, lo, hi int) {
	x, w := &g.x, &g.x.quant
	width := w.Blocks * compute.QuantBlock
	for p := lo; p < hi; {
		n, stride := 4, width
		if p+4 > hi {
			n, stride = 1, 0
		}
		for i := range x.q {
			quantDot4(sum, w.Q[p*width:], w.Scale[p*w.Blocks:], g.shared[i*width:], w.Blocks, stride)
			for r, v := range sum[:n] {
				x.finish(i, p+r, v)
			}
		}
		p += n
	}
}

// quantPairs takes 2 rows of W and 4 of x at a time, and the last row of W alone.
func (g *gemm) quantPairs(sum []float32, lo, hi int) {
	x, w := &g.x, &g.x.quant
	width := w.Blocks * compute.QuantBlock
	for p := lo; p < hi; p += 2 {
		n, stride := 2, width
		if p+2 > hi {
			n, stride = 1, 0
		}
		for i := 0; i < x.q; i += 4 {
			quantPair(sum, w.Q[p*width:], w.Scale[p*w.Blocks:], g.shared[i*width:], w.Blocks, stride)
			for r := range n {
				for j := range min(4, x.q-i) {
					x.finish(i+j, p+r, sum[4*r+j])
				}
			}
		}
	}
}

// expand writes columns [k0, k0+kc) of w to dst, row by row without gaps.
func expand(dst []float32, w compute.Quant, k0, kc int) {
	if simd && kc%8 == 0 {
		b := k0 / compute.QuantBlock
		expandSIMD(dst, w.Q[k0:], w.Scale[b:], k0-b*compute.QuantBlock, kc, w.Rows, w.Blocks*compute.QuantBlock)
		return
	}
	for p := range w.Rows {
		row, scale := w.Q[p*w.Blocks*compute.QuantBlock:], w.Scale[p*w.Blocks:]
		for i := range kc {
			dst[p*kc+i] = float32(row[k0+i]) * scale[(k0+i)/compute.QuantBlock]
		}
	}
}

// quantDot4 sets dst [4] to the products of 4 rows of integers, which are stride apart, with x. All rows have that
// number of blocks.
func quantDot4(dst []float32, q []int8, scale, x []float32, blocks, stride int) {
	if simd {
		quantDot4SIMD(dst, q, scale, x, blocks, stride)
		return
	}
	for r := range 4 {
		dst[r] = quantDot(q[r*stride:], scale[r*stride/compute.QuantBlock:], x, blocks)
	}
}

// quantPair sets dst [2][4] to the products of 2 such rows with 4 rows of x, which lie end to end.
func quantPair(dst []float32, q []int8, scale, x []float32, blocks, stride int) {
	if simd {
		quantPairSIMD(dst, q, scale, x, blocks, stride)
		return
	}
	for i := range 8 {
		r, row := i/4, i%4*blocks*compute.QuantBlock
		dst[i] = quantDot(q[r*stride:], scale[r*stride/compute.QuantBlock:], x[row:], blocks)
	}
}

func quantDot(q []int8, scale, x []float32, blocks int) (sum float32) {
	for b := range blocks {
		lo := b * compute.QuantBlock
		part := q[lo : lo+compute.QuantBlock]
		var s float32
		for k, v := range x[lo : lo+compute.QuantBlock] {
			s += float32(part[k]) * v
		}
		sum += scale[b] * s
	}
	return sum
}
