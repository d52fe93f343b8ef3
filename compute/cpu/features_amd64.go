//go:build amd64 && !purego && !f64

package cpu

import "golang.org/x/sys/cpu"

// What the processor and the operating system offer. The assembly is chosen by these alone.
var (
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	hasAVX512 = hasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW
)
