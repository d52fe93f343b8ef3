package main

import (
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
)

// int8Flag is of the commands that use a model as it is.
type int8Flag struct {
	Int8 bool `name:"int8" help:"Round weights to 8 bits: a quarter of the memory, new tokens some three times as fast, nearly the same answers."`
}

func (f int8Flag) apply(m *model.Model) error {
	if !f.Int8 {
		return nil
	}
	return m.Quantize(8)
}

// bf16Flag is of the commands that score texts.
type bf16Flag struct {
	BF16 bool `name:"bf16" help:"Multiply in bfloat16, as training with --bf16 does: nearly twice as fast on processors that can, probabilities that differ in the third digit."`
}

// device returns the device to compute on.
func (f bf16Flag) device(a *app) compute.Device {
	d := hone.Device(a.flags.Threads)
	if f.BF16 {
		d = d.BF16()
	}
	return d
}
