//go:build !f64 && (!amd64 || purego)

package cpu

const oneLoopGLU = false

func gluSIMD(dst, gate, up *float32, n int, c1, c3 float32) { panic("cpu: no SIMD") }
func gluBackwardSIMD(dgate, dup, dy, gate, up *float32, n int, c1, c3, c3x3 float32) {
	panic("cpu: no SIMD")
}
