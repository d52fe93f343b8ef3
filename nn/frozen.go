package nn

import "slices"

// trains reports whether any of the parameters, which may be nil, has a gradient. Nothing has in nil Grads.
func (g *Grads) trains(params ...*Param) bool {
	return g != nil && slices.ContainsFunc(params, func(q *Param) bool { return q != nil && g.Trained(q.Index) })
}

func (l *Linear) trained(g *Grads) bool {
	return l != nil && (g.trains(l.W, l.B) || slices.ContainsFunc(l.LoRA, func(a LoRA) bool { return g.trains(a.A, a.B) || a.DoRA != nil && g.trains(a.DoRA.M) }))
}

func (n *Norm) trained(g *Grads) bool { return n != nil && g.trains(n.W, n.B) }

func (b *Block) trained(g *Grads) bool {
	linears := []*Linear{b.Attn.QKV, b.Attn.O, b.MLP.Gate, b.MLP.Up, b.MLP.Down}
	norms := []*Norm{b.Norm1, b.Norm2, b.Attn.QNorm, b.Attn.KNorm}
	return slices.ContainsFunc(linears, func(l *Linear) bool { return l.trained(g) }) ||
		slices.ContainsFunc(norms, func(n *Norm) bool { return n.trained(g) })
}

// lowest returns the first block with something to train, below which no gradient need go; len(s.Blocks) if there is
// none.
func (s *Stack) lowest(g *Grads) int {
	for i, b := range s.Blocks {
		if b.trained(g) {
			return i
		}
	}
	return len(s.Blocks)
}

// InputWanted reports whether the pass finds gradients for any of the parameters below the stack, the embeddings.
func (p *Pass) InputWanted(embeddings ...*Param) bool { return p.Grads.trains(embeddings...) }
