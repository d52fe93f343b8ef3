//go:build !f64

package cpu

import (
	"math"

	"github.com/hone-ml/hone/compute"
)

// ActFunc is an activation function.
type ActFunc = compute.ActFunc

type actArgs struct {
	dst, dy, x Mat // dy only backward
	f          ActFunc
}

var actRow = newRowKernel(func(a *actArgs, i int) { act(a.dst.Row(i), a.x.Row(i), a.f) })

// Act implements [compute.Device].
func (d *Device) Act(dst, x Mat, f ActFunc) {
	same("Act", dst, x)
	actRow.rows(d, x.Rows, x.Cols, actArgs{dst: dst, x: x, f: f})
}

var actBackwardRow = newRowKernel(func(a *actArgs, i int) { actBackward(a.dst.Row(i), a.dy.Row(i), a.x.Row(i), a.f) })

// ActBackward implements [compute.Device].
func (d *Device) ActBackward(dst, dy, x Mat, f ActFunc) {
	same("ActBackward", dst, x)
	same("ActBackward", dy, x)
	actBackwardRow.rows(d, x.Rows, x.Cols, actArgs{dst, dy, x, f})
}

// glu is how many elements of a row the GLU kernels take at a time through buffers on the stack.
const glu = 512

type gluArgs struct {
	dst, dgate, dup, dy, gate, up Mat // dst only forward
	f                             ActFunc
}

var gluRow = newRowKernel(func(a *gluArgs, i int) {
	if c1, c3, ok := gated(a.f); ok && oneLoopGLU && simd && a.gate.Cols > 0 {
		gluSIMD(&a.dst.Row(i)[0], &a.gate.Row(i)[0], &a.up.Row(i)[0], a.gate.Cols, -c1, -c3)
		return
	}
	var buf [glu]float32
	for lo := 0; lo < a.gate.Cols; lo += glu {
		hi := min(lo+glu, a.gate.Cols)
		y := buf[:hi-lo]
		act(y, a.gate.Row(i)[lo:hi], a.f)
		mul(a.dst.Row(i)[lo:hi], y, a.up.Row(i)[lo:hi])
	}
})

// GLU implements [compute.Device].
func (d *Device) GLU(dst, gate, up Mat, f ActFunc) {
	same("GLU", dst, gate)
	same("GLU", up, gate)
	gluRow.rows(d, gate.Rows, gate.Cols, gluArgs{dst: dst, gate: gate, up: up, f: f})
}

var gluBackwardRow = newRowKernel(func(a *gluArgs, i int) {
	if c1, c3, ok := gated(a.f); ok && oneLoopGLU && simd && a.gate.Cols > 0 {
		gluBackwardSIMD(&a.dgate.Row(i)[0], &a.dup.Row(i)[0], &a.dy.Row(i)[0], &a.gate.Row(i)[0], &a.up.Row(i)[0],
			a.gate.Cols, -c1, -c3, -3*c3)
		return
	}
	var bufY, bufG [glu]float32
	for lo := 0; lo < a.gate.Cols; lo += glu {
		hi := min(lo+glu, a.gate.Cols)
		y, g, x := bufY[:hi-lo], bufG[:hi-lo], a.gate.Row(i)[lo:hi]
		act(y, x, a.f)
		mul(y, y, a.dy.Row(i)[lo:hi])
		mul(g, a.dy.Row(i)[lo:hi], a.up.Row(i)[lo:hi])
		actBackward(a.dgate.Row(i)[lo:hi], g, x, a.f)
		copy(a.dup.Row(i)[lo:hi], y)
	}
})

// GLUBackward implements [compute.Device]. All of dy is read before anything is written, as it may be either.
func (d *Device) GLUBackward(dgate, dup, dy, gate, up Mat, f ActFunc) {
	same("GLUBackward", dgate, gate)
	same("GLUBackward", dup, gate)
	same("GLUBackward", dy, gate)
	same("GLUBackward", up, gate)
	gluBackwardRow.rows(d, gate.Rows, gate.Cols, gluArgs{dgate: dgate, dup: dup, dy: dy, gate: gate, up: up, f: f})
}

// gated returns the coefficients of functions of the form x·σ(c₁x + c₃x³).
func gated(f ActFunc) (c1, c3 float32, ok bool) {
	switch f {
	case compute.SiLU:
		return 1, 0, true
	case compute.GELUTanh: // ½(1+tanh u) = σ(2u)
		const c = 2 * 0.7978845608028654
		return c, c * 0.044715, true
	}
	return 0, 0, false
}

// act is dst = f(x).
func act(dst, x []float32, f ActFunc) {
	if simd && len(x) > 0 {
		_ = dst[len(x)-1]
		if c1, c3, ok := gated(f); ok {
			gatedSIMD(&dst[0], &x[0], len(x), -c1, -c3)
			return
		}
		if f == compute.GELU {
			geluSIMD(&dst[0], &x[0], len(x))
			return
		}
	}
	if f == compute.ReLU {
		for j, e := range x {
			dst[j] = keepIf(e, e)
		}
		return
	}
	for j, e := range x {
		y, _ := f.Value(float64(e))
		dst[j] = float32(y)
	}
}

// actBackward is dst = dy·f'(x).
func actBackward(dst, dy, x []float32, f ActFunc) {
	if simd && len(x) > 0 {
		_, _ = dst[len(x)-1], dy[len(x)-1]
		if c1, c3, ok := gated(f); ok {
			gatedBackwardSIMD(&dst[0], &dy[0], &x[0], len(x), -c1, -c3, -3*c3)
			return
		}
		if f == compute.GELU {
			geluBackwardSIMD(&dst[0], &dy[0], &x[0], len(x))
			return
		}
	}
	if f == compute.ReLU {
		for j, e := range x {
			dst[j] = keepIf(e, dy[j])
		}
		return
	}
	for j, e := range x {
		_, slope := f.Value(float64(e))
		dst[j] = dy[j] * float32(slope)
	}
}

// keepIf returns y if x is positive, else 0, without a branch, which for random signs is 20 times slower.
func keepIf(x, y float32) float32 {
	positive := uint32(-int64(int32(math.Float32bits(x))) >> 63)
	return math.Float32frombits(math.Float32bits(y) & positive)
}
