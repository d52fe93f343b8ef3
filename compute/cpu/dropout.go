//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

type dropoutArgs struct {
	dst, x Mat
	m      mask
}

var dropoutRow = newRowKernel(func(a *dropoutArgs, i int) { a.m.apply(a.dst.Row(i), a.x.Row(i), i, 0, 0) })

// Dropout implements [compute.Device].
func (d *Device) Dropout(dst, x Mat, p float32, key uint64) {
	same("Dropout", dst, x)
	dropoutRow.rows(d, x.Rows, x.Cols, dropoutArgs{dst, x, newMask(p, key)})
}

// A mask is a [compute.Mask] whose parts the vector code can see.
type mask struct {
	compute.Mask
	drop uint32 // words below this are dropped
	keys [80]uint64
}

func newMask(p float32, key uint64) mask {
	return mask{compute.NewMask(p, key), uint32(float64(p) * (1 << 32)), philoxKeys(key)}
}

// philoxKeys returns the two keys of each of Philox's ten rounds, once for each lane.
func philoxKeys(key uint64) (keys [80]uint64) {
	k0, k1 := uint32(key), uint32(key>>32)
	for r := 0; r < len(keys); r += 8 {
		for lane := range 4 {
			keys[r+lane], keys[r+4+lane] = uint64(k0), uint64(k1)
		}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return keys
}

// apply is [compute.Mask.Apply].
func (m *mask) apply(dst, x []float32, row, col, head int) {
	if !simd {
		m.Apply(dst, x, row, col, head)
		return
	}
	if col%4 != 0 { // up to where a counter begins
		n := min(4-col%4, len(x))
		m.Apply(dst, x[:n], row, col, head)
		dst, x, col = dst[n:], x[n:], col+n
	}
	if len(x) > 0 {
		_ = dst[len(x)-1]
		ctr := [3]uint32{uint32(row), uint32(col / 4), uint32(head)}
		maskSIMD(&dst[0], &x[0], len(x), &ctr, &m.keys, m.drop, m.Keep)
	}
}
