//go:build arm64 && !purego && !f64

package cpu

// avx2 says whether the kernels declared here may run, as every arm64 has NEON. Tests turn it off.
var avx2 = true

// Here they are in NEON, under the names that their callers know from AVX2, and give the same bits.
// Each stands beside its plain version in the file of the same name: addAVX2 in rows.go with add.

//go:noescape
func addAVX2(dst, a, b *float32, n int)

//go:noescape
func mulAVX2(dst, a, b *float32, n int)

//go:noescape
func rotateAVX2(u, v, cos, sin *float32, n int, sign float32)

//go:noescape
func gatedAVX2(dst, x *float32, n int, c1, c3 float32)

//go:noescape
func gatedBackwardAVX2(dst, dy, x *float32, n int, c1, c3, c3x3 float32)

//go:noescape
func geluAVX2(dst, x *float32, n int)

//go:noescape
func geluBackwardAVX2(dst, dy, x *float32, n int)

//go:noescape
func dotsAVX2(dst *float32, n int, x *float32, dim int, y *float32, stride int, scale float32)

//go:noescape
func combineAVX2(dst *float32, dim int, c *float32, cstride int, x *float32, stride, n int)

//go:noescape
func maximumAVX2(x *float32, n int) float32

//go:noescape
func expSumAVX2(dst, x *float32, n int, shift float32) float32

//go:noescape
func affineAVX2(x *float32, n int, a, b float32)

//go:noescape
func softmaxBackwardAVX2(dp, p *float32, n int, delta, scale float32)

//go:noescape
func sumAVX2(x *float32, n int) float32

//go:noescape
func varianceAVX2(x *float32, n int, mean float32) float32

//go:noescape
func normaliseAVX2(dst, x, w, b *float32, n int, mean, rstd float32)

//go:noescape
func rmsAVX2(dst, x, w *float32, n int, rstd float32)

//go:noescape
func normSumsAVX2(dy, x, w *float32, n int, mean, rstd float32) (m1, m2 float32)

//go:noescape
func normBackwardAVX2(dx, dy, x, w *float32, n int, mean, rstd, m1, m2 float32)

//go:noescape
func addProductAVX2(dw, dy, x *float32, n int, mean, rstd float32)

//go:noescape
func adamwAVX2(w, grad, m, v *float32, n int, c *[8]float32)

//go:noescape
func sumSquaresAVX2(x *float32, n int) float64

//go:noescape
func maskAVX2(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32)
