//go:build f64

package hone

import "github.com/hone-ml/hone/compute"

// Device returns the reference device, the only one in float64.
func Device(int) compute.Device { return compute.Ref{} }

func fastBF16() bool { return false }
