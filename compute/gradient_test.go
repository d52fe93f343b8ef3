//go:build f64

package compute

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A probe checks gradients of L = Σ seed∘y by finite differences.
type probe struct {
	t   *testing.T
	rng *rand.Rand
}

func newProbe(t *testing.T) *probe { return &probe{t, rand.New(rand.NewPCG(1, 2))} }

// mat returns a random matrix with gaps between its rows.
func (p *probe) mat(rows, cols int) Mat {
	m := Mat{rows, cols, cols + 2, make([]Float, rows*(cols+2))}
	for i := range m.Data {
		m.Data[i] = p.rng.NormFloat64()
	}
	return m
}

// ones returns a matrix to add gradients to, and check subtracts.
func ones(rows, cols int) Mat {
	m := NewMat(rows, cols)
	for i := range m.Data {
		m.Data[i] = 1
	}
	return m
}

// check compares dx, less what it held before, with the slope of L when x changes. forward computes y.
func (p *probe) check(name string, x, dx Mat, before Float, y, seed Mat, forward func()) {
	p.t.Helper()
	loss := func() (sum float64) {
		forward()
		for i := range y.Rows {
			for j, e := range y.Row(i) {
				sum += e * seed.Row(i)[j]
			}
		}
		return sum
	}
	const h = 1e-5
	for i := range x.Rows {
		for j, e := range x.Row(i) {
			x.Row(i)[j] = e + h
			up := loss()
			x.Row(i)[j] = e - h
			down := loss()
			x.Row(i)[j] = e
			want, got := (up-down)/(2*h), dx.Row(i)[j]-before
			if d := math.Abs(got - want); !(d <= 1e-8*max(1, math.Abs(want))*10) {
				p.t.Errorf("%s: gradient [%d, %d] is %v, differences say %v", name, i, j, got, want)
				return
			}
		}
	}
	forward()
}

func TestGradientProducts(t *testing.T) {
	p, d := newProbe(t), Ref{}
	x, w, b, y, dy := p.mat(4, 3), p.mat(5, 3), p.mat(1, 5), p.mat(4, 5), p.mat(4, 5)
	forward := func() { d.MatMulNT(y, x, w, Epilogue{Scale: 0.5, Bias: b}) }
	dx, dw, db := p.mat(4, 3), ones(5, 3), ones(1, 5)
	d.MatMulNN(dx, dy, w, Epilogue{Scale: 0.5})
	d.MatMulTN(dw, dy, x, Epilogue{Scale: 0.5, Add: dw})
	d.ColSum(db, dy)
	p.check("x", x, dx, 0, y, dy, forward)
	p.check("w", w, dw, 1, y, dy, forward)
	p.check("b", b, db, 1, y, dy, forward)
}

func TestGradientRows(t *testing.T) {
	p, d := newProbe(t), Ref{}
	table, y, dy, dtable := p.mat(4, 3), p.mat(6, 3), p.mat(6, 3), ones(4, 3)
	rows := []int32{2, 0, 2, 3, 2, 0}
	d.ScatterAdd(dtable, dy, rows)
	p.check("table", table, dtable, 1, y, dy, func() { d.Gather(y, table, rows) })

	x, dx := p.mat(3, 7), p.mat(3, 7)
	seed, out := p.mat(3, 7), p.mat(3, 7)
	d.Dropout(dx, seed, 0.4, 5)
	p.check("dropout", x, dx, 0, out, seed, func() { d.Dropout(out, x, 0.4, 5) })
}

func TestGradientNorms(t *testing.T) {
	p, d := newProbe(t), Ref{}
	x, w, b, y, dy, stat := p.mat(3, 6), p.mat(1, 6), p.mat(1, 6), p.mat(3, 6), p.mat(3, 6), p.mat(3, 2)
	layer := func() { d.LayerNorm(y, stat, x, w, b, 1e-5) }
	layer()
	dx, dw, db := ones(3, 6), ones(1, 6), ones(1, 6)
	d.LayerNormBackward(dx, dw, db, dy, x, stat, w)
	p.check("LayerNorm x", x, dx, 1, y, dy, layer)
	p.check("LayerNorm w", w, dw, 1, y, dy, layer)
	p.check("LayerNorm b", b, db, 1, y, dy, layer)

	rms := func() { d.RMSNorm(y, stat.Span(0, 1), x, w, 1e-6) }
	rms()
	dx, dw = ones(3, 6), ones(1, 6)
	d.RMSNormBackward(dx, dw, dy, x, stat.Span(0, 1), w)
	p.check("RMSNorm x", x, dx, 1, y, dy, rms)
	p.check("RMSNorm w", w, dw, 1, y, dy, rms)
}

func TestGradientRoPE(t *testing.T) {
	p, d := newProbe(t), Ref{}
	x, y, table, pos := p.mat(4, 12), p.mat(4, 12), p.mat(5, 6), []int32{0, 4, 2, 2}
	dy := p.mat(4, 12)
	dx := NewMat(4, 12)
	dx.Copy(dy)
	d.RoPEBackward(dx, table, pos)
	p.check("x", x, dx, 0, y, dy, func() { y.Copy(x); d.RoPE(y, table, pos) })
}

func TestGradientActs(t *testing.T) {
	for _, f := range []ActFunc{GELUTanh, GELU, SiLU, ReLU} {
		p, d := newProbe(t), Ref{}
		x, up, y, dy, dx, dup := p.mat(3, 7), p.mat(3, 7), p.mat(3, 7), p.mat(3, 7), p.mat(3, 7), p.mat(3, 7)
		d.ActBackward(dx, dy, x, f)
		p.check(fmt.Sprintf("act %d", f), x, dx, 0, y, dy, func() { d.Act(y, x, f) })
		d.GLUBackward(dx, dup, dy, x, up, f)
		glu := func() { d.GLU(y, x, up, f) }
		p.check(fmt.Sprintf("gate %d", f), x, dx, 0, y, dy, glu)
		p.check(fmt.Sprintf("up %d", f), up, dup, 0, y, dy, glu)
	}
}

func TestGradientAttention(t *testing.T) {
	packed := Heads{Q: []int32{0, 3, 3, 7}, K: []int32{0, 3, 3}, Pos: []int32{0, 1, 2, 0, 1, 2, 3}}
	pruned := Heads{Q: []int32{0, 2, 3}, K: []int32{4, 0}, Pos: []int32{1, 3, 2}}
	for _, h := range []Heads{packed, pruned} {
		for _, c := range []struct {
			kvs, window int
			dropout     Float
		}{{4, 0, 0}, {2, 0, 0}, {1, 2, 0}, {2, 3, 0.3}} {
			h.Dim, h.Scale, h.Window, h.Dropout, h.Key = 3, 0.6, c.window, c.dropout, 7
			p, d := newProbe(t), Ref{}
			n := len(h.Pos)
			q, k, v, y, dy, lse := p.mat(n, 12), p.mat(9, 3*c.kvs), p.mat(9, 3*c.kvs), p.mat(n, 12), p.mat(n, 12), p.mat(n, 4)
			forward := func() { d.Attention(y, lse, q, k, v, h) }
			forward()
			dq, dk, dv := p.mat(n, 12), p.mat(9, 3*c.kvs), p.mat(9, 3*c.kvs)
			d.AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v, h)
			p.check(fmt.Sprintf("%+v q", c), q, dq, 0, y, dy, forward)
			p.check(fmt.Sprintf("%+v k", c), k, dk, 0, y, dy, forward)
			p.check(fmt.Sprintf("%+v v", c), v, dv, 0, y, dy, forward)
		}
	}
}

func TestGradientCrossEntropy(t *testing.T) {
	for _, smoothing := range []Float{0, 0.2} {
		p, d := newProbe(t), Ref{}
		x, dx, loss, labels := p.mat(3, 9), p.mat(3, 9), NewMat(3, 1), []int32{8, 0, 4}
		dx.Copy(x)
		d.CrossEntropy(loss.Data, dx, labels, smoothing, 1.5)
		seed := NewMat(3, 1)
		for i := range seed.Data {
			seed.Data[i] = 1.5
		}
		p.check("logits", x, dx, 0, loss, seed, func() { d.CrossEntropy(loss.Data, x, labels, smoothing, 0) })
	}
}
