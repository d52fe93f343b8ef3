//go:build (amd64 || arm64) && !purego && !f64

package cpu

// Each stands beside its plain version in the file of the same name: addSIMD in rows.go with add. AVX2 and NEON give the
// same bits.

//go:noescape
func addSIMD(dst, a, b *float32, n int)

//go:noescape
func mulSIMD(dst, a, b *float32, n int)

//go:noescape
func rotateSIMD(u, v, cos, sin *float32, n int, sign float32)

//go:noescape
func gatedSIMD(dst, x *float32, n int, c1, c3 float32)

//go:noescape
func gatedBackwardSIMD(dst, dy, x *float32, n int, c1, c3, c3x3 float32)

//go:noescape
func geluSIMD(dst, x *float32, n int)

//go:noescape
func geluBackwardSIMD(dst, dy, x *float32, n int)

//go:noescape
func dotsSIMD(dst *float32, n int, x *float32, dim int, y *float32, stride int, scale float32)

//go:noescape
func combineSIMD(dst *float32, dim int, c *float32, cstride int, x *float32, stride, n int)

//go:noescape
func maximumSIMD(x *float32, n int) float32

//go:noescape
func expSumSIMD(dst, x *float32, n int, shift float32) float32

//go:noescape
func affineSIMD(x *float32, n int, a, b float32)

//go:noescape
func softmaxBackwardSIMD(dp, p *float32, n int, delta, scale float32)

//go:noescape
func sumSIMD(x *float32, n int) float32

//go:noescape
func varianceSIMD(x *float32, n int, mean float32) float32

//go:noescape
func normaliseSIMD(dst, x, w, b *float32, n int, mean, rstd float32)

//go:noescape
func rmsSIMD(dst, x, w *float32, n int, rstd float32)

//go:noescape
func normSumsSIMD(dy, x, w *float32, n int, mean, rstd float32) (m1, m2 float32)

//go:noescape
func normBackwardSIMD(dx, dy, x, w *float32, n int, mean, rstd, m1, m2 float32)

//go:noescape
func addProductSIMD(dw, dy, x *float32, n int, mean, rstd float32)

//go:noescape
func adamwSIMD(w, grad, m, v *float32, n int, c *[8]float32)

//go:noescape
func sumSquaresSIMD(x *float32, n int) float64

//go:noescape
func maskSIMD(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32)
