//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

// simd is false: the plain versions run, and the compiler drops the calls of these.
const simd = false

func addSIMD(dst, a, b *float32, n int)                                  { panic("cpu: no SIMD") }
func mulSIMD(dst, a, b *float32, n int)                                  { panic("cpu: no SIMD") }
func rotateSIMD(u, v, cos, sin *float32, n int, sign float32)            { panic("cpu: no SIMD") }
func gatedSIMD(dst, x *float32, n int, c1, c3 float32)                   { panic("cpu: no SIMD") }
func gatedBackwardSIMD(dst, dy, x *float32, n int, c1, c3, c3x3 float32) { panic("cpu: no SIMD") }
func geluSIMD(dst, x *float32, n int)                                    { panic("cpu: no SIMD") }
func geluBackwardSIMD(dst, dy, x *float32, n int)                        { panic("cpu: no SIMD") }
func dotsSIMD(dst *float32, n int, x *float32, dim int, y *float32, stride int, scale float32) {
	panic("cpu: no SIMD")
}
func combineSIMD(dst *float32, dim int, c *float32, cstride int, x *float32, stride, n int) {
	panic("cpu: no SIMD")
}
func maximumSIMD(x *float32, n int) float32                           { panic("cpu: no SIMD") }
func expSumSIMD(dst, x *float32, n int, shift float32) float32        { panic("cpu: no SIMD") }
func affineSIMD(x *float32, n int, a, b float32)                      { panic("cpu: no SIMD") }
func softmaxBackwardSIMD(dp, p *float32, n int, delta, scale float32) { panic("cpu: no SIMD") }
func sumSIMD(x *float32, n int) float32                               { panic("cpu: no SIMD") }
func varianceSIMD(x *float32, n int, mean float32) float32            { panic("cpu: no SIMD") }
func normaliseSIMD(dst, x, w, b *float32, n int, mean, rstd float32)  { panic("cpu: no SIMD") }
func rmsSIMD(dst, x, w *float32, n int, rstd float32)                 { panic("cpu: no SIMD") }
func normSumsSIMD(dy, x, w *float32, n int, mean, rstd float32) (m1, m2 float32) {
	panic("cpu: no SIMD")
}
func normBackwardSIMD(dx, dy, x, w *float32, n int, mean, rstd, m1, m2 float32) {
	panic("cpu: no SIMD")
}
func addProductSIMD(dw, dy, x *float32, n int, mean, rstd float32) { panic("cpu: no SIMD") }
func adamwSIMD(w, grad, m, v *float32, n int, c *[8]float32)       { panic("cpu: no SIMD") }
func sumSquaresSIMD(x *float32, n int) float64                     { panic("cpu: no SIMD") }
func maskSIMD(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32) {
	panic("cpu: no SIMD")
}
