//go:build amd64 && !purego && !f64

package cpu

var tilesAVX2 = tilesOf(tiles6AVX2, tiles4AVX2, tiles1AVX2)

var avx2Kernel = gemmKernel{
	name: "avx2", lanes: 16, heights: [3]int{6, 4, 1}, rows: 24, depth: 256, step: 1,
	tiles: tilesAVX2, halves: inPairs(halves12AVX2, true, tilesAVX2), packRows: packRowsAVX2, packCols: packColsAVX2, packTiles: packTilesAVX2, packTall: packTallAVX2,
	storeRow: storeRowAVX2, storeCols: storeColsAVX2, dot4: dot4AVX2,
}

// avx512Kernel is AVX2's but for the tiles, which are twice as wide, and for what depends on their width.
var avx512Kernel = func() gemmKernel {
	k := avx2Kernel
	k.name, k.lanes = "avx512", 32
	k.tiles = inPairs(tiles12AVX512, false, tilesOf(tiles6AVX512, tiles4AVX512, tiles1AVX512))
	k.halves = inPairs(halves12AVX512, true, k.tiles)
	k.packRows, k.storeRow, k.storeCols16 = packRows32, storeRow32, storeCols16AVX512
	return k
}()

// gemmKernels are those that the processor can run, the fastest first.
var gemmKernels = func() []gemmKernel {
	switch {
	case simd && simd512 && hasAMX:
		return []gemmKernel{amxSplit, avx512Kernel, avx2Kernel, generic}
	case simd && simd512:
		return []gemmKernel{avx512Kernel, avx2Kernel, generic}
	case simd:
		return []gemmKernel{avx2Kernel, generic}
	}
	return []gemmKernel{generic}
}()

// A heightFunc is a tilesFunc for one height.
type heightFunc func(c, a, b []float32, n, k, rs, ks, step, cs int, first bool)

// tilesOf returns the tilesFunc of heights 6, 4 and 1.
func tilesOf(six, four, one heightFunc) tilesFunc {
	return func(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
		switch height {
		case 6:
			six(c, a, b, n, k, rs, ks, step, cs, first)
		case 4:
			four(c, a, b, n, k, rs, ks, step, cs, first)
		default:
			one(c, a, b, n, k, rs, ks, step, cs, first)
		}
	}
}

// inPairs takes tiles of 6 rows in pairs, those that are not packed too if anywhere: halves of tiles then keep the multipliers
// busy, whole ones need fewer instructions.
func inPairs(twelve heightFunc, anywhere bool, tiles tilesFunc) tilesFunc {
	return func(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
		if pairs := n / 2; height == 6 && pairs > 0 && (anywhere || ks == 6) {
			twelve(c, a, b, pairs, k, rs, ks, step, cs, first)
			if n%2 == 0 {
				return
			}
			c, a, n = c[pairs*12*cs:], a[pairs*2*step:], 1
		}
		tiles(height, c, a, b, n, k, rs, ks, step, cs, first)
	}
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
func tiles6AVX512(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles4AVX512(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles1AVX512(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles12AVX512(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)

//go:noescape
func halves12AVX512(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)

//go:noescape
func packRows32(dst, src []float32, k, panels, stride, panel int)

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
func storeCols16AVX512(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)

//go:noescape
func dot4AVX2(dst, w, x []float32, k, stride int)

// peakAVX512 does as many.
func peakAVX512(n int)

// peakAVX2 does n·1920 floating-point operations as fast as the processor can.
func peakAVX2(n int)
