//go:build !f64

package model

import (
	"fmt"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute/cpu"
)

// BenchmarkStep runs forward and backward of GPT-2 124M on examples of 27 tokens of which the last is labelled,
// the tutorial's average. It reports useful GFLOP/s.
func BenchmarkStep(b *testing.B) {
	c, err := ParseConfig([]byte(`{"model_type":"gpt2"}`))
	if err != nil {
		b.Fatal(err)
	}
	m, err := New(c, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{8, 16, 32} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			var batch collate.Batch
			collate.Pack(&batch, tutorial(size, 27))
			plan := m.Plan(&batch, false, nil)
			r := m.NewRun(cpu.New(0))
			r.Grads = m.NewGrads(nil, size)
			r.Loss(&batch, 0, 1)
			b.ReportAllocs()
			for b.Loop() {
				r.Grads.Reset()
				r.Loss(&batch, 0, 1)
			}
			b.ReportMetric(float64(plan.FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// tutorial returns n examples of the given length with a label on the last token only.
func tutorial(n, length int) (ex []collate.Example) {
	for i := range n {
		var e collate.Example
		for j := range length {
			e.IDs, e.Labels = append(e.IDs, int32((i*31+j*17)%50000)), append(e.Labels, collate.Ignore)
		}
		e.Labels[length-1] = 1930
		ex = append(ex, e)
	}
	return ex
}
