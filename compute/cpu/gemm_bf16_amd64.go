//go:build amd64 && !purego && !f64

package cpu

import "golang.org/x/sys/cpu"

// avx512BF16 is the kernel of float32 but for its multiply-adds, which take words.
var avx512BF16 = func() gemmKernel {
	k := avx512Kernel
	k.name, k.rounding = "avx512 bf16", &rounding{elements: 2, words: 1, along: alongAVX512, down: downAVX512, zip: zipAVX512}
	k.tiles = tilesOf(tiles6BF16, tiles4BF16, tiles1BF16)
	k.halves = inPairs(halves12BF16, true, k.tiles)
	return k
}()

// bf16Kernels are those for factors in bfloat16 that the processor can run, the fastest first.
var bf16Kernels = func() []gemmKernel {
	var ks []gemmKernel
	if hasAMX {
		ks = append(ks, amxBF16)
	}
	if simd && simd512 && cpu.X86.HasAVX512BF16 {
		ks = append(ks, avx512BF16)
	}
	for _, k := range gemmKernels {
		if k.rounding == nil {
			ks = append(ks, software(k))
		}
	}
	return ks
}()

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

func zipAVX512(dst Mat, src []byte, rows, stride int) {
	zipRows(dst.Data, src, rows, dst.Cols, dst.Stride, stride)
}

//go:noescape
func zipRows(dst []float32, src []byte, rows, cols, dstStride, srcStride int)

//go:noescape
func roundAlong(dst, src []float32, rows, cols, dstStride, srcStride int)

//go:noescape
func roundDown(dst, src []float32, rows, cols, dstStride, srcStride int)
