package nn

// A Norm is LayerNorm, or RMSNorm if B is nil.
type Norm struct {
	W, B *Param // [1, C]
	Eps  Float
}

// stat allocates what Backward needs for n rows: mean and 1/σ, or 1/rms.
func (n *Norm) stat(p *Pass, rows int) Mat {
	if n.B == nil {
		return p.New(rows, 1)
	}
	return p.New(rows, 2)
}

// Forward normalises the rows of x into dst.
func (n *Norm) Forward(p *Pass, stat, dst, x Mat) {
	if n.B == nil {
		p.RMSNorm(dst, stat, x, n.W.W, n.Eps)
		return
	}
	p.LayerNorm(dst, stat, x, n.W.W, n.B.W, n.Eps)
}

// Backward adds to dx, since a norm reads the residual stream.
func (n *Norm) Backward(p *Pass, stat, dx, dy, x Mat) {
	if n.B == nil {
		p.RMSNormBackward(dx, p.Grads.Of(n.W), dy, x, stat, n.W.W)
		return
	}
	p.LayerNormBackward(dx, p.Grads.Of(n.W), p.Grads.Of(n.B), dy, x, stat, n.W.W)
}

// forwardHeads normalises each head of x on its own: W is [1, D], x [N, heads·D], stat [N, heads].
func (n *Norm) forwardHeads(p *Pass, stat, dst, x Mat) {
	d := n.W.W.Cols
	for h := range x.Cols / d {
		n.Forward(p, stat.Span(h, h+1), dst.Span(h*d, (h+1)*d), x.Span(h*d, (h+1)*d))
	}
}

// backwardHeads overwrites dx.
func (n *Norm) backwardHeads(p *Pass, stat, dx, dy, x Mat) {
	d := n.W.W.Cols
	dx.Zero()
	for h := range x.Cols / d {
		n.Backward(p, stat.Span(h, h+1), dx.Span(h*d, (h+1)*d), dy.Span(h*d, (h+1)*d), x.Span(h*d, (h+1)*d))
	}
}
