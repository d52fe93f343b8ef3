//go:build amd64 && !purego && !f64

package cpu

// tilesAnywhere says that tiles of a matrix are read wherever its elements lie.
const tilesAnywhere = true

// blockKernel is the one whose tiles are as wide as those of scoresSIMD.
func blockKernel() *gemmKernel {
	if simd512 {
		return &avx512Kernel
	}
	return &avx2Kernel
}

//go:noescape
func scoresSIMD(c, a, b, partial []float32, tiles, dim, cs int, scale float32)

//go:noescape
func maximaSIMD(dst, x []float32, from, to *[blockRows]int, rows, stride int)

//go:noescape
func expSumsSIMD(sum, x, shift []float32, from, to *[blockRows]int, rows, stride int)

//go:noescape
func softmaxBackwardsSIMD(p, ds, mask, lse, delta []float32, from, to *[blockRows]int, rows, stride int, scale float32)
