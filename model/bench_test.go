//go:build !f64

package model

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/compute/cpu"
)

// BenchmarkStep runs forward and backward of GPT-2 124M on examples of 27 tokens of which the last is labelled,
// the tutorial's average. It reports useful GFLOP/s, on the whole and of the best step.
func BenchmarkStep(b *testing.B) { benchSteps(b, `{"model_type":"gpt2"}`) }

// BenchmarkStepLlama is BenchmarkStep of a model of SmolLM2-135M's shape.
func BenchmarkStepLlama(b *testing.B) {
	benchSteps(b, `{"model_type":"llama","hidden_size":576,"intermediate_size":1536,"num_hidden_layers":30,"num_attention_heads":9,
		"num_key_value_heads":3,"vocab_size":49152,"rms_norm_eps":1e-5,"tie_word_embeddings":true}`)
}

func benchSteps(b *testing.B, config string) {
	c, err := ParseConfig([]byte(config))
	if err != nil {
		b.Fatal(err)
	}
	m, err := New(c, 1)
	if err != nil {
		b.Fatal(err)
	}
	exact := cpu.New(0)
	for name, d := range map[string]compute.Device{"float32": exact, "bf16": exact.BF16()} {
		for _, size := range []int{8, 16, 32} {
			b.Run(fmt.Sprintf("%s/batch=%d", name, size), func(b *testing.B) { benchStep(b, m, d, size) })
		}
	}
}

func benchStep(b *testing.B, m *Model, d compute.Device, size int) {
	var batch collate.Batch
	collate.Pack(&batch, tutorial(size, 27))
	flops := float64(m.Plan(&batch, false, nil).FLOPs) / 1e9
	r := m.NewRun(d)
	r.Grads = m.NewGrads(nil, size)
	r.Loss(&batch, 0, 1)
	best := math.Inf(1)
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		r.Grads.Reset()
		r.Loss(&batch, 0, 1)
		best = min(best, time.Since(began).Seconds())
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
	b.ReportMetric(flops/best, "best-GFLOP/s")
}

// tutorial returns n examples of the given length with a label on the last token only.
func tutorial(n, length int) (ex []collate.Example) {
	for i := range n {
		var e collate.Example
		for j := range length {
			e.IDs, e.Labels = append(e.IDs, int32((i*31+j*17)%49000)), append(e.Labels, collate.Ignore)
		}
		e.Labels[length-1] = 1930
		ex = append(ex, e)
	}
	return ex
}
