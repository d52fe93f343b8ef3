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
	Lo, Hi  int
	Scale   Float
	Dropout Float
	Site    int // of the dropout: SiteLoRA plus a number of its own
}

// SiteLoRA is the first dropout site of adapters.
const SiteLoRA = 1 << 16

// Out returns the number of output columns.
func (l *Linear) Out() int { return l.W.W.Rows }

// Forward is dst = x·Wᵀ + b + add. dst [N, out]; x [N, in]; add [N, out] or empty.
func (l *Linear) Forward(p *Pass, dst, x, add Mat) { l.forward(p, dst, x, add, 0, l.Out()) }

// Backward overwrites dx, or adds to it if acc, given dy; x is what Forward read. A frozen weight costs it one
// product, not two, and an empty dx none.
func (l *Linear) Backward(p *Pass, dx, dy, x Mat, acc bool) {
	l.backward(p, dx, dy, x, acc, 0, l.Out())
}

// forward computes the outputs [lo, hi) only. dst [N, hi−lo].
func (l *Linear) forward(p *Pass, dst, x, add Mat, lo, hi int) {
	e := compute.Epilogue{Add: add}
	if l.B != nil {
		e.Bias = l.B.W.Span(lo, hi)
	}
	l.W.product(p, dst, x, lo, hi, e)
	for _, a := range l.LoRA {
		if s, t := max(lo, a.Lo), min(hi, a.Hi); s < t {
			a.forward(p, dst.Span(s-lo, t-lo), x, s-a.Lo, t-a.Lo)
		}
	}
}

// backward undoes forward for the outputs [lo, hi). dy [N, hi−lo].
func (l *Linear) backward(p *Pass, dx, dy, x Mat, acc bool, lo, hi int) {
	var e compute.Epilogue
	if acc {
		e.Add = dx
	}
	if !dx.Empty() {
		p.MatMulNN(dx, dy, l.W.W.RowSpan(lo, hi), e)
	}
	if g, add := p.Grads.Rows(l.W, lo, hi); !g.Empty() {
		p.MatMulTN(g, dy, x, compute.Epilogue{Add: add})
	}
	if g := p.Grads.Of(l.B); !g.Empty() {
		p.ColSum(g.Span(lo, hi), dy)
	}
	for _, a := range l.LoRA {
		if s, t := max(lo, a.Lo), min(hi, a.Hi); s < t {
			a.backward(p, dx, dy.Span(s-lo, t-lo), x, s-a.Lo, t-a.Lo)
		}
	}
}

// forward adds to y, the outputs [lo, hi) of the adapter.
func (a *LoRA) forward(p *Pass, y, x Mat, lo, hi int) {
	mark := p.Mark()
	t := p.New(x.Rows, a.A.W.Rows)
	p.MatMulNT(t, p.dropped(x, a.Dropout, a.Site), a.A.W, compute.Epilogue{})
	p.MatMulNT(y, t, a.B.W.RowSpan(lo, hi), compute.Epilogue{Scale: a.Scale, Add: y})
	p.Release(mark)
}

// backward adds to dx and to the gradients of A and B.
func (a *LoRA) backward(p *Pass, dx, dy, x Mat, lo, hi int) {
	mark := p.Mark()
	t, dt := p.New(x.Rows, a.A.W.Rows), p.New(x.Rows, a.A.W.Rows)
	p.MatMulNN(dt, dy, a.B.W.RowSpan(lo, hi), compute.Epilogue{Scale: a.Scale})
	x = p.dropped(x, a.Dropout, a.Site)
	if g, add := p.Grads.Rows(a.B, lo, hi); !g.Empty() {
		p.MatMulNT(t, x, a.A.W, compute.Epilogue{}) // cheaper to redo than to keep
		p.MatMulTN(g, dy, t, compute.Epilogue{Scale: a.Scale, Add: add})
	}
	if g, add := p.Grads.Rows(a.A, 0, a.A.W.Rows); !g.Empty() {
		p.MatMulTN(g, dt, x, compute.Epilogue{Add: add})
	}
	switch {
	case dx.Empty():
	case p.drops(a.Dropout):
		d := p.New(x.Rows, x.Cols)
		p.MatMulNN(d, dt, a.A.W, compute.Epilogue{})
		p.Drop(d, a.Dropout, a.Site)
		p.Add(dx, dx, d)
	default:
		p.MatMulNN(dx, dt, a.A.W, compute.Epilogue{Add: dx})
	}
	p.Release(mark)
}
