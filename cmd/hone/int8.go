package main

import "github.com/hone-ml/hone/model"

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
