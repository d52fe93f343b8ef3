//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

// peak does n·1920 floating-point operations as fast as plain Go can.
func peak(n int) { peakGo(n) }
