//go:build !purego && !f64

package cpu

// gluSIMD and gluBackwardSIMD do in one loop what act, mul and actBackward do in several, with the same bits.
const oneLoopGLU = true

//go:noescape
func gluSIMD(dst, gate, up *float32, n int, c1, c3 float32)

//go:noescape
func gluBackwardSIMD(dgate, dup, dy, gate, up *float32, n int, c1, c3, c3x3 float32)
