//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

// gemmKernels are those that the processor can run, the fastest first.
var gemmKernels = []gemmKernel{generic}
