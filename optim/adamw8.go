package optim

import (
	"runtime"
	"sync"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// least8 is the fewest elements of a parameter whose moments are held in 8 bits, as in bitsandbytes.
const least8 = 4096

// NewAdamW8bit is NewAdamW with moments in 8 bits, as bitsandbytes' AdamW8bit holds them: 2 bytes a weight instead of 8.
// Parameters of fewer than 4096 elements, and those that exact says, keep theirs in float32.
func NewAdamW8bit(d compute.Device, params []*nn.Param, grads *nn.Grads, exact func(*nn.Param) bool) *AdamW {
	o := newAdamW(d, params, grads)
	o.M8, o.V8 = make([]compute.State8, len(params)), make([]compute.State8, len(params))
	for i, p := range params {
		if n := p.W.Rows * p.W.Cols; grads.Trained(i) && in8Bits(p, exact) {
			o.M8[i], o.V8[i] = compute.NewState8(n, true), compute.NewState8(n, false)
		} else if grads.Trained(i) {
			o.M[i], o.V[i] = compute.NewMat(p.W.Rows, p.W.Cols), compute.NewMat(p.W.Rows, p.W.Cols)
		}
	}
	return o
}

func in8Bits(p *nn.Param, exact func(*nn.Param) bool) bool {
	return p.W.Rows*p.W.Cols >= least8 && !exact(p)
}

// MomentBytes returns the memory of the moments of p; a nil exact means that all are in float32, else it is that of
// NewAdamW8bit.
func MomentBytes(p *nn.Param, exact func(*nn.Param) bool) int64 {
	n := int64(p.W.Rows) * int64(p.W.Cols)
	if exact == nil || !in8Bits(p, exact) {
		return 8 * n
	}
	return 2 * (n + 4*((n+compute.StateBlock-1)/compute.StateBlock))
}

// In8Bits reports whether the moments of parameter i are held in 8 bits.
func (o *AdamW) In8Bits(i int) bool { return o.M8 != nil && o.M8[i].Codes != nil }

// StateBytes returns the memory of the moments.
func (o *AdamW) StateBytes() (n int64) {
	for i := range o.params {
		n += 4 * int64(len(o.M[i].Data)+len(o.V[i].Data))
		if o.In8Bits(i) {
			n += o.M8[i].Bytes() + o.V8[i].Bytes()
		}
	}
	return n
}

// piece is how many elements have their moments in float32 at a time.
const piece = 1 << 20

// update8 does one step on w, the elements of parameter i from first on: the moments become floats, are updated with
// w, and are rounded again, so that w sees them unrounded, as in bitsandbytes.
func (o *AdamW) update8(i, first int, w, g []compute.Float, s compute.AdamW) {
	if o.m == nil {
		o.m, o.v = make([]compute.Float, piece), make([]compute.Float, piece)
	}
	for lo := 0; lo < len(w); lo += piece {
		hi := min(lo+piece, len(w))
		m, v := o.m[:hi-lo], o.v[:hi-lo]
		inParts(hi-lo, func(a, b int) {
			o.M8[i].Load(m[a:b], first+lo+a)
			o.V8[i].Load(v[a:b], first+lo+a)
		})
		o.device.AdamW(flat(w[lo:hi]), flat(g[lo:hi]), flat(m), flat(v), s)
		inParts(hi-lo, func(a, b int) {
			o.M8[i].Store(m[a:b], first+lo+a)
			o.V8[i].Store(v[a:b], first+lo+a)
		})
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
