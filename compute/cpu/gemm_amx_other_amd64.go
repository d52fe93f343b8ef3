//go:build !linux && !purego && !f64

package cpu

// hasAMX: other systems don't give the tiles to whoever asks. Its kernels are never used there.
const hasAMX = false

var amxBF16, amxSplit gemmKernel
