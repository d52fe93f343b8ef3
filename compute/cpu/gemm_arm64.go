//go:build arm64 && !purego && !f64

package cpu

// neonKernel is generic but for what there is in NEON.
var neonKernel = func() gemmKernel {
	k := generic
	k.name, k.heights = "neon", [3]int{6, 4, 1}
	k.tiles, k.halves = tilesNEON, halvesNEON
	k.packRows, k.packCols, k.packTiles, k.packTall = packRowsNEON, packColsNEON, packTilesNEON, packTallNEON
	k.storeRow, k.storeCols, k.dot4 = storeRowNEON, storeColsNEON, dot4NEON
	return k
}()

// gemmKernels are those that the processor can run, the fastest first: every arm64 has NEON.
var gemmKernels = []gemmKernel{neonKernel, generic}

// tilesNEON knows two layouts of a: packed tiles, with ks the height, and rows in place, with ks 1.
func tilesNEON(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	switch height {
	case 6:
		tiles6NEON(c, a, b, n, k, rs, ks, step, cs, first)
	case 4:
		tiles4NEON(c, a, b, n, k, rs, ks, step, cs, first)
	default:
		tiles1NEON(c, a, b, n, k, rs, ks, step, cs, first)
	}
}

func halvesNEON(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	if height == 6 {
		halves6NEON(c, a, b, n, k, rs, ks, step, cs, first)
		return
	}
	tilesNEON(height, c, a, b, n, k, rs, ks, step, cs, first)
}

// packRowsNEON needs no assembly: the compiler moves arrays through vector registers.
func packRowsNEON(dst, src []float32, k, panels, stride, panel int) {
	for i := range k {
		d, s := dst[i*16:], src[i*stride:][:panels*16]
		for j := range panels {
			*(*[16]float32)(d[j*panel:]) = [16]float32(s[j*16:])
		}
	}
}

func packTilesNEON(height int, dst, src []float32, k, n, stride int) {
	if height != 6 {
		packTilesGo(height, dst, src, k, n, stride)
		return
	}
	for i := range k {
		d, s := dst[i*6:], src[i*stride:][:n*6]
		for t := range n {
			*(*[6]float32)(d[t*k*6:]) = [6]float32(s[t*6:])
		}
	}
}

func packTallNEON(height int, dst, src []float32, k, n, stride int) {
	switch height {
	case 6:
		packTall6NEON(dst, src, k, n, stride)
	case 4:
		packTall4NEON(dst, src, k, n, stride)
	default:
		packTallGo(height, dst, src, k, n, stride)
	}
}

//go:noescape
func tiles6NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles4NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func tiles1NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func halves6NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)

//go:noescape
func packColsNEON(dst, src []float32, k, stride, lanes int)

//go:noescape
func packTall6NEON(dst, src []float32, k, tiles, stride int)

//go:noescape
func packTall4NEON(dst, src []float32, k, tiles, stride int)

//go:noescape
func storeRowNEON(dst, c, bias, add []float32, panels, panel int, scale float32)

//go:noescape
func storeColsNEON(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)

//go:noescape
func dot4NEON(dst, w, x []float32, k, stride int)

// peakNEON does n·1920 floating-point operations as fast as the processor can.
func peakNEON(n int)
