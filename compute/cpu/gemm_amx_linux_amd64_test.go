//go:build !purego && !f64

package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// Products of parts in bfloat16 are closer to the true ones than multiply-adds of float32.
func TestSplitAccuracy(t *testing.T) {
	if !hasAMX {
		t.Skip("this processor has no AMX, or the system does not give it")
	}
	const m, n = 40, 70
	rng := rand.New(rand.NewPCG(1, 2))
	for _, k := range []int{32, 768, 3072} {
		for _, p := range matMuls {
			ar, ac, br, bc := p.operands(m, n, k)
			a, b := compute.NewMat(ar, ac), compute.NewMat(br, bc)
			for _, x := range []Mat{a, b} {
				for i := range x.Data {
					x.Data[i] = float32(rng.NormFloat64())
				}
			}
			rms := func(kernel gemmKernel) float64 {
				dst, sum := compute.NewMat(m, n), 0.0
				p.run(newDevice(2, kernel), dst, a, b, compute.Epilogue{})
				for i := range m {
					for j := range n {
						want, _ := p.product64(a, b, i, j, k)
						sum += (float64(dst.Row(i)[j]) - want) * (float64(dst.Row(i)[j]) - want)
					}
				}
				return math.Sqrt(sum / m / n)
			}
			split, chain := rms(amxSplit), rms(avx512Kernel)
			t.Log(fmt.Sprintf("%s of depth %d: %.2e, multiply-adds %.2e", p.name, k, split, chain))
			if split > chain {
				t.Errorf("%s of depth %d: the error of parts is %v, that of multiply-adds %v", p.name, k, split, chain)
			}
		}
	}
}

// A float32 is the sum of its parts, and what is no number stays none.
func TestSplit(t *testing.T) {
	if !hasAMX {
		t.Skip("this processor has no AMX, or the system does not give it")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		x := math.Float32frombits(rng.Uint32())
		switch i {
		case 0:
			x = 0
		case 1:
			x = float32(math.Inf(1))
		case 2:
			x = math.Float32frombits(0x7fffffff)
		}
		src := Mat{Rows: 1, Cols: 1, Stride: 1, Data: []float32{x}}
		along, down := compute.NewMat(1, 48), compute.NewMat(48, 1)
		alongSplit(along, src)
		downSplit(down, src)
		for _, words := range [][]float32{along.Data, down.Data} {
			sum := 0.0
			for part := range 3 {
				w := math.Float32bits(words[16*part])
				if w>>16 != 0 {
					t.Fatalf("%v: the word of one element is %08x", x, w)
				}
				sum += float64(math.Float32frombits(w << 16))
			}
			isNumber := math.Abs(float64(x)) < 0x1.fep127
			if small := math.Abs(float64(x)) < 0x1p-100; isNumber && !small && sum != float64(x) || small && math.Abs(sum-float64(x)) > 0x1p-126 {
				t.Fatalf("the parts of %v sum to %v", x, sum)
			}
			if x != x && sum == sum || math.IsInf(float64(x), 0) && sum == sum {
				t.Fatalf("the parts of %v sum to %v", x, sum)
			}
		}
	}
}
