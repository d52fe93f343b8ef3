//go:build !f64

package cpu

import (
	"testing"

	"github.com/hone-ml/hone/compute"
)

// FuzzRows compares the kernels that work row by row with the reference on any shape and stride.
func FuzzRows(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint16(17), uint8(2))
	f.Add(uint64(2), uint8(40), uint16(64), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, rows uint8, cols uint16, gap uint8) {
		n, c, d := int(rows), 1+int(cols)%600, New(2)
		w := newField(seed)
		x, dy, y, dx := w.mat(n, c, int(gap%8)), w.mat(n, c, int(gap%5)), w.mat(n, c, int(gap%3)), w.mat(n, c, int(gap%2))
		scale, bias, dw, stat := w.mat(1, c, 0), w.mat(1, c, 0), w.mat(1, c, 0), w.mat(n, 2, 1)
		y2, dx2, dw2 := clone(y), clone(dx), clone(dw)
		d.LayerNorm(y, stat, x, scale, bias, 1e-5)
		ref.LayerNorm(y2, clone(stat), x, scale, bias, 1e-5)
		near(t, "LayerNorm", y, y2, 2e-5)
		d.LayerNormBackward(dx, dw, Mat{}, dy, x, stat, scale)
		ref.LayerNormBackward(dx2, dw2, Mat{}, dy, x, stat, scale)
		near(t, "dw", dw, dw2, 2e-5)
		for _, fn := range []ActFunc{compute.GELUTanh, compute.GELU, compute.SiLU, compute.ReLU} {
			d.ActBackward(y, dy, x, fn)
			ref.ActBackward(y2, dy, x, fn)
			near(t, "act", y, y2, 3e-6)
		}
		d.Dropout(y, x, float32(gap)/256, seed)
		ref.Dropout(y2, x, float32(gap)/256, seed)
		equal(t, "dropout", y, y2)
		w.check(t)
	})
}

// FuzzAttention compares attention and its gradient with the reference on any layout: each byte of lens is
// a sequence, and pos sets the distance of its queries.
func FuzzAttention(f *testing.F) {
	f.Add(uint64(1), []byte{5, 0, 17}, uint8(1), uint8(8), uint8(0), uint8(0))
	f.Add(uint64(2), []byte{1, 140}, uint8(3), uint8(5), uint8(9), uint8(30))
	f.Fuzz(func(t *testing.T, seed uint64, lens []byte, apart, dim, window, drop uint8) {
		if len(lens) > 5 {
			lens = lens[:5]
		}
		w := newField(seed)
		h := Heads{Dim: 1 + int(dim)%72, Scale: 0.2, Q: []int32{0}, Window: int(window), Dropout: float32(drop%200) / 256, Key: seed}
		keys := int32(0)
		for _, n := range lens {
			h.K = append(h.K, keys)
			pos := int32(-1)
			for range n {
				pos += 1 + w.rng.Int32N(1+int32(apart%8))
				h.Pos = append(h.Pos, pos)
			}
			h.Q = append(h.Q, int32(len(h.Pos)))
			keys += pos + 1
		}
		n, c, k := len(h.Pos), 2*h.Dim, int(keys)
		q, y, dy, dq, lse := w.mat(n, c, 1), w.mat(n, c, 2), w.mat(n, c, 3), w.mat(n, c, 0), w.mat(n, 2, 1)
		key, val, dk, dv := w.mat(k, h.Dim, 1), w.mat(k, h.Dim, 2), w.mat(k, h.Dim, 3), w.mat(k, h.Dim, 0)
		y2, lse2, dq2, dk2, dv2 := clone(y), clone(lse), clone(dq), clone(dk), clone(dv)
		d := New(2)
		d.Attention(y, lse, q, key, val, h)
		ref.Attention(y2, lse2, q, key, val, h)
		near(t, "y", y, y2, 2e-5)
		d.AttentionBackward(dq, dk, dv, dy, y2, lse2, q, key, val, h)
		ref.AttentionBackward(dq2, dk2, dv2, dy, y2, lse2, q, key, val, h)
		near(t, "dq", dq, dq2, 3e-4)
		near(t, "dk", dk, dk2, 3e-4)
		near(t, "dv", dv, dv2, 1e-4)
		w.check(t)
	})
}
