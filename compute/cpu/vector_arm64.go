//go:build arm64 && !purego && !f64

package cpu

// simd says whether the kernels of vector_simd.go may run, as every arm64 has NEON. Tests turn it off.
var simd = true
