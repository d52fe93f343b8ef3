//go:build !f64

// Package cpu is the Device of the machine's processor: threaded kernels, in SIMD assembly where there is
// some for the processor and in plain Go elsewhere. KERNELS.md has the table of files.
package cpu

import (
	"runtime"

	"github.com/hone-ml/hone/compute"
)

type (
	// Mat is a matrix of float32.
	Mat = compute.Mat
	// Heads tells attention how to read its matrices.
	Heads = compute.Heads
)

// A Device runs kernels on a fixed number of threads. Its results don't depend on that number. It may be
// shared between goroutines, but runs one kernel at a time. Its threads end when it is garbage.
type Device struct {
	compute.Ref // kernels that have no faster version
	pool        pool
	gemm        *gemm
	base        *Device // whose threads these are, kept from becoming garbage; nil if they are its own
}

var _ compute.Device = (*Device)(nil)

// New returns a device with the given number of threads; 0 means GOMAXPROCS.
func New(threads int) *Device {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	d := &Device{pool: newPool(threads)}
	d.gemm = newGEMM(&d.pool, gemmKernels[0])
	if d.pool.crew != nil {
		runtime.AddCleanup(d, (*crew).stop, d.pool.crew)
	}
	return d
}

// Threads returns the number of threads that kernels use.
func (d *Device) Threads() int { return d.pool.threads }
