//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// ActFunc is an activation function.
type ActFunc = compute.ActFunc

// Act implements [compute.Device].
func (d *Device) Act(dst, x Mat, f ActFunc) {
	same("Act", dst, x)
	d.rows(x.Rows, x.Cols, func(i int) { ref.Act(row(dst, i), row(x, i), f) })
}

// ActBackward implements [compute.Device].
func (d *Device) ActBackward(dst, dy, x Mat, f ActFunc) {
	same("ActBackward", dst, x)
	same("ActBackward", dy, x)
	d.rows(x.Rows, x.Cols, func(i int) { ref.ActBackward(row(dst, i), row(dy, i), row(x, i), f) })
}

// GLU implements [compute.Device].
func (d *Device) GLU(dst, gate, up Mat, f ActFunc) {
	same("GLU", dst, gate)
	same("GLU", up, gate)
	d.rows(gate.Rows, gate.Cols, func(i int) { ref.GLU(row(dst, i), row(gate, i), row(up, i), f) })
}

// GLUBackward implements [compute.Device].
func (d *Device) GLUBackward(dgate, dup, dy, gate, up Mat, f ActFunc) {
	same("GLUBackward", dgate, gate)
	same("GLUBackward", dup, gate)
	same("GLUBackward", dy, gate)
	same("GLUBackward", up, gate)
	d.rows(gate.Rows, gate.Cols, func(i int) {
		ref.GLUBackward(row(dgate, i), row(dup, i), row(dy, i), row(gate, i), row(up, i), f)
	})
}
