package nn

import (
	"math"

	"github.com/hone-ml/hone/compute"
)

// A DoRA makes a LoRA weight-decomposed (Liu et al., 2024): the adapter learns a direction for the weights of each
// output and, apart from it, their length. With f = M/‖W + Scale·B·A‖, row by row, the layer is
//
//	y = x·Wᵀ + b + (f−1)·x̃·Wᵀ + f·Scale·x̃·Aᵀ·Bᵀ, x̃ = dropout(x)
//
// which is f·x·(W + Scale·B·A)ᵀ + b where nothing is dropped. As in the paper and in PEFT, no gradient flows through
// the norm.
type DoRA struct {
	M *Param // [1, Hi−Lo]
	// Squares are ‖w‖² of the adapted rows of W, as Measure finds them.
	Squares []Float
	// Factor, if it is not empty, is f, [1, Hi−Lo], found beforehand by Fix for passes without gradients.
	Factor Mat
}

// Measure finds Squares of rows [lo, hi) of w. It has to be called again when w has changed.
func (d *DoRA) Measure(w *Param, lo, hi int) {
	d.Squares = make([]Float, hi-lo)
	buf := make([]Float, w.W.Cols)
	for i := range d.Squares {
		var sum float64
		for _, x := range w.Row(buf, lo+i) {
			sum += float64(x) * float64(x)
		}
		d.Squares[i] = Float(sum)
	}
}

// Fix finds Factor, so that a pass of few rows need not read the weights twice. Neither A, B and M nor W may change
// after that.
func (a *LoRA) Fix(d compute.Device, w *Param) {
	p := &Pass{Device: d, Arena: &compute.Arena{}}
	_, f := a.factor(p, w, part{hi: a.Hi - a.Lo})
	a.DoRA.Factor = compute.NewMat(1, f.Cols)
	a.DoRA.Factor.Copy(f)
}

// factor returns 1/‖W + Scale·B·A‖ and f for the outputs [lo, hi) of the adapter, [1, hi−lo] both. The sum of weights
// is not formed: ‖w + s·b·A‖² = ‖w‖² + s·b·(2·A·wᵀ + s·A·Aᵀ·bᵀ).
func (a *LoRA) factor(p *Pass, w *Param, c part) (inv, f Mat) {
	n, r := c.hi-c.lo, a.A.W.Rows
	inv, f = p.New(1, n), p.New(1, n)
	mark := p.Mark()
	aw, aa := p.New(r, n), p.New(r, r)
	w.product(p, aw, a.A.W, a.Lo+c.lo, a.Lo+c.hi, compute.Epilogue{})
	p.MatMulNT(aa, a.A.W, a.A.W, compute.Epilogue{})
	b, baa := a.B.W.RowSpan(c.lo, c.hi), p.New(n, r)
	p.MatMulNT(baa, b, aa, compute.Epilogue{Scale: a.Scale}) // A·Aᵀ is symmetric
	for i := range n {
		var sum Float
		for k, v := range b.Row(i) {
			sum += v * (2*aw.Data[k*aw.Stride+i] + baa.Row(i)[k])
		}
		inv.Data[i], f.Data[i] = 0, 0
		if norm := Float(math.Sqrt(float64(a.DoRA.Squares[c.lo+i] + a.Scale*sum))); norm > 0 { // zero weights stay so
			inv.Data[i], f.Data[i] = 1/norm, a.DoRA.M.W.Data[c.lo+i]/norm
		}
	}
	p.Release(mark)
	return inv, f
}

// forwardDoRA writes the outputs [lo, hi) of the adapter's columns, with the bias and what else e adds, to y.
func (a *LoRA) forwardDoRA(p *Pass, w *Param, y, x Mat, e compute.Epilogue, c part) {
	mark := p.Mark()
	f := a.DoRA.Factor
	if p.Grads != nil || f.Empty() {
		_, f = a.factor(p, w, c)
	} else {
		f = f.Span(c.lo, c.hi)
	}
	w.product(p, y, x, a.Lo+c.lo, a.Lo+c.hi, compute.Epilogue{})
	if p.drops(a.Dropout) {
		u := p.New(y.Rows, y.Cols)
		w.product(p, u, p.dropped(x, a.Dropout, a.Site, c.rows), a.Lo+c.lo, a.Lo+c.hi, compute.Epilogue{})
		p.ScaleCols(u, u, less1(p, f))
		p.Add(y, y, u)
	} else {
		p.ScaleCols(y, y, f)
	}
	b := p.New(c.hi-c.lo, a.B.W.Cols)
	for i := range b.Rows {
		for k, v := range a.B.W.Row(c.lo + i) {
			b.Row(i)[k] = f.Data[i] * v
		}
	}
	p.MatMulNT(y, a.project(p, x, c), b, compute.Epilogue{Scale: a.Scale, Bias: e.Bias, Add: y})
	if !e.Add.Empty() {
		p.Add(y, y, e.Add)
	}
	p.Release(mark)
}

// backwardDoRA undoes forwardDoRA: it writes dx + e to dx, unless that is empty, and adds to the gradients of A, B and M.
func (a *LoRA) backwardDoRA(p *Pass, w *Param, dx, dy, x Mat, e compute.Epilogue, c part) {
	mark := p.Mark()
	inv, f := a.factor(p, w, c)
	scaled := p.New(dy.Rows, dy.Cols)
	p.ScaleCols(scaled, dy, f)
	dropped := p.dropped(x, a.Dropout, a.Site, c.rows)
	t, dt := a.weights(p, scaled, dropped, c)
	if g := p.Grads.Of(a.DoRA.M); !g.Empty() {
		sum, u := p.Zero(1, dy.Cols), p.New(dy.Rows, dy.Cols)
		w.product(p, u, dropped, a.Lo+c.lo, a.Lo+c.hi, compute.Epilogue{})
		p.MatMulNT(u, t, a.B.W.RowSpan(c.lo, c.hi), compute.Epilogue{Scale: a.Scale, Add: u})
		p.ScaleColsBackward(sum, dy, u)
		for j, v := range inv.Data {
			g.Data[c.lo+j] += v * sum.Data[j]
		}
	}
	lo, hi := a.Lo+c.lo, a.Lo+c.hi
	if !p.drops(a.Dropout) {
		w.backward(p, dx, scaled, x, lo, hi, e)
	} else {
		w.backward(p, dx, dy, x, lo, hi, e)
		p.ScaleCols(scaled, dy, less1(p, f))
		d := Mat{}
		if !dx.Empty() {
			d = p.New(x.Rows, x.Cols)
		}
		w.backward(p, d, scaled, dropped, lo, hi, compute.Epilogue{})
		if !dx.Empty() {
			p.Add(dx, dx, p.dropped(d, a.Dropout, a.Site, c.rows))
		}
	}
	a.input(p, dx, dt, c)
	p.Release(mark)
}

// less1 returns f − 1.
func less1(p *Pass, f Mat) Mat {
	g := p.New(1, f.Cols)
	for j, v := range f.Row(0) {
		g.Data[j] = v - 1
	}
	return g
}
