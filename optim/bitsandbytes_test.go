package optim

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// Four steps of AdamW with moments in 8 bits go where bitsandbytes' AdamW8bit goes on a processor, which rounds the smallest
// moments of a block less well: one code in a hundred is another.
func TestAdamW8bitEqualsBitsandbytes(t *testing.T) {
	f, err := safetensors.Open(filepath.Join(fixtures.Dir(t, "adamw8bit"), "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const lr = 1e-2
	for name, decay := range map[string]float64{"plain": 0, "decay": 0.1} {
		info, _ := f.Info(name + ".start")
		p := &nn.Param{W: compute.NewMat(info.Shape[0], info.Shape[1])}
		copy(p.W.Data, fixtures.Floats[compute.Float](t, f, name+".start"))
		grads := nn.NewGrads([]*nn.Param{p}, func(*nn.Param) bool { return true })
		o := NewAdamW8bit(compute.Ref{}, []*nn.Param{p}, grads, func(*nn.Param) bool { return false })
		o.Beta1, o.Beta2, o.Eps, o.WeightDecay = 0.9, 0.999, 1e-8, decay
		for step := 1; step <= 4; step++ {
			copy(grads.G[0].Data, fixtures.Floats[compute.Float](t, f, fmt.Sprintf("%s.grad.%d", name, step)))
			o.Update(lr, 1)
			var most, sum float64
			for i, want := range fixtures.Floats[compute.Float](t, f, fmt.Sprintf("%s.weight.%d", name, step)) {
				d := math.Abs(float64(p.W.Data[i] - want))
				most, sum = max(most, d), sum+d
			}
			t.Logf("%s, step %d: weights are off by %.1e at most, %.1e on average", name, step, most, sum/float64(len(p.W.Data)))
			if mean := sum / float64(len(p.W.Data)); mean > lr*5e-4 {
				t.Errorf("%s, step %d: weights are off by %.1e on average", name, step, mean)
			}
		}
		for _, s := range []struct {
			name  string
			state compute.State8
		}{{"1", o.M8[0]}, {"2", o.V8[0]}} {
			codes, err := f.Bytes(name + ".state" + s.name)
			if err != nil {
				t.Fatal(err)
			}
			differ := 0
			for i, want := range codes {
				if s.state.Codes[i] != want {
					differ++
				}
			}
			if differ > len(codes)/50 {
				t.Errorf("%s: %d of %d codes of state%s differ", name, differ, len(codes), s.name)
			}
			for i, want := range fixtures.Floats[compute.Float](t, f, name+".absmax"+s.name) {
				if got := s.state.Top[i]; math.Abs(float64(got)/float64(want)-1) > 1e-5 {
					t.Errorf("%s: absmax%s of block %d is %v, in bitsandbytes %v", name, s.name, i, got, want)
				}
			}
		}
	}
}
