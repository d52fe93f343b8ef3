//go:build !f64 && amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// simd says whether the kernels of vector_simd.go may run. Tests turn it off.
var simd = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// simd512 says whether kernels may use registers of 512 bits. Those of vector_simd.go choose themselves (WIDE in
// avx2_amd64.h); their results are the same. Tests turn it off.
var simd512 = simd && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
