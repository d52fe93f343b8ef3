//go:build !f64

package cpu

import "fmt"

// CrossEntropy implements [compute.Device].
func (d *Device) CrossEntropy(loss []float32, logits Mat, labels []int32, smoothing, scale float32) {
	if logits.Rows != len(labels) || len(loss) != len(labels) {
		panic(fmt.Sprintf("cpu: CrossEntropy: %d losses, %d labels for %v", len(loss), len(labels), logits))
	}
	d.pool.each(len(labels), func(i int) {
		ref.CrossEntropy(loss[i:i+1], row(logits, i), labels[i:i+1], smoothing, scale)
	})
}

// parts is into how many runs SumSquares cuts a matrix, whatever the number of threads.
const parts = 64

// SumSquares implements [compute.Device]. The sums of the parts are added in order.
func (d *Device) SumSquares(g Mat) float64 {
	var sums [parts]float64
	if g.Dense() {
		x := g.Flat()
		d.pool.each(parts, func(p int) { sums[p] = sumSquares(x[len(x)*p/parts : len(x)*(p+1)/parts]) })
	} else {
		d.pool.each(parts, func(p int) {
			for i := g.Rows * p / parts; i < g.Rows*(p+1)/parts; i++ {
				sums[p] += sumSquares(g.Row(i))
			}
		})
	}
	var sum float64
	for _, s := range sums {
		sum += s
	}
	return sum
}

// sumSquares returns Σ x².
func sumSquares(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
