//go:build !f64 && amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// simd says whether the kernels of vector_simd.go may run. Tests turn it off.
var simd = cpu.X86.HasAVX2 && cpu.X86.HasFMA
