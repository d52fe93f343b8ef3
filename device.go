//go:build !f64

package hone

import (
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/compute/cpu"
)

// Device returns the device to compute on: this machine's processor, with so many threads, 0 meaning one for
// each that Go may use.
func Device(threads int) compute.Device { return cpu.New(threads) }

// fastBF16 reports whether this machine's processor multiplies bfloat16 faster than float32.
func fastBF16() bool { return cpu.FastBF16() }
