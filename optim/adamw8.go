package optim

import (
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
