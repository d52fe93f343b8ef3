package nn

import "github.com/hone-ml/hone/compute"

// Grads are the gradients of a model's parameters over one optimizer step. They need no clearing between
// steps: the first product into a gradient overwrites it.
type Grads struct {
	G        []Mat       // by Param.Index; empty if the parameter is frozen or its gradient factored
	done     []int       // leading rows of each gradient that this step has written; the others hold garbage
	factored []*factored // by Param.Index; nil for most
}

// NewGrads allocates gradients for those of params that want says are trained. Gradients of the parameters in
// factor, vocabularies of which a step reads few rows, are not stored: see Outer, Scatter and Blocks.
func NewGrads(params []*Param, want func(*Param) bool, factor ...*Param) *Grads {
	g := newGrads(len(params))
	for _, q := range factor {
		if want(q) {
			g.factored[q.Index] = &factored{cols: q.W.Cols}
		}
	}
	for i, q := range params {
		if want(q) && g.factored[i] == nil {
			g.G[i] = compute.NewMat(q.W.Rows, q.W.Cols)
		}
	}
	return g
}

func newGrads(n int) *Grads {
	return &Grads{make([]Mat, n), make([]int, n), make([]*factored, n)}
}

// Borrowed returns Grads that only pretend, for a Device that computes nothing: each gradient has the shape of
// its parameter and nobody may write to it. A nil want means all. Bytes leaves factored ones out.
func Borrowed(params []*Param, want func(*Param) bool) *Grads {
	g := newGrads(len(params))
	for i, q := range params {
		if want == nil || want(q) {
			if g.G[i], g.done[i] = q.W, q.W.Rows; q.Stored != nil {
				g.G[i].Data = []Float{} // no elements, yet not absent
			}
		}
	}
	return g
}

// Bytes returns the memory of the gradients.
func (g *Grads) Bytes() (n int64) {
	for _, m := range g.G {
		n += int64(m.Rows) * int64(m.Cols) * 4
	}
	return n
}

// Reset starts a step: all gradients count as zero.
func (g *Grads) Reset() {
	clear(g.done)
	for _, f := range g.factored {
		if f != nil {
			f.reset()
		}
	}
}

// Trained reports whether parameter i has a gradient.
func (g *Grads) Trained(i int) bool { return !g.G[i].Empty() || g.factored[i] != nil }

// Outer adds dyᵀ·x to q's gradient: dy [N, out], x [N, in].
func (g *Grads) Outer(p *Pass, q *Param, dy, x Mat) {
	if g == nil {
		return
	}
	if f := g.factored[q.Index]; f != nil {
		f.p.add(dy)
		f.h.add(x)
		return
	}
	if dst, add := g.Rows(q, 0, q.W.Rows); !dst.Empty() {
		p.MatMulTN(dst, dy, x, compute.Epilogue{Add: add})
	}
}

// Scatter adds the rows of dx to the rows ids of q's gradient. A nil q is fine.
func (g *Grads) Scatter(p *Pass, q *Param, dx Mat, ids []int32) {
	if g == nil || q == nil {
		return
	}
	if f := g.factored[q.Index]; f != nil {
		f.dx.add(dx)
		f.ids = append(f.ids, ids...)
		return
	}
	if dst := g.Of(q); !dst.Empty() {
		p.ScatterAdd(dst, dx, ids)
	}
}

// Blocks calls f with all rows of parameter i's gradient, a block [lo, hi) at a time; once with all of them where it is
// stored. g is valid during the call.
func (g *Grads) Blocks(d compute.Device, i int, q *Param, f func(lo, hi int, g Mat)) {
	if part := g.factored[i]; part != nil {
		for lo := 0; lo < q.W.Rows; lo += blockRows {
			hi := min(lo+blockRows, q.W.Rows)
			f(lo, hi, part.form(d, q.W.Rows, lo, hi))
		}
	} else if !g.G[i].Empty() {
		f(0, q.W.Rows, g.G[i])
	}
}

// Of returns q's gradient to add to; empty if q is nil or frozen, or if no gradients are wanted.
func (g *Grads) Of(q *Param) Mat {
	if g == nil || q == nil || g.G[q.Index].Empty() {
		return Mat{}
	}
	g.written(q.Index, g.G[q.Index].Rows)
	return g.G[q.Index]
}

// Rows returns rows [lo, hi) of q's gradient as the destination of a product that covers them, and what the
// product must add: nothing the first time in a step, the destination itself afterwards.
func (g *Grads) Rows(q *Param, lo, hi int) (dst, add Mat) {
	if g == nil || g.G[q.Index].Empty() {
		return Mat{}, Mat{}
	}
	dst = g.G[q.Index].RowSpan(lo, hi)
	if g.done[q.Index] <= lo {
		g.written(q.Index, lo)
		g.done[q.Index] = hi
		return dst, Mat{}
	}
	g.written(q.Index, hi)
	return dst, dst
}

// Finish ends a step: parameters that no row reached have a gradient of zero.
func (g *Grads) Finish() {
	for i, m := range g.G {
		if !m.Empty() {
			g.written(i, m.Rows)
		}
	}
}

// written makes rows [0, n) of gradient i count as written, clearing those that were not.
func (g *Grads) written(i, n int) {
	if g.done[i] < n {
		g.G[i].RowSpan(g.done[i], n).Zero()
		g.done[i] = n
	}
}
