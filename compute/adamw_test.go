//go:build !f64

package compute

import (
	"math"
	"slices"
	"testing"
)

func TestAdamWTorch(t *testing.T) {
	w, m, v := matOf(1, torchWeights), NewMat(1, 6), NewMat(1, 6)
	for i, s := range torchSteps {
		if norm := math.Sqrt((Ref{}).SumSquares(matOf(1, s.g))); math.Abs(norm-s.norm) > 1e-12*s.norm {
			t.Errorf("step %d: norm %v, want %v", i+1, norm, s.norm)
		}
		Ref{}.AdamW(w, matOf(1, slices.Clone(s.g)), m, v, AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.95, Eps: 1e-6,
			WeightDecay: 0.1, Step: i + 1, GradScale: min(1, 1/s.norm)})
		for j := range s.w {
			if d := ulp(w.Data[j], s.w[j]); d > 2 {
				t.Errorf("step %d: w[%d] is %v, want %v: %d ulp", i+1, j, w.Data[j], s.w[j], d)
			}
			if d := m.Data[j] - s.m[j]; d > 1e-7 || d < -1e-7 { // of sums of gradients up to 1
				t.Errorf("step %d: m[%d] is %v, want %v", i+1, j, m.Data[j], s.m[j])
			}
			if d := ulp(v.Data[j], s.v[j]); d > 2 {
				t.Errorf("step %d: v[%d] is %v, want %v: %d ulp", i+1, j, v.Data[j], s.v[j], d)
			}
		}
	}
}

func ulp(a, b float32) int {
	d := int(int32(math.Float32bits(a))) - int(int32(math.Float32bits(b)))
	return max(d, -d)
}
