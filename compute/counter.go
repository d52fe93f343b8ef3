package compute

// A Counter is a Device that computes nothing. It counts the floating-point operations of matrix products and
// attention, so that a pass through a model tells what it would cost: its time in FLOPs, and its memory in the
// Peak of its arena.
type Counter struct {
	FLOPs int64
}

var _ Device = (*Counter)(nil)

func (c *Counter) product(dst Mat, k int) {
	c.FLOPs += 2 * int64(dst.Rows) * int64(dst.Cols) * int64(k)
}

func (c *Counter) MatMulNT(dst, a, b Mat, e Epilogue) { c.product(dst, a.Cols) }
func (c *Counter) MatMulNN(dst, a, b Mat, e Epilogue) { c.product(dst, a.Cols) }
func (c *Counter) MatMulTN(dst, a, b Mat, e Epilogue) { c.product(dst, a.Rows) }

// attention counts so many products of [1, D] with the keys of each row.
func (c *Counter) attention(q, k Mat, h Heads, products int64) {
	for s := range len(h.Q) - 1 {
		for i := int(h.Q[s]); i < int(h.Q[s+1]); i++ {
			lo, hi := h.keys(s, i)
			c.FLOPs += products * 2 * int64(q.Cols) * int64(hi-lo)
		}
	}
}

func (c *Counter) Attention(dst, lse, q, k, v Mat, h Heads) { c.attention(q, k, h, 2) }
func (c *Counter) AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v Mat, h Heads) {
	c.attention(q, k, h, 5)
}

func (*Counter) Add(dst, a, b Mat)                                   {}
func (*Counter) ColSum(db, dy Mat)                                   {}
func (*Counter) ScaleCols(dst, x, w Mat)                             {}
func (*Counter) ScaleColsBackward(dw, dy, x Mat)                     {}
func (*Counter) Gather(dst, src Mat, rows []int32)                   {}
func (*Counter) ScatterAdd(dst, src Mat, rows []int32)               {}
func (*Counter) LayerNorm(dst, stat, x, w, b Mat, eps Float)         {}
func (*Counter) LayerNormBackward(dx, dw, db, dy, x, stat, w Mat)    {}
func (*Counter) RMSNorm(dst, rstd, x, w Mat, eps Float)              {}
func (*Counter) RMSNormBackward(dx, dw, dy, x, rstd, w Mat)          {}
func (*Counter) RoPE(x, table Mat, pos []int32)                      {}
func (*Counter) RoPEBackward(dx, table Mat, pos []int32)             {}
func (*Counter) Act(dst, x Mat, f ActFunc)                           {}
func (*Counter) ActBackward(dst, dy, x Mat, f ActFunc)               {}
func (*Counter) GLU(dst, gate, up Mat, f ActFunc)                    {}
func (*Counter) GLUBackward(dgate, dup, dy, gate, up Mat, f ActFunc) {}
func (*Counter) Dropout(dst, x Mat, p Float, key uint64)             {}
func (*Counter) CrossEntropy([]Float, Mat, []int32, Float, Float)    {}
func (*Counter) AdamW(w, g, m, v Mat, o AdamW)                       {}
func (*Counter) SumSquares(g Mat) float64                            { return 0 }

// BF16 returns c: how the factors are rounded changes neither count.
func (c *Counter) BF16() Device { return c }
