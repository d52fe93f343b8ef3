package nn

// Grads are the gradients of a model's parameters over one optimizer step. They need no clearing between
// steps: the first product into a gradient overwrites it.
type Grads struct {
	G    []Mat // by Param.Index; empty if the parameter is frozen
	done []int // leading rows of each gradient that this step has written; the others hold garbage
}

// NewGrads allocates gradients for those of params that want says are trained.
func NewGrads(params []*Param, want func(*Param) bool) *Grads {
	g := &Grads{make([]Mat, len(params)), make([]int, len(params))}
	for i, q := range params {
		if want(q) {
			g.G[i] = Mat{Rows: q.W.Rows, Cols: q.W.Cols, Stride: q.W.Cols, Data: make([]Float, q.W.Rows*q.W.Cols)}
		}
	}
	return g
}

// Borrowed returns Grads that only pretend, for a Device that computes nothing: each gradient has the shape of
// its parameter and nobody may write to it. A nil want means all.
func Borrowed(params []*Param, want func(*Param) bool) *Grads {
	g := &Grads{make([]Mat, len(params)), make([]int, len(params))}
	for i, q := range params {
		if want == nil || want(q) {
			g.G[i], g.done[i] = q.W, q.W.Rows
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
func (g *Grads) Reset() { clear(g.done) }

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
