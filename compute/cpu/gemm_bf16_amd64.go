//go:build amd64 && !purego && !f64

package cpu

import "golang.org/x/sys/cpu"

// hasBF16 says whether the kernels declared here may run.
var hasBF16 = simd && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BF16

// avx512BF16 is AVX2's kernel but for the tiles, which are twice as wide, and for what depends on their width.
var avx512BF16 = func() gemmKernel {
	k := avx2Kernel
	k.name, k.lanes = "avx512 bf16", 32
	k.rounding = &rounding{pair: 2, along: alongAVX512, down: downAVX512}
	k.tiles, k.halves, k.packRows, k.storeRow = tilesBF16, halvesBF16, packRows32, storeRow32
	return k
}()

// bf16Kernels are those for factors in bfloat16 that the processor can run, the fastest first.
var bf16Kernels = func() []gemmKernel {
	var ks []gemmKernel
	if hasBF16 {
		ks = append(ks, avx512BF16)
	}
	for _, k := range gemmKernels {
		ks = append(ks, software(k))
	}
	return ks
}()

func tilesBF16(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	switch height {
	case 6:
		tiles6BF16(c, a, b, n, k, rs, ks, step, cs, first)
	case 4:
		tiles4BF16(c, a, b, n, k, rs, ks, step, cs, first)
	default:
		tiles1BF16(c, a, b, n, k, rs, ks, step, cs, first)
	}
}

// halvesBF16 takes tiles of 6 rows in pairs, which keeps the multiplier busy.
func halvesBF16(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	if pairs := n / 2; height == 6 && pairs > 0 {
		halves12BF16(c, a, b, pairs, k, rs, ks, step, cs, first)
		if n%2 == 0 {
			return
		}
		c, a, n = c[pairs*12*cs:], a[pairs*2*step:], 1
	}
	tilesBF16(height, c, a, b, n, k, rs, ks, step, cs, first)
}

// storeRow32 stores panels of 32 as two of 16 each.
func storeRow32(dst, c, bias, add []float32, panels, panel int, scale float32) {
	for j := range panels {
		storeRowAVX2(dst, c[j*panel:], bias, add, 2, 16, scale)
		dst = dst[32:]
		if bias != nil {
			bias = bias[32:]
		}
		if add != nil {
			add = add[32:]
		}
	}
}

func alongAVX512(dst, src Mat) {
	roundAlong(dst.Data, src.Data, src.Rows, src.Cols, dst.Stride, src.Stride)
}

func downAVX512(dst, src Mat) {
	roundDown(dst.Data, src.Data, src.Rows, src.Cols, dst.Stride, src.Stride)
}

//go:noescape
func tiles6BF16(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles4BF16(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles1BF16(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func halves12BF16(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)

//go:noescape
func packRows32(dst, src []float32, k, panels, stride, panel int)

//go:noescape
func roundAlong(dst, src []float32, rows, cols, dstStride, srcStride int)

//go:noescape
func roundDown(dst, src []float32, rows, cols, dstStride, srcStride int)
