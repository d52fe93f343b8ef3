//go:build !f64 && amd64 && !purego

package cpu

import "golang.org/x/sys/cpu"

// avx2 says whether the vector kernels of this package's .s files may run. Tests turn it off.
var avx2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
