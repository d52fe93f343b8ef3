//go:build !f64

package model

import (
	"fmt"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute/cpu"
)

// BenchmarkScaling runs forward and backward of GPT-2s and reports milliseconds and GFLOP/s for each example, as the
// batch, the length, the model and the threads grow, one at a time. The last token is labelled.
func BenchmarkScaling(b *testing.B) {
	const layers, width = 12, 768
	for _, c := range []struct {
		what                                  string
		batch, length, layers, width, threads int
	}{
		{"batch=1", 1, 27, layers, width, 0}, {"batch=4", 4, 27, layers, width, 0}, {"batch=16", 16, 27, layers, width, 0}, {"batch=64", 64, 27, layers, width, 0},
		{"length=32", 4, 32, layers, width, 0}, {"length=128", 4, 128, layers, width, 0}, {"length=512", 4, 512, layers, width, 0}, {"length=1024", 4, 1024, layers, width, 0},
		{"model=4x256", 16, 27, 4, 256, 0}, {"model=6x512", 16, 27, 6, 512, 0}, {"model=12x768", 16, 27, layers, width, 0}, {"model=24x1024", 16, 27, 24, 1024, 0},
		{"threads=1", 16, 27, layers, width, 1}, {"threads=2", 16, 27, layers, width, 2},
	} {
		b.Run(c.what, func(b *testing.B) {
			config, err := ParseConfig(fmt.Appendf(nil, `{"model_type":"gpt2","n_layer":%d,"n_embd":%d,"n_head":%d}`, c.layers, c.width, c.width/64))
			if err != nil {
				b.Fatal(err)
			}
			m, err := New(config, 1)
			if err != nil {
				b.Fatal(err)
			}
			var batch collate.Batch
			collate.Pack(&batch, tutorial(c.batch, c.length))
			flops := float64(m.Plan(&batch, false, nil).FLOPs)
			r := m.NewRun(cpu.New(c.threads))
			r.Grads = m.NewGrads(nil, c.batch)
			r.Loss(&batch, 0, 1)
			for b.Loop() {
				r.Grads.Reset()
				r.Loss(&batch, 0, 1)
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(seconds*1e3/float64(c.batch), "ms/example")
			b.ReportMetric(flops/seconds/1e9, "GFLOP/s")
		})
	}
}
