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
// shared, but runs one kernel at a time.
type Device struct {
	compute.Ref // kernels that have no faster version
	pool        pool
}

var _ compute.Device = (*Device)(nil)

// New returns a device with the given number of threads; 0 means GOMAXPROCS.
func New(threads int) *Device {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &Device{pool: pool{threads: threads}}
}

// Threads returns the number of threads that kernels use.
func (d *Device) Threads() int { return d.pool.threads }
