//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

const tilesAnywhere = true

func blockKernel() *gemmKernel                                                 { panic("cpu: no SIMD") }
func scoresSIMD(c, a, b, partial []float32, tiles, dim, cs int, scale float32) { panic("cpu: no SIMD") }
func maximaSIMD(dst, x []float32, from, to *[blockRows]int, rows, stride int)  { panic("cpu: no SIMD") }
func expSumsSIMD(sum, x, shift []float32, from, to *[blockRows]int, rows, stride int) {
	panic("cpu: no SIMD")
}
func softmaxBackwardsSIMD(p, ds, mask, lse, delta []float32, from, to *[blockRows]int, rows, stride int, scale float32) {
	panic("cpu: no SIMD")
}
