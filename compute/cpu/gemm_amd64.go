//go:build amd64 && !purego && !f64

package cpu

var avx2Kernel = gemmKernel{
	name: "simd", lanes: 16, heights: [3]int{6, 4, 1},
	tiles: tilesAVX2, halves: halvesAVX2, packRows: packRowsAVX2, packCols: packColsAVX2, packTiles: packTilesAVX2, packTall: packTallAVX2,
	storeRow: storeRowAVX2, storeCols: storeColsAVX2, dot4: dot4AVX2,
}

// gemmKernels are those that the processor can run, the fastest first.
var gemmKernels = func() []gemmKernel {
	if simd {
		return []gemmKernel{avx2Kernel, generic}
	}
	return []gemmKernel{generic}
}()

func tilesAVX2(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	switch height {
	case 6:
		tiles6AVX2(c, a, b, n, k, rs, ks, step, cs, first)
	case 4:
		tiles4AVX2(c, a, b, n, k, rs, ks, step, cs, first)
	default:
		tiles1AVX2(c, a, b, n, k, rs, ks, step, cs, first)
	}
}

// halvesAVX2 takes tiles of 6 rows in pairs, which keeps the multipliers busy.
func halvesAVX2(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	if pairs := n / 2; height == 6 && pairs > 0 {
		halves12AVX2(c, a, b, pairs, k, rs, ks, step, cs, first)
		if n%2 == 0 {
			return
		}
		c, a, n = c[pairs*12*cs:], a[pairs*2*step:], 1
	}
	tilesAVX2(height, c, a, b, n, k, rs, ks, step, cs, first)
}

func packTilesAVX2(height int, dst, src []float32, k, n, stride int) {
	if height == 6 {
		packTiles6AVX2(dst, src, k, n, stride)
	} else {
		packTilesGo(height, dst, src, k, n, stride)
	}
}

func packTallAVX2(height int, dst, src []float32, k, n, stride int) {
	switch height {
	case 6:
		packTall6AVX2(dst, src, k, n, stride)
	case 4:
		packTall4AVX2(dst, src, k, n, stride)
	default:
		packTallGo(height, dst, src, k, n, stride)
	}
}

//go:noescape
func tiles6AVX2(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles4AVX2(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles1AVX2(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func halves12AVX2(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)

//go:noescape
func packRowsAVX2(dst, src []float32, k, panels, stride, panel int)

//go:noescape
func packColsAVX2(dst, src []float32, k, stride, lanes int)

//go:noescape
func packTiles6AVX2(dst, src []float32, k, tiles, stride int)

//go:noescape
func packTall6AVX2(dst, src []float32, k, tiles, stride int)

//go:noescape
func packTall4AVX2(dst, src []float32, k, tiles, stride int)

//go:noescape
func storeRowAVX2(dst, c, bias, add []float32, panels, panel int, scale float32)

//go:noescape
func storeColsAVX2(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)

//go:noescape
func dot4AVX2(dst, w, x []float32, k, stride int)

// peakAVX2 does n·1920 floating-point operations as fast as the processor can.
func peakAVX2(n int)
