//go:build amd64 && !purego && !f64

package cpu

// peak does n·1920 floating-point operations as fast as the processor can.
func peak(n int) {
	if simd {
		peakAVX2(n)
	} else {
		peakGo(n)
	}
}
