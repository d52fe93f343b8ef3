//go:build arm64 && !purego && !f64

package cpu

import "math"

// tilesAnywhere is false: tiles are read in rows, or packed.
const tilesAnywhere = false

func blockKernel() *gemmKernel { return &neonKernel }

//go:noescape
func scoresSIMD(c, a, b, partial []float32, tiles, dim, cs int, scale float32)

func maximaSIMD(dst, x []float32, from, to *[blockRows]int, rows, stride int) {
	for r := range rows {
		if dst[r] = float32(math.Inf(-1)); from[r] < to[r] {
			dst[r] = maximum(x[r*stride:][from[r]:to[r]])
		}
	}
}

func expSumsSIMD(sum, x, shift []float32, from, to *[blockRows]int, rows, stride int) {
	for r := range rows {
		x := x[r*stride:][from[r]:to[r]]
		sum[r] += expSum(x, x, shift[r])
	}
}

func softmaxBackwardsSIMD(p, ds, mask, lse, delta []float32, from, to *[blockRows]int, rows, stride int, scale float32) {
	for r := range rows {
		lo, hi := r*stride+from[r], r*stride+to[r]
		p, ds := p[lo:hi], ds[lo:hi]
		expSum(p, p, lse[r])
		if mask != nil {
			dropAsMasked(ds, mask[lo:hi])
		}
		softmaxBackward(ds, p, delta[r], scale)
		if mask != nil {
			dropAsMasked(p, mask[lo:hi])
		}
	}
}

// dropAsMasked multiplies x by the mask; where that is 0, x is 0 whatever it was.
func dropAsMasked(x, mask []float32) {
	for j, m := range mask[:len(x)] {
		if x[j] *= m; m == 0 {
			x[j] = 0
		}
	}
}
