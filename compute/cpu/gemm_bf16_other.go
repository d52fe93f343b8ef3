//go:build !f64 && (!amd64 || purego)

package cpu

// bf16Kernels are those for factors in bfloat16, the fastest first.
var bf16Kernels = func() (ks []gemmKernel) {
	for _, k := range gemmKernels {
		ks = append(ks, software(k))
	}
	return ks
}()
