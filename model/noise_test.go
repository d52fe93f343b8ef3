package model

import (
	"math"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
)

// Noise is drawn evenly from ±α/√(L·C), changes passes with gradients alone, and is the same for the same key.
func TestNoise(t *testing.T) {
	m, err := Load(fixtures.Dir(t, "gpt2"))
	if err != nil {
		t.Fatal(err)
	}
	e := collate.Example{IDs: []int32{5, 6, 7, 8, 9}, Labels: []int32{5, 6, 7, 8, 9}}
	var b collate.Batch
	collate.Pack(&b, []collate.Example{e})
	loss := func(alpha float64, key uint64, grads bool) float64 {
		r := m.NewRun(compute.Ref{})
		r.Noise, r.NoiseKey = alpha, key
		if !grads {
			nll, sum := make([]compute.Float, len(b.Targets)), 0.0
			r.NLL(nll, &b, 0)
			for _, x := range nll {
				sum += float64(x)
			}
			return sum
		}
		r.Grads = m.NewGrads(nil, len(b.Targets))
		return r.Loss(&b, 0, 1)
	}
	plain := loss(0, 1, true)
	if loss(5, 1, true) == plain || loss(5, 1, true) != loss(5, 1, true) || loss(5, 1, true) == loss(5, 2, true) {
		t.Error("noise does not follow from its key")
	}
	if loss(5, 1, false) != loss(0, 1, false) {
		t.Error("noise in a pass without gradients")
	}
	r := m.NewRun(compute.Ref{})
	r.Noise, r.pass.Longest, r.pass.Grads = 5, 5, m.NewGrads(nil, 4)
	x := compute.NewMat(100, 32)
	r.noise(x)
	bound, top, squares := 5/math.Sqrt(5*32), 0.0, 0.0
	for _, v := range x.Data {
		top, squares = max(top, math.Abs(float64(v))), squares+float64(v*v)
	}
	if rms := math.Sqrt(squares / 3200); top > bound || top < 0.99*bound || math.Abs(rms-bound/math.Sqrt(3)) > 0.02*bound {
		t.Errorf("noise up to %g with root mean square %g, expected %g and %g", top, rms, bound, bound/math.Sqrt(3))
	}
}
