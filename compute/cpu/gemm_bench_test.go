//go:build !f64

package cpu

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hone-ml/hone/compute"
)

// The weights [N, K] of GPT-2 124M and the rows of decoding, of labels, and of small and large batches.
var (
	gemmWeights = [][2]int{{2304, 768}, {768, 768}, {3072, 768}, {768, 3072}, {50257, 768}}
	gemmRows    = []int{1, 16, 200, 432, 4096}
)

// BenchmarkMatMul tells GFLOP/s, and their share of what the same threads reached just before and after in
// a loop of nothing but multiply-adds of float32, so that BF16 can have 200 %: the machine's speed changes, the share hardly does.
func BenchmarkMatMul(b *testing.B) {
	for _, w := range gemmWeights {
		for _, m := range gemmRows {
			if w[0] > 10000 && m > 16 {
				continue
			}
			for _, p := range matMuls {
				for threads := 1; threads <= 2; threads++ {
					for _, k := range gemmKernels[:len(gemmKernels)-1] {
						b.Run(fmt.Sprintf("%s-%s/%dx%d/M=%d/threads=%d", p.name, k.name, w[0], w[1], m, threads), func(b *testing.B) {
							benchMatMul(b, newDevice(threads, k), p, m, w[0], w[1])
						})
					}
					b.Run(fmt.Sprintf("%s-BF16/%dx%d/M=%d/threads=%d", p.name, w[0], w[1], m, threads), func(b *testing.B) {
						benchMatMul(b, New(threads).BF16().(*Device), p, m, w[0], w[1])
					})
				}
			}
		}
	}
}

func benchMatMul(b *testing.B, d *Device, p matMul, m, n, k int) {
	x, w, y := filled(m, k), filled(n, k), filled(m, n)
	run := func() { p.run(d, y, x, w, compute.Epilogue{}) }
	switch p.name {
	case "NN":
		run = func() { p.run(d, x, y, w, compute.Epilogue{}) }
	case "TN":
		run = func() { p.run(d, w, y, x, compute.Epilogue{}) }
	}
	flop := 2 * float64(m) * float64(n) * float64(k)
	run()
	var best, top float64
	for b.Loop() {
		// Single runs between measurements of the peak, of which the best counts: others may use the processor too.
		top = max(top, measurePeak(d))
		for range 10 {
			began := time.Now()
			run()
			best = max(best, flop/time.Since(began).Seconds()/1e9)
		}
	}
	b.ReportMetric(best, "GFLOP/s")
	b.ReportMetric(100*best/top, "%peak")
	b.ReportMetric(4*float64(n*k)*best/flop, "GB/s")
	b.ReportMetric(0, "ns/op")
}

// measurePeak returns d's peak in GFLOP/s.
func measurePeak(d *Device) float64 { return d.Peak() / 1e9 }

// BenchmarkTile is the inner loop alone, with everything in the first cache.
func BenchmarkTile(b *testing.B) {
	d := New(1)
	for _, k := range slices.Concat(gemmKernels, bf16Kernels) {
		b.Run(k.name, func(b *testing.B) {
			h := k.heights[0]
			a, bp, c := make([]float32, 8192), make([]float32, 8192), make([]float32, 8192)
			var best, top float64
			for b.Loop() {
				top = max(top, measurePeak(d))
				for range 20 {
					began := time.Now()
					for range 100 {
						k.tiles(h, c, a, bp, 4, 240, 1, h, 0, k.lanes, false)
					}
					best = max(best, 2*400*float64(k.elements(240)*h*k.lanes)/time.Since(began).Seconds()/1e9)
				}
			}
			b.ReportMetric(best, "GFLOP/s")
			b.ReportMetric(100*best/top, "%peak")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func filled(rows, cols int) Mat {
	m := compute.NewMat(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(i%7) - 3
	}
	return m
}
