//go:build amd64 && !purego && !f64

package cpu

// quantAVX2 says whether the kernels declared here may run.
func quantAVX2() bool { return avx2 }

// expandAVX2 writes rows of n integers, a multiple of 8, to dst. The first is first elements into its block.
//
//go:noescape
func expandAVX2(dst []float32, q []int8, scale []float32, first, n, rows, stride int)

//go:noescape
func quantDot4AVX2(dst []float32, q []int8, scale, x []float32, blocks, stride int)

//go:noescape
func quantPairAVX2(dst []float32, q []int8, scale, x []float32, blocks, stride int)
