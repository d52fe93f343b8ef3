//go:build !f64

package model

import (
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/compute/cpu"
)

// A training step allocates nothing once the largest one has been seen.
func TestStepDoesNotAllocate(t *testing.T) {
	if testing.Short() {
		t.Skip("runs steps")
	}
	for name, config := range map[string]string{
		"gpt2":  `{"model_type":"gpt2","n_layer":2,"n_embd":64,"n_head":4,"n_positions":64,"vocab_size":50257}`,
		"llama": `{"model_type":"llama","num_hidden_layers":2,"hidden_size":64,"intermediate_size":160,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":50000,"max_position_embeddings":64,"rms_norm_eps":1e-6,"tie_word_embeddings":true}`,
	} {
		c, err := ParseConfig([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		d := cpu.New(1) // a second thread has memory of its own, which grows when it first meets its largest task
		for kind, d := range map[string]compute.Device{"float32": d, "bf16": d.BF16()} {
			var b collate.Batch
			collate.Pack(&b, tutorial(8, 27))
			r := m.NewRun(d)
			r.Grads = m.NewGrads(nil, 8)
			step := func() {
				r.Grads.Reset()
				r.Dropout = 1
				r.Loss(&b, 0, 1)
			}
			step()
			step()
			if n := testing.AllocsPerRun(5, step); n > 0 {
				t.Errorf("%s in %s: %v allocations", name, kind, n)
			}
		}
	}
}
