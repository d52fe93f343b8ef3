//go:build !f64

package cpu

import (
	"math"

	"github.com/hone-ml/hone/compute"
)

// heldPiece is how many elements are in float32 at a time: with their gradients they fill the first cache. A multiple
// of compute.StateBlock.
const heldPiece = 2048

type heldArgs struct {
	x    compute.Held
	g    []float32
	lo   int // the element that g begins with
	o    compute.AdamW
	c    [8]float32 // of adamwSIMD
	keys [80]uint64 // of roundSIMD
}

var heldTask = newRowKernel(func(a *heldArgs, task int) {
	from, to := task*adamwRun, min(len(a.g), (task+1)*adamwRun)
	if !simd {
		a.x.AdamW(a.g[from:to], a.lo+from, a.o)
		return
	}
	var room [3][heldPiece]float32
	for ; from < to; from += heldPiece {
		a.piece(&room, from, min(heldPiece, to-from))
	}
})

// AdamWHeld implements [compute.Device].
func (d *Device) AdamWHeld(x compute.Held, g Mat, lo int, o compute.AdamW) {
	a := heldArgs{x: x, g: g.Flat(), lo: lo, o: o, c: adamwConstants(o)}
	if x.Rounding != nil {
		a.keys = philoxKeys(x.Rounding.Key)
	}
	heldTask.each(d, ceil(len(a.g), adamwRun), a)
}

// piece updates elements [from, from+n) of the gradient's.
func (a *heldArgs) piece(room *[3][heldPiece]float32, from, n int) {
	w, m, v := room[0][:n], room[1][:n], room[2][:n]
	lo := a.lo + from
	if s := a.x.Stored; s != nil {
		expand(w, *s, lo, n)
	} else {
		w = a.x.W[lo : lo+n]
	}
	if a.x.Few != nil {
		loadState(m, a.x.Few[0], lo)
		loadState(v, a.x.Few[1], lo)
	} else {
		m, v = a.x.M[lo:lo+n], a.x.V[lo:lo+n]
	}
	adamwSIMD(&w[0], &a.g[from], &m[0], &v[0], n, &a.c)
	if a.x.Rounding != nil {
		a.round(w, lo)
	}
	if a.x.Stored != nil {
		a.narrow(w, lo)
	}
	if a.x.Few != nil {
		storeState(a.x.Few[0], m, lo)
		storeState(a.x.Few[1], v, lo)
	}
}

// round is [compute.Stochastic.Round].
func (a *heldArgs) round(w []float32, lo int) {
	r := a.x.Rounding
	whole := len(w) &^ 31
	if heldSIMD && whole > 0 {
		at := uint64(lo) / 8
		ctr := [4]uint32{uint32(at), uint32(at >> 32), r.Step, r.Param}
		roundSIMD(&w[0], whole, &ctr, &a.keys)
		w, lo = w[whole:], lo+whole
	}
	r.Round(w, lo)
}

// narrow stores bfloat16 numbers.
func (a *heldArgs) narrow(w []float32, lo int) {
	whole := len(w) &^ 15
	if heldSIMD && whole > 0 && a.x.Rounding != nil {
		narrowSIMD(&a.x.Stored.Data[2*lo], &w[0], whole)
		w, lo = w[whole:], lo+whole
	}
	a.x.Stored.SetPart(w, 0, lo)
}

// loadState is [compute.State8.Load].
func loadState(dst []float32, s compute.State8, lo int) {
	for n := 0; len(dst) > 0; dst, lo = dst[n:], lo+n {
		if n = min(compute.StateBlock, len(dst)); !heldSIMD || n%8 != 0 {
			s.Load(dst, lo)
			return
		}
		loadStateSIMD(&dst[0], &s.Codes[lo], n, s.Top[lo/compute.StateBlock], s.Map())
	}
}

// storeState is [compute.State8.Store].
func storeState(s compute.State8, src []float32, lo int) {
	for n := 0; len(src) > 0; src, lo = src[n:], lo+n {
		if n = min(compute.StateBlock, len(src)); !heldSIMD || n%8 != 0 {
			s.Store(src, lo)
			return
		}
		block := lo / compute.StateBlock
		s.Top[block] = math.Float32frombits(topSIMD(&src[0], n))
		storeStateSIMD(&s.Codes[lo], &src[0], n, s.Inverse(block), s.Map())
	}
}
