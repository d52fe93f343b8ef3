//go:build amd64 && !purego && !f64

package cpu

// peak does n·1920 floating-point operations as fast as the processor can.
func peak(n int) {
	switch {
	case simd && simd512:
		peakAVX512(n)
	case simd:
		peakAVX2(n)
	default:
		peakGo(n)
	}
}
