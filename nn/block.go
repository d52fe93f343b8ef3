package nn

// A Block is the pre-norm transformer block: attention and MLP, each added to the residual stream.
type Block struct {
	Norm1 *Norm
	Attn  *Attn
	Norm2 *Norm
	MLP   *MLP
}

// BlockActs is what Backward needs. The norms' outputs are computed again.
type BlockActs struct {
	X     Mat // [N, C] the block's input
	Stat1 Mat
	Attn  AttnActs
	Mid   Mat // [R, C] the stream after attention
	Stat2 Mat
	MLP   MLPActs
}

func (b *Block) keep(p *Pass, a *BlockActs, n, r, width int) {
	a.Stat1, a.Stat2 = b.Norm1.stat(p, n), b.Norm2.stat(p, r)
	b.Attn.keep(p, &a.Attn, n, r)
	a.Mid = p.New(r, width)
	b.MLP.keep(p, &a.MLP, r)
}

// Forward reads the residual stream x [N, C] and writes its rows kept (nil for all) to dst [R, C].
func (b *Block) Forward(p *Pass, a *BlockActs, dst, x Mat, kept []int32) {
	a.X = x
	b.keep(p, a, x.Rows, dst.Rows, x.Cols)
	mark := p.Mark()
	h, stream := p.New(x.Rows, x.Cols), x
	b.Norm1.Forward(p, a.Stat1, h, x)
	if kept != nil {
		stream = p.New(dst.Rows, x.Cols)
		p.Gather(stream, x, kept)
	}
	b.Attn.Forward(p, &a.Attn, a.Mid, h, stream, kept)
	h = h.RowSpan(0, dst.Rows)
	b.Norm2.Forward(p, a.Stat2, h, a.Mid)
	b.MLP.Forward(p, &a.MLP, dst, h, a.Mid)
	p.Release(mark)
}

// Backward is Forward read from the bottom up. dy [R, C] is the gradient of the stream that leaves the block
// and serves as working memory; dx [N, C] becomes that of the stream that enters it, and may be dy if all rows
// are kept: the residual adds need no code then, since each norm adds its branch's gradient to the stream's. An empty
// dx is not computed, nor is the gradient of Norm1.
func (b *Block) Backward(p *Pass, a *BlockActs, dx, dy Mat, kept []int32) {
	mark := p.Mark()
	h, dh := p.New(a.X.Rows, a.X.Cols), p.New(a.X.Rows, a.X.Cols)
	h2, dh2 := h.RowSpan(0, dy.Rows), dh.RowSpan(0, dy.Rows)
	if b.MLP.reads(p.Grads) {
		b.Norm2.Forward(p, a.Stat2, h2, a.Mid)
	}
	b.MLP.Backward(p, &a.MLP, dh2, dy, h2)
	b.Norm2.Backward(p, a.Stat2, dy, dh2, a.Mid)
	if b.Attn.QKV.reads(p.Grads) {
		b.Norm1.Forward(p, a.Stat1, h, a.X)
	}
	if dx.Empty() {
		b.Attn.Backward(p, &a.Attn, Mat{}, dy, h, kept)
		p.Release(mark)
		return
	}
	b.Attn.Backward(p, &a.Attn, dh, dy, h, kept)
	if kept != nil {
		dx.Zero()
		p.ScatterAdd(dx, dy, kept)
	}
	b.Norm1.Backward(p, a.Stat1, dx, dh, a.X)
	p.Release(mark)
}
