package optim

import (
	"runtime"
	"sync"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// piece is how many elements are in float32 at a time, where weights or moments are held in fewer bits: 3 MB.
const piece = 1 << 18

// updatePieces does one step on the elements of p from first on, g their gradient. What is held in fewer bits becomes
// float32, is updated, and is rounded again, so that the weights see the moments unrounded, as in bitsandbytes.
func (o *AdamW) updatePieces(p *nn.Param, first int, g []compute.Float, s compute.AdamW) {
	if o.room[0] == nil {
		for k := range o.room {
			o.room[k] = make([]compute.Float, piece)
		}
	}
	for ; len(g) > 0; first += piece {
		n := min(piece, len(g))
		x := o.piece(p, first, n)
		inParts(n, func(lo, hi int) { x.load(lo, hi) })
		o.device.AdamW(flat(x.w), flat(g[:n]), flat(x.m), flat(x.v), s)
		inParts(n, func(lo, hi int) { x.store(lo, hi) })
		g = g[n:]
	}
}

// A pieceOf is some elements of a parameter and their moments in float32: copies of what is in fewer bits.
type pieceOf struct {
	first   int
	w, m, v []compute.Float

	weights  *compute.Stored // as one row; nil if w is the weights themselves
	moments  *[2]compute.State8
	rounding *compute.Stochastic
}

func (o *AdamW) piece(p *nn.Param, first, n int) pieceOf {
	i := p.Index
	x := pieceOf{first: first, w: o.room[0][:n], m: o.room[1][:n], v: o.room[2][:n]}
	if p.Stored != nil {
		s := p.Stored.Flat()
		x.weights = &s
	} else {
		x.w = p.W.Flat()[first : first+n]
	}
	if o.In8Bits(i) {
		x.moments = &[2]compute.State8{o.M8[i], o.V8[i]}
	} else {
		x.m, x.v = o.M[i].Flat()[first:first+n], o.V[i].Flat()[first:first+n]
	}
	if o.BF16 {
		x.rounding = &compute.Stochastic{Key: o.Seed, Step: uint32(o.Step), Param: uint32(i)}
	}
	return x
}

func (x *pieceOf) load(lo, hi int) {
	if x.weights != nil {
		x.weights.Part(x.w[lo:hi], 0, x.first+lo)
	}
	if x.moments != nil {
		x.moments[0].Load(x.m[lo:hi], x.first+lo)
		x.moments[1].Load(x.v[lo:hi], x.first+lo)
	}
}

func (x *pieceOf) store(lo, hi int) {
	if x.rounding != nil {
		x.rounding.Round(x.w[lo:hi], x.first+lo)
	}
	if x.weights != nil {
		x.weights.SetPart(x.w[lo:hi], 0, x.first+lo)
	}
	if x.moments != nil {
		x.moments[0].Store(x.m[lo:hi], x.first+lo)
		x.moments[1].Store(x.v[lo:hi], x.first+lo)
	}
}

// inParts calls f with parts of n elements, whole blocks but for the last, on all processors.
func inParts(n int, f func(lo, hi int)) {
	threads := runtime.GOMAXPROCS(0)
	part := (n/threads + compute.StateBlock) / compute.StateBlock * compute.StateBlock
	var wg sync.WaitGroup
	for lo := part; lo < n; lo += part {
		wg.Go(func() { f(lo, min(lo+part, n)) })
	}
	f(0, min(part, n))
	wg.Wait()
}

func flat(x []compute.Float) compute.Mat {
	return compute.Mat{Rows: 1, Cols: len(x), Stride: len(x), Data: x}
}
