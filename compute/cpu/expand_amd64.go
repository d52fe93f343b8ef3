//go:build amd64 && !purego && !f64

package cpu

import "github.com/hone-ml/hone/compute"

// expandSIMD writes columns [k0, k0+n) of w, both multiples of 8, to dst, and reports whether it can.
func expandSIMD(dst []float32, w compute.Stored, k0, n int) bool {
	b, stride := k0/compute.StoredBlock, w.Stride()
	first := k0 - b*compute.StoredBlock
	switch w.Type {
	case compute.BFloat16:
		expandBF16SIMD(dst, w.Data[2*k0:], n, w.Rows, stride)
	case compute.Int8:
		expandInt8SIMD(dst, w.Data[k0:], w.Scale[b:], first, n, w.Rows, stride)
	case compute.Int4:
		expandInt4SIMD(dst, w.Data[k0/2:], w.Scale[b:], first, n, w.Rows, stride)
	}
	return true
}

//go:noescape
func expandBF16SIMD(dst []float32, src []byte, n, rows, stride int)

//go:noescape
func expandInt8SIMD(dst []float32, q []byte, scale []float32, first, n, rows, stride int)

//go:noescape
func expandInt4SIMD(dst []float32, q []byte, scale []float32, first, n, rows, stride int)
