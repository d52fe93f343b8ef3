package model

import (
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// HoldBF16 rounds all weights to bfloat16, to the nearest, as transformers' dtype=bfloat16 does, and holds the matrices in
// that: half the memory, and no copy in float32 for training, which rounds updates stochastically (optim.AdamW). Norms and
// biases stay in float32 memory, where layers read them, but are bfloat16 numbers too, so that Save, which writes
// bfloat16, loses nothing.
func (m *Model) HoldBF16() error {
	if m.frozen {
		return errFrozen
	}
	m.bf16 = true
	for _, p := range m.Params {
		m.holdBF16(p)
	}
	m.roundVectors()
	return nil
}

// BF16 reports whether the weights are bfloat16 and stay so in training.
func (m *Model) BF16() bool { return m.bf16 }

func (m *Model) holdBF16(p *nn.Param) {
	if p.Vector || p.Stored != nil {
		return
	}
	s, _ := compute.Store(p.W, compute.BFloat16)
	p.Stored, p.W.Data = &s, nil
}

// roundVectors rounds norms and biases.
func (m *Model) roundVectors() {
	for _, p := range m.Params {
		if !p.Vector {
			continue
		}
		s, _ := compute.Store(p.W, compute.BFloat16)
		s.Row(p.W.Data, 0)
	}
}
