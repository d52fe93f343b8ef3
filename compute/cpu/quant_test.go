//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hone-ml/hone/compute"
)

// quantized returns a random matrix in integers, with memory around them that poisons what reads it: scales of NaN.
func (f *field) quantized(t testing.TB, rows, cols int) compute.Quant {
	t.Helper()
	q, err := compute.NewQuant(f.dense(rows, cols))
	if err != nil {
		t.Fatal(err)
	}
	around := make([]float32, len(q.Scale)+2*margin)
	for i := range around {
		around[i] = float32(math.NaN())
	}
	q.Scale = append(around[:margin], q.Scale...)[margin:]
	return q
}

// checkQuant compares a product with float64, and with the product of the same weight in float32.
func checkQuant(t *testing.T, d *Device, m, n, k int, ec epilogueCase, seed uint64) {
	t.Helper()
	f := newField(seed)
	a, q, dst, same := f.mat(m, k, 3), f.quantized(t, n, k), f.mat(m, n, 5), f.mat(m, n, 1)
	e := compute.Epilogue{Scale: ec.scale}
	if ec.bias {
		e.Bias = f.mat(1, n, 2)
	}
	if ec.add {
		e.Add = f.mat(m, n, 4)
	}
	same.Copy(dst)
	b, eSame := q.Mat(), e
	before := clone(dst)
	if ec.acc {
		e.Add, eSame.Add = dst, same
	}
	d.MatMulQuant(dst, a, q, e)
	d.MatMulNT(same, a, b, eSame)
	f.check(t)
	scale := float64(ec.scale)
	if scale == 0 {
		scale = 1
	}
	for i := range m {
		for j := range n {
			got := dst.Row(i)[j]
			if m > quantRows && got != same.Row(i)[j] {
				t.Fatalf("[%d, %d] depth %d %+v: element (%d, %d) is %v, in float32 %v", m, n, k, ec, i, j, got, same.Row(i)[j])
			}
			sum, size := matMuls[0].product64(a, b, i, j, k)
			sum, size = sum*scale, size*math.Abs(scale)
			for _, v := range []struct {
				use bool
				m   Mat
				row int
			}{{ec.bias, e.Bias, 0}, {ec.add, e.Add, i}, {ec.acc, before, i}} {
				if v.use {
					x := float64(v.m.Row(v.row)[j])
					sum, size = sum+x, size+math.Abs(x)
				}
			}
			// A row of at most 4 is scaled after it is summed, which is one rounding more.
			if bound := float64(k+6) * 0x1p-24 * size; !(math.Abs(float64(got)-sum) <= bound) {
				t.Fatalf("[%d, %d] depth %d %+v: element (%d, %d) is %v, want %v", m, n, k, ec, i, j, got, sum)
			}
		}
	}
}

func TestMatMulQuant(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		d := New(2)
		seed := uint64(0)
		for _, m := range []int{1, 2, 3, 4, 5, 7, 16, 17, 70} {
			for i, n := range []int{1, 2, 3, 4, 5, 7, 8, 23, 97} {
				for j, k := range []int{1, 2, 63, 64, 65, 127, 128, 200, 576} {
					checkQuant(t, d, m, n, k, epilogues[(i+j)%len(epilogues)], seed)
					seed++
				}
			}
		}
		checkQuant(t, d, 9, 5, 1100, epilogues[0], seed)
		checkQuant(t, d, 1, 1500, 130, epilogues[5], seed)
	})
}

// Nothing but the depth of a product is 0.
func TestMatMulQuantOfNothing(t *testing.T) {
	d := New(2)
	dst := Mat{Rows: 1, Cols: 2, Stride: 2, Data: []float32{7, 8}}
	q, err := compute.NewQuant(compute.NewMat(2, 0))
	if err != nil {
		t.Fatal(err)
	}
	d.MatMulQuant(dst, Mat{Rows: 1}, q, compute.Epilogue{Bias: Mat{Rows: 1, Cols: 2, Stride: 2, Data: []float32{1, 2}}})
	if dst.Data[0] != 1 || dst.Data[1] != 2 {
		t.Errorf("%v, want the bias", dst.Data)
	}
	d.MatMulQuant(Mat{}, Mat{Cols: 0}, compute.Quant{}, compute.Epilogue{})
}

func TestMatMulQuantThreads(t *testing.T) {
	f := newField(3)
	q := f.quantized(t, 500, 200)
	for _, m := range []int{1, 3, 8, 80} {
		a := f.dense(m, 200)
		want := compute.NewMat(m, 500)
		New(1).MatMulQuant(want, a, q, compute.Epilogue{})
		for threads := 2; threads <= 4; threads++ {
			got := compute.NewMat(m, 500)
			New(threads).MatMulQuant(got, a, q, compute.Epilogue{})
			for i, v := range want.Data {
				if got.Data[i] != v {
					t.Fatalf("%d rows, %d threads: element %d is %v, on one thread %v", m, threads, i, got.Data[i], v)
				}
			}
		}
	}
}

func TestMatMulQuantAllocates(t *testing.T) {
	f := newField(4)
	q, d := f.quantized(t, 300, 200), New(2)
	for _, m := range []int{1, 8} {
		a, y := f.dense(m, 200), f.dense(m, 300)
		if n := testing.AllocsPerRun(20, func() { d.MatMulQuant(y, a, q, compute.Epilogue{}) }); n > 0 {
			t.Errorf("%d rows: %v allocations", m, n)
		}
	}
}

// BenchmarkMatMulQuant tells how much faster it is than float32, both at their best. The weights of 12 layers take
// turns, so that they come from memory.
func BenchmarkMatMulQuant(b *testing.B) {
	for _, w := range [][2]int{{2304, 768}, {50257, 768}} {
		for _, m := range []int{1, 8, 16, 64} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%dx%d/M=%d/threads=%d", w[0], w[1], m, threads), func(b *testing.B) {
					benchQuant(b, New(threads), m, w[0], w[1])
				})
			}
		}
	}
}

func benchQuant(b *testing.B, d *Device, m, n, k int) {
	x, y := filled(m, k), filled(m, n)
	layers := 1 + 200<<20/(4*n*k)
	var w []Mat
	var q []compute.Quant
	for range layers {
		f := filled(n, k)
		i, err := compute.NewQuant(f)
		if err != nil {
			b.Fatal(err)
		}
		w, q = append(w, f), append(q, i)
	}
	float, integer := time.Hour, time.Hour
	for b.Loop() {
		for range 3 {
			began := time.Now()
			for _, w := range w {
				d.MatMulNT(y, x, w, compute.Epilogue{})
			}
			float = min(float, time.Since(began))
			began = time.Now()
			for _, q := range q {
				d.MatMulQuant(y, x, q, compute.Epilogue{})
			}
			integer = min(integer, time.Since(began))
		}
	}
	elements := float64(layers * n * k)
	b.ReportMetric(float.Seconds()/integer.Seconds(), "times-float32")
	b.ReportMetric(4*elements/float.Seconds()/1e9, "float32-GB/s")
	b.ReportMetric(elements*(1+4./compute.QuantBlock)/integer.Seconds()/1e9, "int8-GB/s")
	b.ReportMetric(0, "ns/op")
}

func FuzzMatMulQuant(f *testing.F) {
	f.Add(uint8(1), uint8(3), uint16(100), uint64(1), uint8(0))
	f.Add(uint8(20), uint8(30), uint16(300), uint64(2), uint8(5))
	d := New(2)
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, seed uint64, e uint8) {
		checkQuant(t, d, int(m%90)+1, int(n)+1, int(k%1200)+1, epilogues[int(e)%len(epilogues)], seed)
	})
}
