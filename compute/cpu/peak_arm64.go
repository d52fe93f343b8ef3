//go:build arm64 && !purego && !f64

package cpu

// peak does n·1920 floating-point operations as fast as the processor can.
func peak(n int) { peakNEON(n) }
