//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// AdamW implements [compute.Device].
func (d *Device) AdamW(w, g, m, v Mat, o compute.AdamW) {
	same("AdamW", w, g)
	same("AdamW", w, m)
	same("AdamW", w, v)
	ws, gs, ms, vs := w.Flat(), g.Flat(), m.Flat(), v.Flat()
	step, rsqrt2 := o.Rates()
	c := [8]float32{float32(o.GradScale), float32(1 - o.Beta1), float32(o.Beta2), float32(1 - o.Beta2),
		rsqrt2, float32(o.Eps), step, float32(1 - o.LR*o.WeightDecay)}
	d.pool.each((len(ws)+grain-1)/grain, func(task int) {
		lo, hi := task*grain, min(len(ws), (task+1)*grain)
		if simd {
			adamwSIMD(&ws[lo], &gs[lo], &ms[lo], &vs[lo], hi-lo, &c)
			return
		}
		ref.AdamW(flat(ws[lo:hi]), flat(gs[lo:hi]), flat(ms[lo:hi]), flat(vs[lo:hi]), o)
	})
}

// flat returns x as one row.
func flat(x []float32) Mat { return Mat{Rows: 1, Cols: len(x), Stride: len(x), Data: x} }
