//go:build amd64 && !purego && !f64

package cpu

// expandSIMD writes rows of n integers, a multiple of 8, to dst. The first is first elements into its block.
//
//go:noescape
func expandSIMD(dst []float32, q []int8, scale []float32, first, n, rows, stride int)

//go:noescape
func quantDot4SIMD(dst []float32, q []int8, scale, x []float32, blocks, stride int)

//go:noescape
func quantPairSIMD(dst []float32, q []int8, scale, x []float32, blocks, stride int)
