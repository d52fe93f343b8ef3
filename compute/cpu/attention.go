//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"sync"
)

// Attention walks over tiles of queryBlock rows and keyBlock keys with an online softmax (Milakov and
// Gimelshein, 2018; Dao et al., 2022), so that its memory doesn't grow with the length. Tiles are counted
// from the first key of the sequence: a row's result is the same alone, packed, pruned or from a cache.
const (
	queryBlock = 32
	keyBlock   = 64
)

// attention is one call: its matrices and what tasks need to know.
type attention struct {
	h                  Heads
	dst, lse, q, k, v  Mat
	dq, dk, dv, dy     Mat // backward only
	heads, kvs, shared int // query heads, key heads, query heads to a key head
	rows               int // query rows of a task in blocks
	mask               mask
}

func newAttention(op string, dst, lse, q, k, v Mat, h Heads) attention {
	same(op, dst, q)
	same(op, k, v)
	heads, kvs := q.Cols/h.Dim, k.Cols/h.Dim
	if heads*h.Dim != q.Cols || kvs*h.Dim != k.Cols || kvs == 0 || heads%kvs != 0 ||
		lse.Rows != q.Rows || lse.Cols != heads || len(h.K) < len(h.Q)-1 || len(h.Pos) != q.Rows {
		panic(fmt.Sprintf("cpu: %s: q %v, k %v, lse %v, heads of %d, %d bounds of queries and %d of keys, %d positions",
			op, q, k, lse, h.Dim, len(h.Q), len(h.K), len(h.Pos)))
	}
	return attention{h: h, dst: dst, lse: lse, q: q, k: k, v: v, heads: heads, kvs: kvs, shared: heads / kvs,
		mask: newMask(h.Dropout, h.Key)}
}

// keys returns the keys [lo, hi) that query row i reads, counted from the first of its sequence.
func (a *attention) keys(i int) (lo, hi int) {
	hi = int(a.h.Pos[i]) + 1
	if a.h.Window > 0 {
		lo = max(0, hi-a.h.Window)
	}
	return lo, hi
}

// span returns the keys that the query rows [i, end) read between them.
func (a *attention) span(i, end int) (lo, hi int) {
	lo = math.MaxInt
	for ; i < end; i++ {
		l, h := a.keys(i)
		if l < h {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	return min(lo, hi), hi
}

// head returns head n of row i.
func (a *attention) head(m Mat, i, n int) []float32 {
	o := i*m.Stride + n*a.h.Dim
	return m.Data[o : o+a.h.Dim : o+a.h.Dim]
}

var attentionTask = newRowKernel((*attention).forward)

// Attention implements [compute.Device].
func (d *Device) Attention(dst, lse, q, k, v Mat, h Heads) {
	a := newAttention("Attention", dst, lse, q, k, v, h)
	a.rows = max(blockRows, blockSpan/a.shared/blockRows*blockRows)
	n := a.tasks()
	for ; n < 4*d.pool.threads && d.pool.threads > 1 && a.rows > blockRows; n = a.tasks() {
		a.rows -= blockRows
	}
	attentionTask.each(d, n, a)
}

// tasks returns the number of tasks of forward.
func (a *attention) tasks() (n int) {
	for s := range len(a.h.Q) - 1 {
		n += a.parts(s)
	}
	return n
}

// parts returns into how many tasks sequence s is cut.
func (a *attention) parts(s int) int {
	rows := int(a.h.Q[s+1] - a.h.Q[s])
	if a.inBlocks(s) {
		return ceil(rows, a.rows) * a.kvs
	}
	return ceil(rows, queryBlock) * a.heads
}

// forward does one task.
func (a *attention) forward(task int) {
	s, n := 0, a.parts(0)
	for ; n <= task; n = a.parts(s) {
		task, s = task-n, s+1
	}
	lo, hi := int(a.h.Q[s]), int(a.h.Q[s+1])
	if a.inBlocks(s) {
		i := lo + (ceil(hi-lo, a.rows)-1-task/a.kvs)*a.rows // the longest first
		a.forwardBlocks(s, task%a.kvs, i, min(i+a.rows, hi))
		return
	}
	i := lo + task/a.heads*queryBlock
	a.forwardRows(s, task%a.heads, i, min(i+queryBlock, hi))
}

// A tile is the scratch of a task: the weights of queryBlock rows and keyBlock keys, their gradients, and
// the rows of one head laid end to end.
type tile struct {
	p, ds       [queryBlock * keyBlock]float32
	q, dy, k, v []float32
}

var tiles = sync.Pool{New: func() any { return new(tile) }}

// row returns the weights of row r.
func (w *tile) row(r int) []float32 { return w.p[r*keyBlock : (r+1)*keyBlock] }

// A strip is one head of some rows: row j begins at data[j*stride].
type strip struct {
	data   []float32
	stride int
}

// from returns the rows from j on.
func (s strip) from(j int) []float32 { return s.data[j*s.stride:] }

// strip returns head n of the rows [lo, hi) of m, laid end to end in buf if they are to be read so often
// that it pays: in the matrix they lie a multiple of 1 KiB apart, where few fit into the nearest cache at
// once.
func (a *attention) strip(buf *[]float32, m Mat, lo, hi, n, times int) strip {
	if times < 4 {
		return strip{m.Data[lo*m.Stride+n*a.h.Dim:], m.Stride}
	}
	*buf = (*buf)[:0]
	for i := lo; i < hi; i++ {
		*buf = append(*buf, a.head(m, i, n)...)
	}
	return strip{*buf, a.h.Dim}
}

// forwardRows computes head n of the query rows [i0, i1) of sequence s.
func (a *attention) forwardRows(s, n, i0, i1 int) {
	start, end := a.span(i0, i1)

	w := tiles.Get().(*tile)
	defer tiles.Put(w)
	var top, sum [queryBlock]float32
	for i := i0; i < i1; i++ {
		top[i-i0] = float32(math.Inf(-1))
		clear(a.head(a.dst, i, n))
	}
	for t := start / keyBlock * keyBlock; t < end; t += keyBlock {
		lo, hi, first, g := max(t, start), min(t+keyBlock, end), int(a.h.K[s]), n/a.shared
		k := a.strip(&w.k, a.k, first+lo, first+hi, g, i1-i0)
		v := a.strip(&w.v, a.v, first+lo, first+hi, g, i1-i0)
		for i := i0; i < i1; i++ { // first all of K, then all of V: the nearest cache holds one of them
			a.weights(w.row(i-i0), i, n, lo, hi, k, &top[i-i0], &sum[i-i0])
		}
		for i := i0; i < i1; i++ {
			if l, h := a.clip(i, lo, hi); l < h {
				combine(a.head(a.dst, i, n), w.row(i - i0)[:h-l], 1, v.from(l-lo), v.stride)
			}
		}
	}
	for i := i0; i < i1; i++ {
		if z := sum[i-i0]; z != 0 {
			scale(a.head(a.dst, i, n), 1/z)
		}
		a.lse.Row(i)[n] = top[i-i0] + float32(math.Log(float64(sum[i-i0])))
	}
}

// clip returns those of the keys [t, t1) that query row i reads.
func (a *attention) clip(i, t, t1 int) (lo, hi int) {
	begin, end := a.keys(i)
	return max(begin, t), min(end, t1)
}

// weights computes query row i's weights p of the keys [t, t1), which are in k, relative to top, the largest
// score so far; when that grows, the output so far and sum, that of the weights, shrink.
func (a *attention) weights(p []float32, i, n, t, t1 int, k strip, top, sum *float32) {
	lo, hi := a.clip(i, t, t1)
	if lo >= hi {
		return
	}
	p = p[:hi-lo]
	dots(p, a.head(a.q, i, n), k.from(lo-t), k.stride, a.h.Scale)
	if m := maximum(p); m > *top {
		if *sum != 0 {
			old := float32(math.Exp(float64(*top - m)))
			*sum *= old
			scale(a.head(a.dst, i, n), old)
		}
		*top = m
	}
	*sum += expSum(p, p, *top)
	if a.mask.drop > 0 {
		begin, _ := a.keys(i)
		a.mask.apply(p, p, i, lo-begin, n)
	}
}

var (
	clearRow              = newRowKernel(func(m *Mat, i int) { clear(m.Row(i)) })
	attentionBackwardTask = newRowKernel(func(a *attention, task int) { a.backward(task/a.kvs, task%a.kvs) })
	// attentionBackwardHead does the sequences one after the other, since they share keys.
	attentionBackwardHead = newRowKernel(func(a *attention, g int) {
		for s := range len(a.h.Q) - 1 {
			a.backward(s, g)
		}
	})
)

// AttentionBackward implements [compute.Device]. A task owns a key head of a sequence and the query heads
// that read it.
func (d *Device) AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v Mat, h Heads) {
	a := newAttention("AttentionBackward", y, lse, q, k, v, h)
	same("AttentionBackward", dq, q)
	same("AttentionBackward", dy, q)
	same("AttentionBackward", dk, k)
	same("AttentionBackward", dv, v)
	a.dq, a.dk, a.dv, a.dy = dq, dk, dv, dy
	for _, m := range [...]Mat{dq, dk, dv} {
		clearRow.rows(d, m.Rows, m.Cols, m)
	}
	if a.disjoint() {
		attentionBackwardTask.each(d, (len(h.Q)-1)*a.kvs, a)
	} else {
		attentionBackwardHead.each(d, a.kvs, a)
	}
}

// disjoint reports whether no two sequences read the same keys.
func (a *attention) disjoint() bool {
	last := 0
	for s := range len(a.h.Q) - 1 {
		lo, hi := a.span(int(a.h.Q[s]), int(a.h.Q[s+1]))
		if lo == hi {
			continue
		}
		if int(a.h.K[s])+lo < last {
			return false
		}
		last = int(a.h.K[s]) + hi
	}
	return true
}

// backward adds what the queries of sequence s that read key head g contribute to dq, dk and dv.
func (a *attention) backward(s, g int) {
	if a.inBlocks(s) {
		a.backwardBlocks(s, g)
	} else {
		a.backwardRows(s, g)
	}
}

func (a *attention) backwardRows(s, g int) {
	w := tiles.Get().(*tile)
	defer tiles.Put(w)
	q0, q1 := int(a.h.Q[s]), int(a.h.Q[s+1])
	start, end := a.span(q0, q1)
	for t := start / keyBlock * keyBlock; t < end; t += keyBlock {
		lo, hi, first := max(t, start), min(t+keyBlock, end), int(a.h.K[s])
		k := a.strip(&w.k, a.k, first+lo, first+hi, g, q1-q0)
		v := a.strip(&w.v, a.v, first+lo, first+hi, g, q1-q0)
		for n := g * a.shared; n < (g+1)*a.shared; n++ {
			for i := q0; i < q1; i += queryBlock {
				a.backwardTile(w, i, min(i+queryBlock, q1), n, first, lo, hi, k, v)
			}
		}
	}
}

// backwardTile does the query rows [i0, i1) and the keys [t, t1), which are in k and v. With P the weights
// after softmax and M the dropout mask: dV = (P∘M)ᵀ·dY, dP = (dY·Vᵀ)∘M and dS = P∘(dP − rowsum(dY∘Y)),
// since Σ P∘dP over a row is dY·Y.
func (a *attention) backwardTile(w *tile, i0, i1, n, first, t, t1 int, k, v strip) {
	if lo, hi := a.span(i0, i1); hi <= t || lo >= t1 {
		return
	}
	var from, to [queryBlock]int // each row's keys, counted from t
	sorted := true
	for i := i0; i < i1; i++ {
		r := i - i0
		begin, end := a.keys(i)
		// A row without keys here still takes its place in the order, for the walk below.
		lo := min(max(begin, t), t1)
		hi := max(lo, min(end, t1))
		from[r], to[r] = lo-t, hi-t
		sorted = sorted && (r == 0 || from[r] >= from[r-1] && to[r] >= to[r-1])
		p, ds := w.p[r*keyBlock:(r+1)*keyBlock], w.ds[r*keyBlock:(r+1)*keyBlock]
		clear(p[:lo-t])
		clear(ds[:lo-t])
		clear(p[hi-t:])
		clear(ds[hi-t:])
		if lo < hi {
			a.rowBackward(p[lo-t:hi-t], ds[lo-t:hi-t], i, n, lo-begin, k.from(lo-t), v.from(lo-t), k.stride, v.stride)
		}
	}
	q := a.strip(&w.q, a.q, i0, i1, n, i1-i0)
	dy := a.strip(&w.dy, a.dy, i0, i1, n, i1-i0)
	r0, r1, rows := 0, 0, i1-i0
	for j := range t1 - t {
		if sorted { // those that read a key lie side by side
			for r0 < rows && to[r0] <= j {
				r0++
			}
			for r1 < rows && from[r1] <= j {
				r1++
			}
		} else { // the others have zeros, which do no harm
			r1 = rows
		}
		if r0 >= r1 {
			continue
		}
		c, end := r0*keyBlock+j, (r1-1)*keyBlock+j+1
		combine(a.head(a.dk, first+t+j, n/a.shared), w.ds[c:end], keyBlock, q.from(r0), q.stride)
		combine(a.head(a.dv, first+t+j, n/a.shared), w.p[c:end], keyBlock, dy.from(r0), dy.stride)
	}
}

// rowBackward computes the weights p of query row i over the keys and values k and v, the first of which is
// number first of its own, and their gradient ds, and adds to dq.
func (a *attention) rowBackward(p, ds []float32, i, n, first int, k, v []float32, kstride, vstride int) {
	dy := a.head(a.dy, i, n)
	dots(p, a.head(a.q, i, n), k, kstride, a.h.Scale)
	expSum(p, p, a.lse.Row(i)[n])
	dots(ds, dy, v, vstride, 1)
	if a.mask.drop > 0 {
		a.mask.apply(ds, ds, i, first, n)
	}
	var delta [1]float32
	dots(delta[:], dy, a.head(a.dst, i, n), 0, 1)
	softmaxBackward(ds, p, delta[0], a.h.Scale)
	if a.mask.drop > 0 {
		a.mask.apply(p, p, i, first, n)
	}
	combine(a.head(a.dq, i, n), ds, 1, k, kstride)
}
