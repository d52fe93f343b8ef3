//go:build !f64

package cpu

import (
	"testing"

	"github.com/hone-ml/hone/compute"
)

// TestAllocs: a kernel allocates nothing once it has run.
func TestAllocs(t *testing.T) {
	if !simd {
		t.Skip("the reference allocates when it checks shapes")
	}
	d, f := New(2), newField(1)
	x, y, dy, stat := f.dense(64, 192), f.dense(64, 192), f.dense(64, 192), f.dense(64, 2)
	lse, w, b := f.dense(64, 3), f.dense(1, 192), f.dense(1, 192)
	h := layout(64, 20, 44)
	long := layout(64, 64) // in blocks
	h.Dropout, long.Dropout = 0.1, 0.1
	held := heldOf(1, 64*192)["both"]
	for name, kernel := range map[string]func(){
		"Act":                    func() { d.Act(y, x, compute.GELU) },
		"GLUBackward":            func() { d.GLUBackward(y, dy, dy, x, x, compute.SiLU) },
		"Dropout":                func() { d.Dropout(y, x, 0.1, 1) },
		"ColSum":                 func() { d.ColSum(b, x) },
		"LayerNorm":              func() { d.LayerNorm(y, stat, x, w, b, 1e-5) },
		"LayerNormBackward":      func() { d.LayerNormBackward(y, w, b, dy, x, stat, w) },
		"CrossEntropy":           func() { d.CrossEntropy(lse.Data[:64], x, h.Pos, 0.1, 0) },
		"AdamW":                  func() { d.AdamW(x, y, y, dy, compute.AdamW{Step: 1}) },
		"AdamWHeld":              func() { d.AdamWHeld(held, x, 0, compute.AdamW{Step: 1}) },
		"Attention":              func() { d.Attention(y, lse, x, x, x, h) },
		"Attention/long":         func() { d.Attention(y, lse, x, x, x, long) },
		"AttentionBackward/long": func() { d.AttentionBackward(y, dy, dy, dy, y, lse, x, x, x, long) },
		"AttentionBackward":      func() { d.AttentionBackward(y, dy, dy, dy, y, lse, x, x, x, h) },
	} {
		kernel()
		if n := testing.AllocsPerRun(50, kernel); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
