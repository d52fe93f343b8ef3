//go:build !f64

package cpu

import "fmt"

// RoPE implements [compute.Device].
func (d *Device) RoPE(x, table Mat, pos []int32) { d.rotate(x, table, pos, 1) }

// RoPEBackward implements [compute.Device].
func (d *Device) RoPEBackward(dx, table Mat, pos []int32) { d.rotate(dx, table, pos, -1) }

type ropeArgs struct {
	x, table Mat
	pos      []int32
	sign     float32
}

var ropeRow = newRowKernel(func(a *ropeArgs, i int) {
	t, dim := a.table.Row(int(a.pos[i])), a.table.Cols
	for r := a.x.Row(i); len(r) > 0; r = r[dim:] {
		rotate(r[:dim/2], r[dim/2:dim], t[:dim/2], t[dim/2:], a.sign)
	}
})

func (d *Device) rotate(x, table Mat, pos []int32, sign float32) {
	dim := table.Cols
	if len(pos) != x.Rows || dim%2 != 0 || x.Cols%dim != 0 {
		panic(fmt.Sprintf("cpu: RoPE: %v by %v at %d positions", x, table, len(pos)))
	}
	ropeRow.rows(d, x.Rows, x.Cols, ropeArgs{x, table, pos, sign})
}

// rotate turns the pairs (u, v) by the angles whose cosines and sines are given, backwards if sign is −1.
func rotate(u, v, cos, sin []float32, sign float32) {
	v, cos, sin = v[:len(u)], cos[:len(u)], sin[:len(u)]
	if simd && len(u) > 0 {
		rotateSIMD(&u[0], &v[0], &cos[0], &sin[0], len(u), sign)
		return
	}
	for j, x := range u {
		s := sign * sin[j]
		u[j], v[j] = x*cos[j]-v[j]*s, v[j]*cos[j]+x*s
	}
}
