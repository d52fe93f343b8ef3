//go:build !purego && !f64

package cpu

import (
	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// Products of words in AMX, whose registers are tiles of 16 rows by 16 words. A is read in rows, B in the panels of AVX-512.
// A tile takes 16 words of the depth at once, so that the depth is filled with zeros to a multiple of 16. It sums the
// first of the pairs and the second ones apart, and adds both sums to C: the bits are not those of other processors.

// amxBF16 is avx512BF16 but for its tiles.
var amxBF16 = func() gemmKernel {
	k := avx512BF16
	k.name, k.heights, k.rows, k.depth, k.step, k.inRows = "amx bf16", [3]int{16, 16, 1}, 32, 144, 16, true
	k.tiles, k.halves = ofRows(tilesAMX), ofRows(halvesAMX)
	return k
}()

// amxSplit multiplies float32. Each is the sum of three bfloat16, exactly, since these have 8 bits each: upper, middle and lower part.
// Of the nine products of parts the six largest are summed. What the others have is at most 2⁻²³ of a product, of either sign, and C is
// rounded six times for 32 elements of the depth instead of 32 times, so that the result is closer to the true one than a chain of
// multiply-adds in float32 (TestSplitAccuracy). Infinity becomes NaN, as the difference of two; parts below 2⁻¹²⁶ are 0.
var amxSplit = func() gemmKernel {
	k := amxBF16
	k.name, k.step = "amx", 48
	k.rounding = &rounding{elements: 32, words: 48, along: alongSplit, down: downSplit}
	k.tiles, k.halves = ofRows(tilesSplit), ofRows(halvesSplit)
	k.few, k.least = &avx512Kernel, [3]int{formNN: 48, formTN: 256}
	return k
}()

// hasAMX asks the system for the tiles: Linux saves so much state only for processes that said so.
var hasAMX = func() bool {
	const requestPermission, tileData = 0x1023, 18 // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
	if !simd512 || !cpu.X86.HasAMXTile || !cpu.X86.HasAMXBF16 {
		return false
	}
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return errno == 0
}()

// A tileConfig is the shapes of the tiles, as LDTILECFG reads them.
type tileConfig struct {
	palette, start uint8
	_              [14]uint8
	bytes          [16]uint16 // in a row
	rows           [16]uint8
}

// tileConfigs are those of so many rows of A and C.
var tileConfigs = func() (configs [17]tileConfig) {
	for rows := range configs {
		c := &configs[rows]
		c.palette = 1
		for t := range 8 {
			c.bytes[t], c.rows[t] = 64, uint8(rows)
		}
		c.rows[6], c.rows[7] = 16, 16
	}
	return configs
}()

// ofRows returns the tilesFunc of AMX, to which tiles of one row, of which there are less than 16, are one tile.
func ofRows(f func(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)) tilesFunc {
	return func(height int, c, a, b []float32, n, k, rs, _, step, cs int, first bool) {
		rows := height
		if height == 1 {
			rows, n = n, 1
		}
		f(&tileConfigs[rows], c, a, b, n, k, rs, step, cs, first)
	}
}

func alongSplit(dst, src Mat) {
	splitAlong(dst.Data, src.Data, src.Rows, src.Cols, dst.Stride, src.Stride)
}

func downSplit(dst, src Mat) {
	for k := 0; k < src.Rows; k += 32 {
		n, block := min(32, src.Rows-k), dst.RowSpan(k/32*48, k/32*48+48)
		splitDown(block.Data, src.Data[k*src.Stride:], n, src.Cols, dst.Stride, src.Stride)
		for i := ceil(n, 2); i < 16; i++ {
			clear(block.Row(i))
			clear(block.Row(16 + i))
			clear(block.Row(32 + i))
		}
	}
}

//go:noescape
func tilesAMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)

//go:noescape
func halvesAMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)

//go:noescape
func tilesSplit(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)

//go:noescape
func halvesSplit(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)

//go:noescape
func splitAlong(dst, src []float32, rows, cols, dstStride, srcStride int)

//go:noescape
func splitDown(dst, src []float32, rows, cols, dstStride, srcStride int)
