package optim

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// Moments in 8 bits take a quarter of the memory, and weights go nearly where those with moments in float32 go.
func TestAdamW8bit(t *testing.T) {
	var weights [2][]compute.Float
	var bytes [2]int64
	for k := range weights {
		params := []*nn.Param{
			{Name: "wte", Index: 0, W: compute.NewMat(100, 64)},
			{Name: "matrix", Index: 1, W: compute.NewMat(100, 61)},
			{Name: "bias", Index: 2, W: compute.NewMat(1, 64), Vector: true},
		}
		grads := nn.NewGrads(params, func(*nn.Param) bool { return true })
		o := NewAdamW(compute.Ref{}, params, grads)
		var exact func(*nn.Param) bool
		if k == 1 {
			exact = func(p *nn.Param) bool { return p.Name == "wte" }
			o = NewAdamW8bit(compute.Ref{}, params, grads, exact)
			if o.In8Bits(0) || !o.In8Bits(1) || o.In8Bits(2) || len(o.Params()) != 3 {
				t.Error("other parameters are in 8 bits than should be")
			}
		}
		o.Beta1, o.Beta2, o.Eps = 0.9, 0.999, 1e-8
		r := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			for _, g := range grads.G {
				for i := range g.Data {
					g.Data[i] = compute.Float(0.3 + r.NormFloat64())
				}
			}
			o.Update(1e-2, 1)
		}
		var planned int64
		for _, p := range params {
			planned += MomentBytes(p, exact)
			weights[k] = append(weights[k], p.W.Data...)
		}
		if bytes[k] = o.StateBytes(); bytes[k] != planned {
			t.Errorf("%d bytes of moments, planned %d", bytes[k], planned)
		}
	}
	if saved := bytes[0] - bytes[1]; saved < 100*61*5 {
		t.Errorf("only %d bytes saved", saved)
	}
	var off, size float64
	for i, w := range weights[0] {
		off += math.Pow(float64(weights[1][i]-w), 2)
		size += math.Pow(float64(w), 2)
	}
	if part := math.Sqrt(off / size); !(part > 0 && part < 0.05) {
		t.Errorf("weights moved by %.3f%% of their way elsewhere", 100*part)
	}
}
