package main

import (
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
)

// dtypeFlag is of the commands that use a model as it is.
type dtypeFlag struct {
	Dtype string `help:"How weights are held: auto, as the file has them; float32; bfloat16, half of that, and multiplied in bfloat16, which is several times as fast on processors that can; int8, a quarter, new tokens some three times as fast; int4, an eighth, with answers that differ more." default:"auto" placeholder:"TYPE"`
}

// device returns the device to compute on.
func (f dtypeFlag) device(a *app) compute.Device {
	d := hone.Device(a.flags.Threads)
	if f.Dtype == compute.BFloat16.String() {
		d = d.BF16()
	}
	return d
}

func (f dtypeFlag) apply(m *model.Model) error { return m.Freeze(f.Dtype) }
