//go:build amd64 && !purego && !f64

package cpu

//go:noescape
func int8Dot4SIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int)

//go:noescape
func int8Dot4AVX512(dst []float32, q []byte, scale, x []float32, blocks, stride int)

//go:noescape
func int8PairSIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int)
