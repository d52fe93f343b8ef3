package nn

import "github.com/hone-ml/hone/compute"

// A Linear is y = x·Wᵀ + b, W stored [out, in].
type Linear struct {
	W, B *Param // B may be nil
	LoRA []LoRA
}

// A LoRA adds Scale·dropout(x)·Aᵀ·Bᵀ to columns [Lo, Hi) of a Linear's output (Hu et al., 2021).
type LoRA struct {
	A, B    *Param // [r, in], [Hi−Lo, r]
	DoRA    *DoRA  // nil for plain LoRA
	Lo, Hi  int
	Scale   Float
	Dropout Float
	Site    int // of the dropout: SiteLoRA plus a number of its own
}

// SiteLoRA is the first dropout site of adapters.
const SiteLoRA = 1 << 16

// A part is what is computed of a Linear: the outputs [lo, hi), for rows of x that have the numbers rows in the matrix
// by which dropout counts; nil if x is that matrix.
type part struct {
	lo, hi int
	rows   []int32
}

// Out returns the number of output columns.
func (l *Linear) Out() int { return l.W.W.Rows }

// Forward is dst = x·Wᵀ + b + add. dst [N, out]; x [N, in]; add [N, out], not dst, or empty.
func (l *Linear) Forward(p *Pass, dst, x, add Mat) { l.forward(p, dst, x, add, part{hi: l.Out()}) }

// Backward overwrites dx, or adds to it if acc, given dy; x is what Forward read. A frozen weight costs it one
// product, not two, and an empty dx none.
func (l *Linear) Backward(p *Pass, dx, dy, x Mat, acc bool) {
	l.backward(p, dx, dy, x, acc, part{hi: l.Out()})
}

// forward computes the part c. dst [N, hi−lo].
func (l *Linear) forward(p *Pass, dst, x, add Mat, c part) {
	for lo := c.lo; lo < c.hi; {
		d, hi := l.segment(lo, c.hi)
		y := dst.Span(lo-c.lo, hi-c.lo)
		var e compute.Epilogue
		if l.B != nil {
			e.Bias = l.B.W.Span(lo, hi)
		}
		if !add.Empty() {
			e.Add = add.Span(lo-c.lo, hi-c.lo)
		}
		if d != nil {
			d.forwardDoRA(p, l.W, y, x, e, part{lo - d.Lo, hi - d.Lo, c.rows})
		} else {
			l.W.product(p, y, x, lo, hi, e)
		}
		lo = hi
	}
	for i := range l.LoRA {
		if a := &l.LoRA[i]; a.DoRA == nil {
			if s, t := max(c.lo, a.Lo), min(c.hi, a.Hi); s < t {
				a.forward(p, dst.Span(s-c.lo, t-c.lo), x, part{s - a.Lo, t - a.Lo, c.rows})
			}
		}
	}
}

// backward undoes forward for the part c. dy [N, hi−lo].
func (l *Linear) backward(p *Pass, dx, dy, x Mat, acc bool, c part) {
	for lo := c.lo; lo < c.hi; {
		d, hi := l.segment(lo, c.hi)
		g := dy.Span(lo-c.lo, hi-c.lo)
		var e compute.Epilogue
		if acc {
			e.Add = dx
		}
		if d != nil {
			d.backwardDoRA(p, l.W, dx, g, x, e, part{lo - d.Lo, hi - d.Lo, c.rows})
		} else {
			l.W.backward(p, dx, g, x, lo, hi, e)
		}
		lo, acc = hi, true
	}
	if g := p.Grads.Of(l.B); !g.Empty() {
		p.ColSum(g.Span(c.lo, c.hi), dy)
	}
	for i := range l.LoRA {
		if a := &l.LoRA[i]; a.DoRA == nil {
			if s, t := max(c.lo, a.Lo), min(c.hi, a.Hi); s < t {
				a.backward(p, dx, dy.Span(s-c.lo, t-c.lo), x, part{s - a.Lo, t - a.Lo, c.rows})
			}
		}
	}
}

// reads reports whether Backward reads what Forward read: not where nothing but the input's gradient is found.
func (l *Linear) reads(g *Grads) bool { return len(l.LoRA) > 0 || g.trains(l.W) }

// segment returns the weight-decomposed adapter of output lo, nil if there is none, and where that ceases to be so, at
// most end.
func (l *Linear) segment(lo, end int) (d *LoRA, hi int) {
	for i := range l.LoRA {
		switch a := &l.LoRA[i]; {
		case a.DoRA == nil || a.Hi <= lo:
		case a.Lo <= lo:
			return a, min(a.Hi, end)
		default:
			end = min(end, a.Lo)
		}
	}
	return nil, end
}

// backward is the gradient of dst = x·wᵀ, w's rows [lo, hi): dx, unless it is empty, and w's own, if w is trained.
func (w *Param) backward(p *Pass, dx, dy, x Mat, lo, hi int, e compute.Epilogue) {
	if !dx.Empty() {
		w.inputGrad(p, dx, dy, lo, hi, e)
	}
	if g, add := p.Grads.Rows(w, lo, hi); !g.Empty() {
		p.MatMulTN(g, dy, x, compute.Epilogue{Add: add})
	}
}

// project returns dropout(x)·Aᵀ, [N, r].
func (a *LoRA) project(p *Pass, x Mat, c part) Mat {
	t := p.New(x.Rows, a.A.W.Rows)
	p.MatMulNT(t, p.dropped(x, a.Dropout, a.Site, c.rows), a.A.W, compute.Epilogue{})
	return t
}

// forward adds to y, the outputs [lo, hi) of the adapter.
func (a *LoRA) forward(p *Pass, y, x Mat, c part) {
	mark := p.Mark()
	p.MatMulNT(y, a.project(p, x, c), a.B.W.RowSpan(c.lo, c.hi), compute.Epilogue{Scale: a.Scale, Add: y})
	p.Release(mark)
}

// backward adds to dx and to the gradients of A and B.
func (a *LoRA) backward(p *Pass, dx, dy, x Mat, c part) {
	mark := p.Mark()
	_, dt := a.weights(p, dy, p.dropped(x, a.Dropout, a.Site, c.rows), c)
	a.input(p, dx, dt, c)
	p.Release(mark)
}

// input adds to dx, unless it is empty, given the gradient dt of dropout(x)·Aᵀ.
func (a *LoRA) input(p *Pass, dx, dt Mat, c part) {
	mark := p.Mark()
	switch {
	case dx.Empty():
	case p.drops(a.Dropout):
		d := p.New(dx.Rows, dx.Cols)
		p.MatMulNN(d, dt, a.A.W, compute.Epilogue{})
		p.Add(dx, dx, p.dropped(d, a.Dropout, a.Site, c.rows))
	default:
		p.MatMulNN(dx, dt, a.A.W, compute.Epilogue{Add: dx})
	}
	p.Release(mark)
}

// weights adds to the gradients of A and B, given that of Scale·x·Aᵀ·Bᵀ. It returns t = x·Aᵀ and its gradient, [N, r].
func (a *LoRA) weights(p *Pass, dy, x Mat, c part) (t, dt Mat) {
	t, dt = p.New(x.Rows, a.A.W.Rows), p.New(x.Rows, a.A.W.Rows)
	p.MatMulNT(t, x, a.A.W, compute.Epilogue{}) // cheaper to redo than to keep
	p.MatMulNN(dt, dy, a.B.W.RowSpan(c.lo, c.hi), compute.Epilogue{Scale: a.Scale})
	if g, add := p.Grads.Rows(a.B, c.lo, c.hi); !g.Empty() {
		p.MatMulTN(g, dy, t, compute.Epilogue{Scale: a.Scale, Add: add})
	}
	if g, add := p.Grads.Rows(a.A, 0, a.A.W.Rows); !g.Empty() {
		p.MatMulTN(g, dt, x, compute.Epilogue{Add: add})
	}
	return t, dt
}
