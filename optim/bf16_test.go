package optim

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// Updates of weights in bfloat16 are AdamW's, rounded stochastically: the same bits with any number of threads, with the
// gradient at once or in blocks.
func TestAdamWBF16(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	shape := [][2]int{{1100, 256}, {100, 61}, {1, 64}}
	for _, in8 := range []bool{false, true} {
		var results [][]compute.Float
		for _, threads := range []int{1, 3} {
			runtime.GOMAXPROCS(threads)
			var params []*nn.Param
			r := rand.New(rand.NewPCG(1, 2))
			for i, s := range shape {
				p := &nn.Param{Index: i, W: compute.NewMat(s[0], s[1]), Vector: s[0] == 1}
				if !p.Vector {
					q := compute.NewStored(compute.BFloat16, s[0], s[1])
					p.Stored, p.W.Data = &q, nil
				}
				params = append(params, p)
			}
			grads := nn.NewGrads(params, func(*nn.Param) bool { return true })
			o := NewAdamW(compute.Ref{}, params, grads)
			if in8 {
				o = NewAdamW8bit(compute.Ref{}, params, grads, func(*nn.Param) bool { return false })
			}
			o.Beta1, o.Beta2, o.Eps, o.BF16, o.Seed = 0.9, 0.999, 1e-8, true, 7
			for step := range 3 {
				before := params[1].Floats()
				for _, g := range grads.G {
					for i := range g.Data {
						g.Data[i] = compute.Float(r.NormFloat64())
					}
				}
				m, v := slices.Clone(o.M[1].Data), slices.Clone(o.V[1].Data)
				o.Update(1e-2, 1)
				if in8 {
					continue
				}
				compute.Ref{}.AdamW(before, grads.G[1], flatAs(m, before), flatAs(v, before),
					compute.AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: step + 1, GradScale: 1})
				compute.Stochastic{Key: 7, Step: uint32(step + 1), Param: 1}.Round(before.Data, 0)
				if !slices.Equal(before.Data, params[1].Floats().Flat()) {
					t.Errorf("step %d: not AdamW's update, rounded", step+1)
				}
			}
			var all []compute.Float
			for _, p := range params {
				all = append(all, p.Floats().Flat()...)
			}
			results = append(results, all)
		}
		if !slices.Equal(results[0], results[1]) {
			t.Errorf("8 bits %v: the number of threads changes the weights", in8)
		}
		for _, w := range results[0] {
			if s, _ := compute.Store(compute.Mat{Rows: 1, Cols: 1, Stride: 1, Data: []compute.Float{w}}, compute.BFloat16); s.Mat().Data[0] != w {
				t.Fatalf("8 bits %v: %v is no bfloat16 number", in8, w)
			}
		}
	}
}

func flatAs(x []compute.Float, m compute.Mat) compute.Mat {
	return compute.Mat{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Data: x}
}
