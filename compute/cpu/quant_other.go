//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

func quantAVX2() bool { return false }

func expandAVX2(dst []float32, q []int8, scale []float32, first, n, rows, stride int) {
	panic("cpu: no AVX2")
}

func quantDot4AVX2(dst []float32, q []int8, scale, x []float32, blocks, stride int) {
	panic("cpu: no AVX2")
}

func quantPairAVX2(dst []float32, q []int8, scale, x []float32, blocks, stride int) {
	panic("cpu: no AVX2")
}
