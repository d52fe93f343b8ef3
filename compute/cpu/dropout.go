//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// Dropout implements [compute.Device].
func (d *Device) Dropout(dst, x Mat, p float32, key uint64) {
	same("Dropout", dst, x)
	m := newMask(p, key)
	d.rows(x.Rows, x.Cols, func(i int) { m.apply(dst.Row(i), x.Row(i), i, 0, 0) })
}

// A mask is a [compute.Mask] whose parts the vector code can see.
type mask struct {
	compute.Mask
	key  uint64
	drop uint32 // words below this are dropped
}

func newMask(p float32, key uint64) mask {
	return mask{compute.NewMask(p, key), key, uint32(float64(p) * (1 << 32))}
}

// apply is [compute.Mask.Apply].
func (m *mask) apply(dst, x []float32, row, col, head int) { m.Apply(dst, x, row, col, head) }
