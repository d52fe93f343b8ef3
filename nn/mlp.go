package nn

import "github.com/hone-ml/hone/compute"

// An MLP is Down(f(Up x)), or Down(f(Gate x)·Up x) if it has a Gate.
type MLP struct {
	Gate, Up, Down *Linear // Gate may be nil
	Act            compute.ActFunc
	Layer          int
	OutDropout     Float
}

// MLPActs is what Backward needs.
type MLPActs struct {
	Gate Mat // [N, F] before the activation; empty without a gate
	Up   Mat // [N, F] before the activation
}

func (m *MLP) keep(p *Pass, a *MLPActs, n int) {
	a.Up = p.New(n, m.Up.Out())
	if m.Gate != nil {
		a.Gate = p.New(n, m.Gate.Out())
	}
}

// Forward is dst = MLP(x) + add.
func (m *MLP) Forward(p *Pass, a *MLPActs, dst, x, add Mat) {
	mark := p.Mark()
	m.Up.Forward(p, a.Up, x, Mat{})
	if m.Gate != nil {
		m.Gate.Forward(p, a.Gate, x, Mat{})
	}
	residual(p, m.Down, dst, m.hidden(p, a), add, m.OutDropout, siteMLP(m.Layer))
	p.Release(mark)
}

// hidden returns what Down reads, in scratch memory.
func (m *MLP) hidden(p *Pass, a *MLPActs) Mat {
	h := p.New(a.Up.Rows, a.Up.Cols)
	if m.Gate != nil {
		p.GLU(h, a.Gate, a.Up, m.Act)
	} else {
		p.Act(h, a.Up, m.Act)
	}
	return h
}

// reads reports whether Backward reads what Forward read.
func (m *MLP) reads(g *Grads) bool { return m.Up.reads(g) || m.Gate != nil && m.Gate.reads(g) }

// Backward overwrites dx given dy; x is what Forward read, which is not asked for unless m reads it.
func (m *MLP) Backward(p *Pass, a *MLPActs, dx, dy, x Mat) {
	mark := p.Mark()
	dy = p.dropped(dy, m.OutDropout, siteMLP(m.Layer), nil)
	dh := p.New(a.Up.Rows, a.Up.Cols)
	var h Mat
	if m.Down.reads(p.Grads) {
		h = m.hidden(p, a)
	}
	m.Down.Backward(p, dh, dy, h, false)
	if m.Gate != nil {
		dgate := p.New(dh.Rows, dh.Cols)
		p.GLUBackward(dgate, dh, dh, a.Gate, a.Up, m.Act)
		m.Gate.Backward(p, dx, dgate, x, false)
	} else {
		p.ActBackward(dh, dh, a.Up, m.Act)
	}
	m.Up.Backward(p, dx, dh, x, m.Gate != nil)
	p.Release(mark)
}
