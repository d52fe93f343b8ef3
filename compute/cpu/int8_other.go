//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

func int8Dot4SIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int) {
	panic("cpu: no SIMD")
}

func int8PairSIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int) {
	panic("cpu: no SIMD")
}
