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
	k.name, k.heights, k.rows, k.step, k.inRows = "amx bf16", [3]int{32, 16, 1}, 32, 16, true
	k.tiles = tilesAMX
	k.halves = func(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
		if height == 32 {
			halves32AMX(&tileConfigs[16], c, a, b, n, k, rs, step, cs, first)
		} else {
			tilesAMX(height, c, a, b, n, k, rs, ks, step, cs, first)
		}
	}
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

// tilesAMX takes tiles of one row, of which there are less than 16, as one.
func tilesAMX(height int, c, a, b []float32, n, k, rs, _, step, cs int, first bool) {
	switch height {
	case 32:
		tiles32AMX(&tileConfigs[16], c, a, b, n, k, rs, step, cs, first)
	case 16:
		rowsAMX(&tileConfigs[16], c, a, b, n, k, rs, step, cs, first)
	default:
		rowsAMX(&tileConfigs[n], c, a, b, 1, k, rs, step, cs, first)
	}
}

//go:noescape
func tiles32AMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)

//go:noescape
func halves32AMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)

//go:noescape
func rowsAMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
