//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// adamwRun is how many elements a task of AdamW updates: 1.8 MB of memory, which takes some 50 µs.
const adamwRun = 1 << 16

type adamwArgs struct {
	w, g, m, v []float32
	o          compute.AdamW
	c          [8]float32 // of the vector code
}

var adamwTask = newRowKernel(func(a *adamwArgs, task int) {
	lo, hi := task*adamwRun, min(len(a.w), (task+1)*adamwRun)
	if simd {
		adamwSIMD(&a.w[lo], &a.g[lo], &a.m[lo], &a.v[lo], hi-lo, &a.c)
		return
	}
	ref.AdamW(flat(a.w[lo:hi]), flat(a.g[lo:hi]), flat(a.m[lo:hi]), flat(a.v[lo:hi]), a.o)
})

// AdamW implements [compute.Device].
func (d *Device) AdamW(w, g, m, v Mat, o compute.AdamW) {
	same("AdamW", w, g)
	same("AdamW", w, m)
	same("AdamW", w, v)
	adamwTask.each(d, ceil(len(w.Flat()), adamwRun), adamwArgs{w.Flat(), g.Flat(), m.Flat(), v.Flat(), o, adamwConstants(o)})
}

// adamwConstants returns adamwSIMD's last argument.
func adamwConstants(o compute.AdamW) [8]float32 {
	step, rsqrt2 := o.Rates()
	return [8]float32{float32(o.GradScale), float32(1 - o.Beta1), float32(o.Beta2), float32(1 - o.Beta2), rsqrt2, float32(o.Eps), step, float32(1 - o.LR*o.WeightDecay)}
}

// flat returns x as one row.
func flat(x []float32) Mat { return Mat{Rows: 1, Cols: len(x), Stride: len(x), Data: x} }
