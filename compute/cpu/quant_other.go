//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

func expandSIMD(dst []float32, q []int8, scale []float32, first, n, rows, stride int) {
	panic("cpu: no SIMD")
}

func quantDot4SIMD(dst []float32, q []int8, scale, x []float32, blocks, stride int) {
	panic("cpu: no SIMD")
}

func quantPairSIMD(dst []float32, q []int8, scale, x []float32, blocks, stride int) {
	panic("cpu: no SIMD")
}
