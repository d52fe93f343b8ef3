//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"sync"
)

type lossArgs struct {
	loss             []float32
	logits           Mat
	labels           []int32
	smoothing, scale float32
}

var lossRow = newRowKernel(func(a *lossArgs, i int) {
	if simd {
		a.loss[i] = crossEntropy(a.logits.Row(i), int(a.labels[i]), a.smoothing, a.scale)
		return
	}
	ref.CrossEntropy(a.loss[i:i+1], row(a.logits, i), a.labels[i:i+1], a.smoothing, a.scale)
})

// CrossEntropy implements [compute.Device].
func (d *Device) CrossEntropy(loss []float32, logits Mat, labels []int32, smoothing, scale float32) {
	if logits.Rows != len(labels) || len(loss) != len(labels) {
		panic(fmt.Sprintf("cpu: CrossEntropy: %d losses, %d labels for %v", len(loss), len(labels), logits))
	}
	lossRow.each(d, len(labels), lossArgs{loss, logits, labels, smoothing, scale})
}

// crossEntropy is CrossEntropy of one row, in short runs whose
// sums are added in float64.
func crossEntropy(r []float32, label int, smoothing, scale float32) float32 {
	var buf [1 << 10]float32
	top, target := maximum(r), r[label]
	var sum, total float64
	for rest := r; len(rest) > 0; {
		x := rest[:min(len(buf), len(rest))]
		rest = rest[len(x):]
		if smoothing != 0 {
			total += float64(sumSIMD(&x[0], len(x)))
		}
		e := x // the gradient starts with exp(x − top)
		if scale == 0 {
			e = buf[:len(x)]
		}
		sum += float64(expSum(e, x, top))
	}
	if scale != 0 {
		affine(r, float32(float64(scale)/sum), -scale*smoothing/float32(len(r)))
		r[label] -= scale * (1 - smoothing)
	}
	// −Σ target·log p = lse − (1−ε)·logit[y] − ε·mean(logits)
	lse := math.Log(sum) + float64(top)
	return float32(lse - float64(1-smoothing)*float64(target) - float64(smoothing)*total/float64(len(r)))
}

type squaresArgs struct {
	g    Mat
	sums *[parts]float64
}

var squaresPart = newRowKernel(func(a *squaresArgs, p int) {
	a.sums[p] = 0
	if a.g.Dense() {
		x := a.g.Flat()
		a.sums[p] = sumSquares(x[len(x)*p/parts : len(x)*(p+1)/parts])
		return
	}
	for i := a.g.Rows * p / parts; i < a.g.Rows*(p+1)/parts; i++ {
		a.sums[p] += sumSquares(a.g.Row(i))
	}
})

var spareSquares = sync.Pool{New: func() any { return new([parts]float64) }}

// SumSquares implements [compute.Device]. The sums of the parts are added in order.
func (d *Device) SumSquares(g Mat) float64 {
	sums := spareSquares.Get().(*[parts]float64)
	defer spareSquares.Put(sums)
	squaresPart.each(d, parts, squaresArgs{g, sums})
	var sum float64
	for _, s := range sums {
		sum += s
	}
	return sum
}

// sumSquares returns Σ x².
func sumSquares(x []float32) (sum float64) {
	for ; simd && len(x) > 0; x = x[min(grain, len(x)):] { // short calls: assembly can't be interrupted
		sum += sumSquaresSIMD(&x[0], min(grain, len(x)))
	}
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
