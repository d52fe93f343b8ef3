package nn

import "github.com/hone-ml/hone/compute"

// Attn is grouped-query causal self-attention. QKV projects to all query heads, then key heads, then value heads.
type Attn struct {
	QKV, O       *Linear
	QNorm, KNorm *Norm // [1, HeadDim], per head before RoPE (Qwen3); nil means none
	RoPE         *RoPE // nil means none
	Layer        int
	Heads        int
	KVHeads      int
	HeadDim      int
	Window       int   // sliding window; 0 means none
	Dropout      Float // of the attention weights
	OutDropout   Float // of the output
}

// AttnActs is what Backward needs. R rows are queries: all N, or those that the pass keeps.
type AttnActs struct {
	Q            Mat // [R, Heads·HeadDim], after QNorm and RoPE
	K, V         Mat // [N, KVHeads·HeadDim], K after KNorm and RoPE
	RawQ, RawK   Mat // before the norms; empty without them
	StatQ, StatK Mat // [R, Heads], [N, KVHeads]
	Y            Mat // [R, Heads·HeadDim]
	LSE          Mat // [R, Heads] log-sum-exp of the scores
}

func (t *Attn) widths() (q, kv int) { return t.Heads * t.HeadDim, t.KVHeads * t.HeadDim }

// split returns the query, key and value columns of m, a QKV projection.
func (t *Attn) split(m Mat) (q, k, v Mat) {
	nq, nk := t.widths()
	return m.Span(0, nq), m.Span(nq, nq+nk), m.Span(nq+nk, nq+2*nk)
}

// keep allocates the activations of n rows of which r are queries.
func (t *Attn) keep(p *Pass, a *AttnActs, n, r int) {
	nq, nk := t.widths()
	a.Q, a.K, a.V = t.project(p, n, r)
	if t.QNorm != nil {
		a.RawQ, a.StatQ = p.New(r, nq), p.New(r, t.Heads)
		a.RawK, a.StatK = p.New(n, nk), p.New(n, t.KVHeads)
	}
	a.Y, a.LSE = p.New(r, nq), p.New(r, t.Heads)
}

// project allocates queries for r rows and keys and values for n; all in one matrix if r is n, so that one
// product can fill it.
func (t *Attn) project(p *Pass, n, r int) (q, k, v Mat) {
	nq, nk := t.widths()
	if r == n {
		return t.split(p.New(n, nq+2*nk))
	}
	kv := p.New(n, 2*nk)
	return p.New(r, nq), kv.Span(0, nk), kv.Span(nk, 2*nk)
}

// fused returns the matrix of which q, k and v are columns side by side; kv that of k and v.
func fused(ms ...Mat) Mat {
	m := ms[0]
	for _, n := range ms[1:] {
		m.Cols += n.Cols
	}
	return m
}

// heads describes the attention of queries, whose rows lie at q.
func (t *Attn) heads(p *Pass, q Seqs) compute.Heads {
	h := compute.Heads{Dim: t.HeadDim, Scale: Float(rsqrt(t.HeadDim)), Q: q.Cu, K: p.Cu, Pos: q.Pos, Window: t.Window}
	if p.Cache != nil {
		h.K = p.Cache.Start
	}
	if p.drops(t.Dropout) {
		h.Dropout, h.Key = t.Dropout, p.key(siteWeights(t.Layer))
	}
	return h
}

// Forward is dst = attention(x) + add. x [N, C]; dst, add [R, C]; kept are the rows of x that ask, nil for all.
func (t *Attn) Forward(p *Pass, a *AttnActs, dst, x, add Mat, kept []int32) {
	q := p.Seqs
	nq, nk := t.widths()
	if kept == nil {
		t.QKV.Forward(p, fused(a.Q, a.K, a.V), x, Mat{})
	} else {
		mark := p.Mark()
		q = p.kept
		asking := p.New(len(kept), x.Cols)
		p.Gather(asking, x, kept)
		t.QKV.forward(p, a.Q, asking, Mat{}, part{0, nq, kept})
		t.QKV.forward(p, fused(a.K, a.V), x, Mat{}, part{nq, nq + 2*nk, nil})
		p.Release(mark)
	}
	if t.QNorm != nil {
		a.RawQ.Copy(a.Q)
		a.RawK.Copy(a.K)
		t.QNorm.forwardHeads(p, a.StatQ, a.Q, a.RawQ)
		t.KNorm.forwardHeads(p, a.StatK, a.K, a.RawK)
	}
	if t.RoPE != nil {
		table := t.RoPE.Table(p.length())
		p.RoPE(a.Q, table, q.Pos)
		p.RoPE(a.K, table, p.Pos)
	}
	k, v := a.K, a.V
	if p.Cache != nil {
		k, v = p.Cache.append(t.Layer, k, v, p.Seqs)
	}
	p.Attention(a.Y, a.LSE, a.Q, k, v, t.heads(p, q))
	residual(p, t.O, dst, a.Y, add, t.OutDropout, siteAttn(t.Layer))
}

// Backward overwrites dx [N, C], unless it is empty, given dy [R, C]; x is what Forward read.
func (t *Attn) Backward(p *Pass, a *AttnActs, dx, dy, x Mat, kept []int32) {
	mark := p.Mark()
	dy = p.dropped(dy, t.OutDropout, siteAttn(t.Layer), nil)
	da := p.New(a.Y.Rows, a.Y.Cols)
	t.O.Backward(p, da, dy, a.Y, false)
	q := p.Seqs
	if kept != nil {
		q = p.kept
	}
	dq, dk, dv := t.project(p, a.K.Rows, a.Q.Rows)
	p.AttentionBackward(dq, dk, dv, da, a.Y, a.LSE, a.Q, a.K, a.V, t.heads(p, q))
	if t.RoPE != nil {
		table := t.RoPE.Table(p.length())
		p.RoPEBackward(dq, table, q.Pos)
		p.RoPEBackward(dk, table, p.Pos)
	}
	if t.QNorm != nil {
		dn := p.New(dq.Rows, dq.Cols)
		dn.Copy(dq)
		t.QNorm.backwardHeads(p, a.StatQ, dq, dn, a.RawQ)
		dn = p.New(dk.Rows, dk.Cols)
		dn.Copy(dk)
		t.KNorm.backwardHeads(p, a.StatK, dk, dn, a.RawK)
	}
	nq, nk := t.widths()
	if kept == nil {
		t.QKV.Backward(p, dx, fused(dq, dk, dv), x, false)
	} else {
		asking, dasking := p.New(len(kept), x.Cols), Mat{}
		if !dx.Empty() {
			dasking = p.New(len(kept), x.Cols)
		}
		p.Gather(asking, x, kept)
		t.QKV.backward(p, dasking, dq, asking, false, part{0, nq, kept})
		t.QKV.backward(p, dx, fused(dk, dv), x, false, part{nq, nq + 2*nk, nil})
		if !dx.Empty() {
			p.ScatterAdd(dx, dasking, kept)
		}
	}
	p.Release(mark)
}

// residual is dst = dropout(l(x)) + add, the end of a branch of a block.
func residual(p *Pass, l *Linear, dst, x, add Mat, prob Float, site int) {
	if !p.drops(prob) {
		l.Forward(p, dst, x, add)
		return
	}
	l.Forward(p, dst, x, Mat{})
	p.Device.Dropout(dst, dst, prob, p.key(site))
	p.Add(dst, dst, add)
}
