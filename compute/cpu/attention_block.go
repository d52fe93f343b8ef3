//go:build !f64

package cpu

import (
	"math"
	"sync"
)

// Sequences with many rows are matrix products of blocks (FlashAttention-2; Dao, 2023): blockRows query rows by keyBlock
// keys, on the tiles of gemmKernel, with factors packed into panels. Every sum has the terms that it has row by row, in the
// same order, which gives the same bits: scores sum every eighth element of a head in a chain of its own, as dots does in
// its lanes, and all else is a chain in the order of keys or rows, as in combine.
const (
	blockRows = 48  // a multiple of blockTile
	blockTile = 6   // rows of a tile
	blockSpan = 512 // rows of a task at most, of all heads that share keys
	blockKeys = 512 // keys that are packed at a time for the backward, for heads of 64
)

// Blocks are the scratch of a task. Arrays come first, where they are aligned to cache lines.
type blocks struct {
	p, ds   [blockRows * keyBlock]float32 // weights and their gradients
	packed  [blockRows * keyBlock]float32 // one of them in tiles
	mask    [blockRows * keyBlock]float32
	partial [3 * blockTile * 32]float32 // of scores
	most    [blockRows]float32

	*gemmKernel
	dim, width int            // of a head, and in panels: a multiple of lanes
	rows, keys int            // of the block at hand
	whole      bool           // all rows read all keys
	sorted     bool           // the rows that read a key lie side by side
	from, to   [blockRows]int // each row's keys, counted from the first of the tile
	lo, hi     [keyBlock]int  // each key's rows, likewise

	top, sum           []float32 // of rows of heads
	lse, delta         []float32
	reach              []reach   // of the rows' blocks
	q, dy, y           []float32 // rows [rows, dim]; y [rows, width]
	qPanels, dyPanels  []float32 // [rows, lanes]
	kColumns, vColumns []float32 // panels [dim, lanes]: each row is a column
	kPanels, vPanels   []float32 // [keys, lanes]
	dk, dv             []float32 // [keys, width]
}

// ones are what a mask is made of.
var ones = func() (o [blockRows * keyBlock]float32) {
	for i := range o {
		o[i] = 1
	}
	return o
}()

var blockPool = sync.Pool{New: func() any { return new(blocks) }}

// newBlock returns scratch for heads of dim elements.
func newBlock(dim int) *blocks {
	b := blockPool.Get().(*blocks)
	b.gemmKernel = blockKernel()
	b.dim, b.width = dim, up(dim, b.lanes)
	return b
}

// inBlocks reports whether packing pays for sequence s: if it has as many rows as its triangle of scores needs, or some before
// which there are many keys. Backward packs more.
func (a *attention) inBlocks(s int) bool {
	lo, hi := int(a.h.Q[s]), int(a.h.Q[s+1])
	if !simd || a.h.Dim%8 != 0 || hi-lo < blockTile {
		return false
	}
	start, end := a.keys(hi - 1)
	rows, keys := hi-lo, end-start
	if a.dy.Empty() {
		return rows >= 24 || keys >= 128
	}
	return rows >= 48 || rows >= 12 && keys >= 256
}

// columns packs the rows x of a head, which are stride apart: panels [dim, lanes] of their transpose.
func (b *blocks) columns(dst []float32, x strip, rows int) {
	at := func(j int) []float32 { return dst[j/b.lanes*b.lanes*b.dim+j%b.lanes:] }
	j := 0
	for ; j+8 <= rows; j += 8 {
		b.packCols(at(j), x.from(j), b.dim, x.stride, b.lanes)
	}
	for ; j < rows; j++ {
		d := at(j)
		for i, v := range x.from(j)[:b.dim] {
			d[i*b.lanes] = v
		}
	}
}

// panels packs the rows x of a head, which are stride apart: panels [rows, lanes], the last one filled with zeros.
func (b *blocks) panels(dst []float32, x strip, rows int) {
	full := b.dim / b.lanes
	if full > 0 {
		b.packRows(dst, x.data, rows, full, x.stride, rows*b.lanes)
	}
	if rest := full * b.lanes; rest < b.dim {
		dst = dst[rest*rows:]
		for i := range rows {
			d := dst[i*b.lanes:][:b.lanes]
			clear(d[copy(d, x.from(i)[rest:b.dim]):])
		}
	}
}

// lay copies the rows x of a head into rows of width elements.
func (b *blocks) lay(dst []float32, width int, x strip, rows int) {
	for i := range rows {
		copy(dst[i*width:][:b.dim], x.from(i))
	}
}

// view returns head n of the rows of m from row i on.
func (a *attention) view(m Mat, i, n int) strip {
	return strip{m.Data[i*m.Stride+n*a.h.Dim:], m.Stride}
}

// A reach is the keys that some rows read between them, [lo, hi), and those that all of them do, [from, to).
type reach struct{ lo, hi, from, to int }

// reaches appends those of the query rows [i0, i1), block by block.
func (a *attention) reaches(to []reach, i0, i1 int) []reach {
	for ; i0 < i1; i0 += blockRows {
		r := reach{lo: math.MaxInt, to: math.MaxInt}
		for i := i0; i < min(i0+blockRows, i1); i++ {
			lo, hi := a.keys(i)
			r = reach{min(r.lo, lo), max(r.hi, hi), max(r.from, lo), min(r.to, hi)}
		}
		to = append(to, r)
	}
	return to
}

// meet finds which of the keys [t, t1) the query rows [i0, i1), whose reach it is told, read, and reports whether they read any.
func (b *blocks) meet(a *attention, reach reach, i0, i1, t, t1 int) bool {
	if reach.hi <= t || reach.lo >= t1 {
		return false
	}
	same := b.whole && b.rows == i1-i0 && b.keys == t1-t
	b.rows, b.keys, b.whole, b.sorted = i1-i0, t1-t, reach.from <= t && reach.to >= t1, true
	if b.whole && same {
		return true
	}
	for r := range b.rows {
		begin, end := a.keys(i0 + r)
		// A row without keys here still takes its place in the order.
		lo := min(max(begin, t), t1)
		hi := max(lo, min(end, t1))
		b.from[r], b.to[r] = lo-t, hi-t
		b.sorted = b.sorted && (r == 0 || b.from[r] >= b.from[r-1] && b.to[r] >= b.to[r-1])
	}
	return true
}

// scores is dst [rows, keyBlock] = scale·x·yᵀ where anyone reads it. x is rows, y columns.
func (b *blocks) scores(dst, x, y []float32, scale float32) {
	for j := 0; j < b.keys; j += b.lanes {
		first, last := 0, b.rows
		if !b.whole {
			reads := func(r int) bool { return b.from[r] < min(b.to[r], j+b.lanes) && b.to[r] > j }
			for first < last && !reads(first) {
				first++
			}
			for first < last && !reads(last-1) {
				last--
			}
			first -= first % blockTile
		}
		if n := ceil(last-first, blockTile); n > 0 {
			scoresSIMD(dst[first*keyBlock+j:], x[first*b.dim:], y[j*b.dim:], b.partial[:], n, b.dim, keyBlock, scale)
		}
	}
}

// addRows adds to c, rows of width elements, the products of weights w and y, of which panels are packed.
func (b *blocks) addRows(c, w, panels []float32, y strip) {
	if b.whole {
		b.product(blockTile, c, w, panels, ceil(b.rows, blockTile), b.keys, keyBlock, 1, blockTile*keyBlock, b.keys)
		return
	}
	for r := 0; r < b.rows; r += blockTile {
		n := min(blockTile, b.rows-r)
		lo, hi := common(b.from[r:r+n], b.to[r:r+n])
		rest := func(r, lo, hi int) {
			if lo < hi {
				combine(c[r*b.width:][:b.dim], w[r*keyBlock+lo:r*keyBlock+hi], 1, y.from(lo), y.stride)
			}
		}
		for i := r; i < r+n; i++ {
			rest(i, b.from[i], min(lo, b.to[i]))
		}
		if lo < hi {
			b.product(blockTile, c[r*b.width:], w[r*keyBlock+lo:], panels[lo*b.lanes:], 1, hi-lo, keyBlock, 1, 0, b.keys)
		}
		for i := r; i < r+n; i++ {
			rest(i, max(hi, b.from[i]), b.to[i])
		}
	}
}

// addKeys adds to c [keys, width] the products of the transpose of w and x, of which panels are packed.
func (b *blocks) addKeys(c, w, panels []float32, x strip) {
	counts, j := b.tiling(b.keys), 0
	for i, height := range b.heights {
		n := counts[i]
		if b.whole && n > 0 {
			b.down(height, c[j*b.width:], w[j:], panels, n, b.rows)
			j += n * height
			continue
		}
		for range n {
			lo, hi := common(b.lo[j:j+height], b.hi[j:j+height])
			rest := func(j, lo, hi int) {
				if lo < hi {
					combine(c[j*b.width:][:b.dim], w[lo*keyBlock+j:(hi-1)*keyBlock+j+1], keyBlock, x.from(lo), x.stride)
				}
			}
			for k := j; k < j+height; k++ {
				rest(k, b.lo[k], min(lo, b.hi[k]))
			}
			if lo < hi {
				b.down(height, c[j*b.width:], w[lo*keyBlock+j:], panels[lo*b.lanes:], 1, hi-lo)
			}
			for k := j; k < j+height; k++ {
				rest(k, max(hi, b.lo[k]), b.hi[k])
			}
			j += height
		}
	}
}

// down is product with the transpose of w, whose rows are the depth.
func (b *blocks) down(height int, c, w, panels []float32, n, k int) {
	ks, step := keyBlock, height
	if !tilesAnywhere {
		b.packTiles(height, b.packed[:], w, k, n, keyBlock)
		w, ks, step = b.packed[:], height, k*height
	}
	b.product(height, c, w, panels, n, k, 1, ks, step, b.rows)
}

// product adds a·panels to c, as gemmKernel's tiles do, for all columns. Panels have so many rows.
func (b *blocks) product(height int, c, a, panels []float32, n, k, rs, ks, step, rows int) {
	for j := 0; j < b.width; j += b.lanes {
		tiles := b.tiles
		if b.dim-j <= b.lanes/2 {
			tiles = b.halves
		}
		tiles(height, c[j:], a, panels[j*rows:], n, k, rs, ks, step, b.width, false)
	}
}

// common returns what ranges have in common; if that is nothing, the end of the last one twice.
func common(from, to []int) (lo, hi int) {
	hi = to[0]
	for r := range from {
		lo, hi = max(lo, from[r]), min(hi, to[r])
	}
	if lo < hi {
		return lo, hi
	}
	for _, end := range to {
		hi = max(hi, end)
	}
	return hi, hi
}

// forwardBlocks computes the query heads that read key head g of the query rows [i0, i1) of sequence s.
func (a *attention) forwardBlocks(s, g, i0, i1 int) {
	b := newBlock(a.h.Dim)
	defer blockPool.Put(b)
	rows, first := up(i1-i0, blockRows), int(a.h.K[s])
	b.q, b.y = grow(b.q, a.shared*rows*b.dim), grow(b.y, a.shared*rows*b.width)
	b.top, b.sum = grow(b.top, a.shared*rows), grow(b.sum, a.shared*rows)
	b.kColumns, b.vPanels = grow(b.kColumns, b.dim*keyBlock), grow(b.vPanels, keyBlock*b.width)
	clear(b.y)
	clear(b.sum)
	for r := range b.top {
		b.top[r] = float32(math.Inf(-1))
	}
	for m := range a.shared {
		b.lay(b.q[m*rows*b.dim:], b.dim, a.view(a.q, i0, g*a.shared+m), i1-i0)
	}
	b.reach = a.reaches(b.reach[:0], i0, i1)
	start, end := a.span(i0, i1)
	for t := start / keyBlock * keyBlock; t < end; t += keyBlock {
		lo, hi := max(t, start), min(t+keyBlock, end)
		v := a.view(a.v, first+lo, g)
		b.columns(b.kColumns, a.view(a.k, first+lo, g), hi-lo)
		b.panels(b.vPanels, v, hi-lo)
		for i := i0; i < i1; i += blockRows {
			if !b.meet(a, b.reach[(i-i0)/blockRows], i, min(i+blockRows, i1), lo, hi) {
				continue
			}
			for m := range a.shared {
				r := m*rows + i - i0
				y := b.y[r*b.width:]
				b.scores(b.p[:], b.q[r*b.dim:], b.kColumns, a.h.Scale)
				b.softmax(a, i, g*a.shared+m, lo, y, b.top[r:], b.sum[r:])
				b.addRows(y, b.p[:], b.vPanels, v)
			}
		}
	}
	for m := range a.shared {
		n := g*a.shared + m
		for i := i0; i < i1; i++ {
			r := m*rows + i - i0
			y, z := b.y[r*b.width:][:b.dim], b.sum[r]
			if z != 0 {
				scale(y, 1/z)
			}
			copy(a.head(a.dst, i, n), y)
			a.lse.Row(i)[n] = b.top[r] + float32(math.Log(float64(z)))
		}
	}
}

// softmax turns the scores p of the rows from i on into weights relative to top, the largest score of a row so far; when
// that grows, its output y so far and the sum of its weights shrink.
func (b *blocks) softmax(a *attention, i, n, t int, y, top, sum []float32) {
	maximaSIMD(b.most[:], b.p[:], &b.from, &b.to, b.rows, keyBlock)
	for r, m := range b.most[:b.rows] {
		if m > top[r] {
			if sum[r] != 0 {
				old := float32(math.Exp(float64(top[r] - m)))
				sum[r] *= old
				scale(y[r*b.width:][:b.dim], old)
			}
			top[r] = m
		}
	}
	expSumsSIMD(sum, b.p[:], top, &b.from, &b.to, b.rows, keyBlock)
	if a.mask.drop > 0 {
		b.drop(a, i, n, t, b.p[:], b.p[:])
	}
}

// drop is dst = x, both laid out like p, but for what the mask drops.
func (b *blocks) drop(a *attention, i, n, t int, dst, x []float32) {
	for r := range b.rows {
		begin, _ := a.keys(i + r)
		lo, hi := r*keyBlock+b.from[r], r*keyBlock+b.to[r]
		a.mask.apply(dst[lo:hi], x[lo:hi], i+r, t+b.from[r]-begin, n)
	}
}

// backwardBlocks adds what the queries of sequence s that read key head g contribute to dq, dk and dv.
func (a *attention) backwardBlocks(s, g int) {
	b := newBlock(a.h.Dim)
	defer blockPool.Put(b)
	q0, q1, first := int(a.h.Q[s]), int(a.h.Q[s+1]), int(a.h.K[s])
	b.reach = a.reaches(b.reach[:0], q0, q1)
	start, end := a.span(q0, q1)
	span := max(1, blockKeys/b.width) * keyBlock
	tiles := span / keyBlock
	b.q, b.dy, b.y = grow(b.q, blockRows*b.dim), grow(b.dy, blockRows*b.dim), grow(b.y, blockRows*b.width)
	b.qPanels, b.dyPanels = grow(b.qPanels, blockRows*b.width), grow(b.dyPanels, blockRows*b.width)
	columns, panels := b.dim*keyBlock, keyBlock*b.width
	b.kColumns, b.vColumns, b.kPanels = grow(b.kColumns, tiles*columns), grow(b.vColumns, tiles*columns), grow(b.kPanels, tiles*panels)
	b.dk, b.dv = grow(b.dk, tiles*panels), grow(b.dv, tiles*panels)
	b.lse, b.delta = b.lse[:0], b.delta[:0]
	for n := g * a.shared; n < (g+1)*a.shared; n++ {
		for i := q0; i < q1; i++ {
			b.lse, b.delta = append(b.lse, a.lse.Row(i)[n]), append(b.delta, 0)
			dots(b.delta[len(b.delta)-1:], a.head(a.dy, i, n), a.head(a.dst, i, n), 0, 1)
		}
	}
	for t0 := start / keyBlock * keyBlock; t0 < end; t0 += span {
		t1 := min(t0+span, end)
		for t := t0; t < t1; t += keyBlock {
			lo, hi, j := max(t, start), min(t+keyBlock, end), (t-t0)/keyBlock
			k := a.view(a.k, first+lo, g)
			b.columns(b.kColumns[j*columns:], k, hi-lo)
			b.columns(b.vColumns[j*columns:], a.view(a.v, first+lo, g), hi-lo)
			b.panels(b.kPanels[j*panels:], k, hi-lo)
			b.lay(b.dk[j*panels:], b.width, a.view(a.dk, first+lo, g), hi-lo)
			b.lay(b.dv[j*panels:], b.width, a.view(a.dv, first+lo, g), hi-lo)
		}
		for n := g * a.shared; n < (g+1)*a.shared; n++ {
			lse, delta := b.lse[(n-g*a.shared)*(q1-q0):], b.delta[(n-g*a.shared)*(q1-q0):]
			for i := q0; i < q1; i += blockRows {
				i1 := min(i+blockRows, q1)
				reach := b.reach[(i-q0)/blockRows]
				if reach.hi <= t0 || reach.lo >= t1 {
					continue
				}
				b.rows = i1 - i
				b.whole = false
				q, dy := a.view(a.q, i, n), a.view(a.dy, i, n)
				b.lay(b.q, b.dim, q, b.rows)
				b.lay(b.dy, b.dim, dy, b.rows)
				b.lay(b.y, b.width, a.view(a.dq, i, n), b.rows)
				b.panels(b.qPanels, q, b.rows)
				b.panels(b.dyPanels, dy, b.rows)
				for t := t0; t < t1; t += keyBlock {
					lo, hi, j := max(t, start), min(t+keyBlock, end), (t-t0)/keyBlock
					if !b.meet(a, reach, i, i1, lo, hi) {
						continue
					}
					b.scores(b.p[:], b.q, b.kColumns[j*columns:], a.h.Scale)
					b.scores(b.ds[:], b.dy, b.vColumns[j*columns:], 1)
					b.softmaxBackward(a, i, n, lo, lse[i-q0:], delta[i-q0:])
					b.addRows(b.y, b.ds[:], b.kPanels[j*panels:], a.view(a.k, first+lo, g))
					b.readers()
					b.addKeys(b.dk[j*panels:], b.ds[:], b.qPanels, q)
					b.addKeys(b.dv[j*panels:], b.p[:], b.dyPanels, dy)
				}
				for r := range i1 - i {
					copy(a.head(a.dq, i+r, n), b.y[r*b.width:])
				}
			}
		}
		for t := t0; t < t1; t += keyBlock {
			lo, hi, j := max(t, start), min(t+keyBlock, end), (t-t0)/keyBlock
			for i := range hi - lo {
				copy(a.head(a.dk, first+lo+i, g), b.dk[j*panels+i*b.width:])
				copy(a.head(a.dv, first+lo+i, g), b.dv[j*panels+i*b.width:])
			}
		}
	}
}

// softmaxBackward turns scores p and the weights' gradients ds of the rows from i on into weights, dropped as they were, and
// scores' gradients.
func (b *blocks) softmaxBackward(a *attention, i, n, t int, lse, delta []float32) {
	for r := 0; r < b.rows && !b.sorted; r++ { // what a row does not read is read below
		p, ds := b.p[r*keyBlock:][:b.keys], b.ds[r*keyBlock:][:b.keys]
		clear(p[:b.from[r]])
		clear(ds[:b.from[r]])
		clear(p[b.to[r]:])
		clear(ds[b.to[r]:])
	}
	var mask []float32
	if a.mask.drop > 0 {
		mask = b.mask[:]
		b.drop(a, i, n, t, mask, ones[:])
	}
	softmaxBackwardsSIMD(b.p[:], b.ds[:], mask, lse, delta, &b.from, &b.to, b.rows, keyBlock, a.h.Scale)
}

// readers finds which rows read each key. Where they lie side by side these are they; else all rows, of which the others
// have zeros.
func (b *blocks) readers() {
	if b.whole {
		return
	}
	r0, r1 := 0, 0
	for j := range b.keys {
		if b.sorted {
			for r0 < b.rows && b.to[r0] <= j {
				r0++
			}
			for r1 < b.rows && b.from[r1] <= j {
				r1++
			}
		} else {
			r1 = b.rows
		}
		b.lo[j], b.hi[j] = r0, max(r0, r1)
	}
}
