// Package optim updates weights: AdamW, gradient clipping and the learning-rate schedules of Hugging Face
// transformers.
package optim

import (
	"math"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// AdamW is the optimizer's state over a model's trained parameters (Loshchilov and Hutter, 2019), with the
// arithmetic of torch.optim.AdamW. Its zero moments are a fresh start.
type AdamW struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64 // of every parameter but norms and biases
	Step              int     // updates done

	// Rates are what the learning rate of each parameter is multiplied by; nil means 1 for all.
	Rates []float64

	M, V []compute.Mat // the moments by Param.Index, shaped as the parameters are; empty where frozen

	M8, V8 []compute.State8 // those held in 8 bits, by Param.Index; nil if none are

	// BF16 says that the weights are bfloat16 numbers and each update is rounded to such, stochastically, with numbers
	// drawn by Seed.
	BF16 bool
	Seed uint64

	device compute.Device
	params []*nn.Param
	grads  *nn.Grads
}

// NewAdamW allocates the moments of those of params that grads has gradients for. The caller sets betas, epsilon
// and weight decay.
func NewAdamW(d compute.Device, params []*nn.Param, grads *nn.Grads) *AdamW {
	o := newAdamW(d, params, grads)
	for i, p := range params {
		if grads.Trained(i) {
			o.M[i], o.V[i] = compute.NewMat(p.W.Rows, p.W.Cols), compute.NewMat(p.W.Rows, p.W.Cols)
		}
	}
	return o
}

func newAdamW(d compute.Device, params []*nn.Param, grads *nn.Grads) *AdamW {
	return &AdamW{device: d, params: params, grads: grads,
		M: make([]compute.Mat, len(params)), V: make([]compute.Mat, len(params))}
}

// Norm returns the L2 norm of all gradients together.
func (o *AdamW) Norm() float64 {
	var sum float64
	for i, p := range o.params {
		o.grads.Blocks(o.device, i, p, func(_, _ int, g compute.Mat) { sum += o.device.SumSquares(g) })
	}
	return math.Sqrt(sum)
}

// Clip returns the coefficient by which gradients of the given norm are multiplied so that their norm is at
// most about most: torch.nn.utils.clip_grad_norm_'s min(1, most/(norm+1e-6)). If most is 0, nothing is clipped.
func Clip(norm, most float64) float64 {
	if most == 0 {
		return 1
	}
	return min(1, most/(norm+1e-6))
}

// Update does one step with the given learning rate on gradients multiplied by scale.
func (o *AdamW) Update(lr, scale float64) {
	o.Step++
	s := compute.AdamW{LR: lr, Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, Step: o.Step, GradScale: scale}
	for i, p := range o.params {
		if o.Rates != nil {
			s.LR = lr * o.Rates[i]
		}
		s.WeightDecay = o.WeightDecay
		if p.Vector && !p.Decayed {
			s.WeightDecay = 0
		}
		o.grads.Blocks(o.device, i, p, func(lo, hi int, g compute.Mat) {
			if o.BF16 || o.In8Bits(i) {
				o.device.AdamWHeld(o.held(p), g, lo*p.W.Cols, s)
				return
			}
			o.device.AdamW(p.W.RowSpan(lo, hi), g, o.M[i].RowSpan(lo, hi), o.V[i].RowSpan(lo, hi), s)
		})
	}
}

// held returns p and its moments as they lie in memory.
func (o *AdamW) held(p *nn.Param) (x compute.Held) {
	if i := p.Index; o.In8Bits(i) {
		x.Few = &[2]compute.State8{o.M8[i], o.V8[i]}
	} else {
		x.M, x.V = o.M[i].Flat(), o.V[i].Flat()
	}
	if p.Stored != nil {
		row := p.Stored.Flat()
		x.Stored = &row
	} else {
		x.W = p.W.Flat()
	}
	if o.BF16 {
		x.Rounding = &compute.Stochastic{Key: o.Seed, Step: uint32(o.Step), Param: uint32(p.Index)}
	}
	return x
}

// Params returns the parameters that o updates.
func (o *AdamW) Params() (trained []*nn.Param) {
	for i, p := range o.params {
		if !o.M[i].Empty() || o.In8Bits(i) {
			trained = append(trained, p)
		}
	}
	return trained
}
