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
	keyBlock   = 128
)

// attention is one call: its matrices and what tasks need to know.
type attention struct {
	h                  Heads
	dst, lse, q, k, v  Mat
	dq, dk, dv, dy     Mat // backward only
	heads, kvs, shared int // query heads, key heads, query heads to a key head
	mask               mask
}

func newAttention(op string, dst, lse, q, k, v Mat, h Heads) *attention {
	same(op, dst, q)
	same(op, k, v)
	heads, kvs := q.Cols/h.Dim, k.Cols/h.Dim
	if heads*h.Dim != q.Cols || kvs*h.Dim != k.Cols || kvs == 0 || heads%kvs != 0 ||
		lse.Rows != q.Rows || lse.Cols != heads || len(h.K) < len(h.Q)-1 || len(h.Pos) != q.Rows {
		panic(fmt.Sprintf("cpu: %s: q %v, k %v, lse %v, heads of %d, %d bounds of queries and %d of keys, %d positions",
			op, q, k, lse, h.Dim, len(h.Q), len(h.K), len(h.Pos)))
	}
	return &attention{h: h, dst: dst, lse: lse, q: q, k: k, v: v, heads: heads, kvs: kvs, shared: heads / kvs,
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

// from returns head n of row i and all that follows it.
func (a *attention) from(m Mat, i, n int) []float32 { return m.Data[i*m.Stride+n*a.h.Dim:] }

// Attention implements [compute.Device].
func (d *Device) Attention(dst, lse, q, k, v Mat, h Heads) {
	a := newAttention("Attention", dst, lse, q, k, v, h)
	n := 0
	for s := range len(h.Q) - 1 {
		n += queryBlocks(&h, s)
	}
	d.pool.each(n*a.heads, a.forward)
}

func queryBlocks(h *Heads, s int) int { return (int(h.Q[s+1]-h.Q[s]) + queryBlock - 1) / queryBlock }

// forward computes one head of one block of query rows.
func (a *attention) forward(task int) {
	s, b, n := 0, task/a.heads, task%a.heads
	for queryBlocks(&a.h, s) <= b {
		b -= queryBlocks(&a.h, s)
		s++
	}
	i0 := int(a.h.Q[s]) + b*queryBlock
	i1 := min(i0+queryBlock, int(a.h.Q[s+1]))
	start, end := a.span(i0, i1)

	var top, sum [queryBlock]float32
	for i := i0; i < i1; i++ {
		top[i-i0] = float32(math.Inf(-1))
		clear(a.head(a.dst, i, n))
	}
	for t := start / keyBlock * keyBlock; t < end; t += keyBlock {
		for i := i0; i < i1; i++ {
			a.attend(i, n, int(a.h.K[s]), t, &top[i-i0], &sum[i-i0])
		}
	}
	for i := i0; i < i1; i++ {
		if z := sum[i-i0]; z != 0 {
			out := a.head(a.dst, i, n)
			scale(out, 1/z)
		}
		a.lse.Row(i)[n] = top[i-i0] + float32(math.Log(float64(sum[i-i0])))
	}
}

// attend adds the tile of keys from t on to the output of query row i, whose weights so far are relative
// to top and add up to sum.
func (a *attention) attend(i, n, first, t int, top, sum *float32) {
	begin, end := a.keys(i)
	lo, hi := max(begin, t), min(end, t+keyBlock)
	if lo >= hi {
		return
	}
	var buf [keyBlock]float32
	p, out, g := buf[:hi-lo], a.head(a.dst, i, n), n/a.shared
	dots(p, a.head(a.q, i, n), a.from(a.k, first+lo, g), a.k.Stride, a.h.Scale)
	if m := maximum(p); m > *top {
		if *sum != 0 {
			old := float32(math.Exp(float64(*top - m)))
			*sum *= old
			scale(out, old)
		}
		*top = m
	}
	*sum += expSum(p, p, *top)
	if a.mask.drop > 0 {
		a.mask.apply(p, p, i, lo-begin, n)
	}
	combine(out, p, 1, a.from(a.v, first+lo, g), a.v.Stride)
}

// A tile holds the weights and their gradients of queryBlock rows and keyBlock keys.
type tile struct {
	p, ds [queryBlock * keyBlock]float32
}

var tiles = sync.Pool{New: func() any { return new(tile) }}

// AttentionBackward implements [compute.Device]. A task owns a key head of a sequence and the query heads
// that read it.
func (d *Device) AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v Mat, h Heads) {
	a := newAttention("AttentionBackward", y, lse, q, k, v, h)
	same("AttentionBackward", dq, q)
	same("AttentionBackward", dy, q)
	same("AttentionBackward", dk, k)
	same("AttentionBackward", dv, v)
	a.dq, a.dk, a.dv, a.dy = dq, dk, dv, dy
	d.rows(dq.Rows, dq.Cols, func(i int) { clear(dq.Row(i)) })
	d.rows(dk.Rows, dk.Cols, func(i int) { clear(dk.Row(i)); clear(dv.Row(i)) })
	if a.disjoint() {
		d.pool.each((len(h.Q)-1)*a.kvs, func(task int) { a.backward(task/a.kvs, task%a.kvs) })
		return
	}
	d.pool.each(a.kvs, func(g int) {
		for s := range len(h.Q) - 1 {
			a.backward(s, g)
		}
	})
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
	w := tiles.Get().(*tile)
	defer tiles.Put(w)
	q0, q1 := int(a.h.Q[s]), int(a.h.Q[s+1])
	start, end := a.span(q0, q1)
	for t := start / keyBlock * keyBlock; t < end; t += keyBlock {
		for n := g * a.shared; n < (g+1)*a.shared; n++ {
			for i := q0; i < q1; i += queryBlock {
				a.backwardTile(w, i, min(i+queryBlock, q1), n, int(a.h.K[s]), t, min(t+keyBlock, end))
			}
		}
	}
}

// backwardTile does the query rows [i0, i1) and the keys [t, t1). With P the weights after softmax and M
// the dropout mask: dV = (P∘M)ᵀ·dY, dP = (dY·Vᵀ)∘M and dS = P∘(dP − rowsum(dY∘Y)), since Σ P∘dP over a row
// is dY·Y.
func (a *attention) backwardTile(w *tile, i0, i1, n, first, t, t1 int) {
	g, sorted := n/a.shared, true
	var from, to [queryBlock]int // each row's keys in the tile, counted from t
	for i := i0; i < i1; i++ {
		r := i - i0
		begin, end := a.keys(i)
		lo, hi := max(begin, t), min(end, t1)
		p, ds := w.p[r*keyBlock:(r+1)*keyBlock], w.ds[r*keyBlock:(r+1)*keyBlock]
		if lo >= hi { // still ordered among its neighbours, for the walk below
			lo = min(max(lo, t), t1)
			hi = lo
		}
		from[r], to[r] = lo-t, hi-t
		sorted = sorted && (r == 0 || from[r] >= from[r-1] && to[r] >= to[r-1])
		clear(p[:from[r]])
		clear(ds[:from[r]])
		clear(p[to[r]:])
		clear(ds[to[r]:])
		if lo == hi {
			continue
		}
		p, ds = p[lo-t:hi-t], ds[lo-t:hi-t]
		dyi := a.head(a.dy, i, n)
		dots(p, a.head(a.q, i, n), a.from(a.k, first+lo, g), a.k.Stride, a.h.Scale)
		expSum(p, p, a.lse.Row(i)[n])
		dots(ds, dyi, a.from(a.v, first+lo, g), a.v.Stride, 1)
		delta := dot(dyi, a.head(a.dst, i, n))
		if a.mask.drop > 0 {
			a.mask.apply(ds, ds, i, lo-begin, n)
		}
		softmaxBackward(ds, p, delta, a.h.Scale)
		if a.mask.drop > 0 {
			a.mask.apply(p, p, i, lo-begin, n)
		}
		combine(a.head(a.dq, i, n), ds, 1, a.from(a.k, first+lo, g), a.k.Stride)
	}
	// Of ordered rows, those that read a key lie side by side. Elsewhere the zeros do no harm.
	r0, r1, rows := 0, 0, i1-i0
	for j := range t1 - t {
		if sorted {
			for r0 < rows && to[r0] <= j {
				r0++
			}
			for r1 < rows && from[r1] <= j {
				r1++
			}
		} else {
			r1 = rows
		}
		if r0 >= r1 {
			continue
		}
		c := r0*keyBlock + j
		end := (r1-1)*keyBlock + j + 1
		combine(a.head(a.dk, first+t+j, g), w.ds[c:end], keyBlock, a.from(a.q, i0+r0, n), a.q.Stride)
		combine(a.head(a.dv, first+t+j, g), w.p[c:end], keyBlock, a.from(a.dy, i0+r0, n), a.dy.Stride)
	}
}
