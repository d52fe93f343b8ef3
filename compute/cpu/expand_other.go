//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

import "github.com/hone-ml/hone/compute"

func expandSIMD(dst []float32, w compute.Stored, k0, n int) bool { return false }
