package compute

import "math"

// each calls f for every query row i and query head n of h, with the key head g and the key rows [lo, hi).
func (h *Heads) each(q, k Mat, f func(i, n, g, lo, hi int)) {
	heads, kv := q.Cols/h.Dim, k.Cols/h.Dim
	for s := range len(h.Q) - 1 {
		for i := int(h.Q[s]); i < int(h.Q[s+1]); i++ {
			lo, hi := h.keys(s, i)
			for n := range heads {
				f(i, n, n/(heads/kv), lo, hi)
			}
		}
	}
}

// head returns head n of row i.
func (h *Heads) head(m Mat, i, n int) []Float { return m.Row(i)[n*h.Dim : (n+1)*h.Dim] }

// drop applies the attention dropout of query row i, head n, to its weights p over the keys from the row's
// first one on, so that the mask is the same wherever the keys are stored.
func (h *Heads) drop(p []Float, i, n, first int) {
	if h.Dropout > 0 {
		NewMask(h.Dropout, h.Key).Apply(p, p, i, first, n)
	}
}

func (Ref) Attention(dst, lse, q, k, v Mat, h Heads) {
	sameShape("Attention", dst, q)
	sameShape("Attention", k, v)
	var p []Float
	h.each(q, k, func(i, n, g, lo, hi int) {
		qi, out := h.head(q, i, n), h.head(dst, i, n)
		p = p[:0]
		top := math.Inf(-1)
		for j := lo; j < hi; j++ {
			p = append(p, dot(qi, h.head(k, j, g))*h.Scale)
			top = max(top, float64(p[j-lo]))
		}
		var sum float64
		for j, s := range p {
			e := math.Exp(float64(s) - top)
			p[j] = Float(e)
			sum += e
		}
		for j := range p {
			p[j] /= Float(sum)
		}
		lse.Row(i)[n] = Float(top + math.Log(sum))
		h.drop(p, i, n, 0)
		clear(out)
		for j, e := range p {
			axpy(out, e, h.head(v, lo+j, g))
		}
	})
}

// With P the weights after softmax and M the dropout mask: dV = (P∘M)ᵀ·dY, dP = (dY·Vᵀ)∘M and
// dS = P∘(dP − rowsum(dY∘Y)), since Σ P∘dP over a row is dY·Y (Dao et al., 2022).
func (Ref) AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v Mat, h Heads) {
	dq.Zero()
	dk.Zero()
	dv.Zero()
	var p, dp []Float
	h.each(q, k, func(i, n, g, lo, hi int) {
		qi, dqi, dyi := h.head(q, i, n), h.head(dq, i, n), h.head(dy, i, n)
		delta := dot(dyi, h.head(y, i, n))
		p, dp = p[:0], dp[:0]
		for j := lo; j < hi; j++ {
			s := dot(qi, h.head(k, j, g)) * h.Scale
			p = append(p, Float(math.Exp(float64(s-lse.Row(i)[n]))))
			dp = append(dp, dot(dyi, h.head(v, j, g)))
		}
		h.drop(dp, i, n, 0)
		for j := range p {
			ds := p[j] * (dp[j] - delta) * h.Scale
			axpy(dqi, ds, h.head(k, lo+j, g))
			axpy(h.head(dk, lo+j, g), ds, qi)
		}
		h.drop(p, i, n, 0)
		for j := range p {
			axpy(h.head(dv, lo+j, g), p[j], dyi)
		}
	})
}

func dot(a, b []Float) (s Float) {
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

func axpy(dst []Float, a Float, x []Float) {
	for i, v := range x {
		dst[i] += a * v
	}
}
