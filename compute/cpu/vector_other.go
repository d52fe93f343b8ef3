//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

// avx2 is false: the plain versions run, and the compiler drops the calls of these.
const avx2 = false

func addAVX2(dst, a, b *float32, n int)                                  { panic("cpu: no AVX2") }
func mulAVX2(dst, a, b *float32, n int)                                  { panic("cpu: no AVX2") }
func rotateAVX2(u, v, cos, sin *float32, n int, sign float32)            { panic("cpu: no AVX2") }
func gatedAVX2(dst, x *float32, n int, c1, c3 float32)                   { panic("cpu: no AVX2") }
func gatedBackwardAVX2(dst, dy, x *float32, n int, c1, c3, c3x3 float32) { panic("cpu: no AVX2") }
func geluAVX2(dst, x *float32, n int)                                    { panic("cpu: no AVX2") }
func geluBackwardAVX2(dst, dy, x *float32, n int)                        { panic("cpu: no AVX2") }
func dotsAVX2(dst *float32, n int, x *float32, dim int, y *float32, stride int, scale float32) {
	panic("cpu: no AVX2")
}
func combineAVX2(dst *float32, dim int, c *float32, cstride int, x *float32, stride, n int) {
	panic("cpu: no AVX2")
}
func maximumAVX2(x *float32, n int) float32                           { panic("cpu: no AVX2") }
func expSumAVX2(dst, x *float32, n int, shift float32) float32        { panic("cpu: no AVX2") }
func affineAVX2(x *float32, n int, a, b float32)                      { panic("cpu: no AVX2") }
func softmaxBackwardAVX2(dp, p *float32, n int, delta, scale float32) { panic("cpu: no AVX2") }
func sumAVX2(x *float32, n int) float32                               { panic("cpu: no AVX2") }
func varianceAVX2(x *float32, n int, mean float32) float32            { panic("cpu: no AVX2") }
func normaliseAVX2(dst, x, w, b *float32, n int, mean, rstd float32)  { panic("cpu: no AVX2") }
func rmsAVX2(dst, x, w *float32, n int, rstd float32)                 { panic("cpu: no AVX2") }
func normSumsAVX2(dy, x, w *float32, n int, mean, rstd float32) (m1, m2 float32) {
	panic("cpu: no AVX2")
}
func normBackwardAVX2(dx, dy, x, w *float32, n int, mean, rstd, m1, m2 float32) {
	panic("cpu: no AVX2")
}
func addProductAVX2(dw, dy, x *float32, n int, mean, rstd float32) { panic("cpu: no AVX2") }
func adamwAVX2(w, grad, m, v *float32, n int, c *[8]float32)       { panic("cpu: no AVX2") }
func sumSquaresAVX2(x *float32, n int) float64                     { panic("cpu: no AVX2") }
func maskAVX2(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32) {
	panic("cpu: no AVX2")
}
