//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hone-ml/hone/compute"
)

var narrow = []compute.Storage{compute.BFloat16, compute.Int8, compute.Int4}

// stored returns a random matrix in fewer bits, with memory around it that poisons what reads it.
func (f *field) stored(t testing.TB, rows, cols int, kind compute.Storage) compute.Stored {
	t.Helper()
	s, err := compute.Store(f.dense(rows, cols), kind)
	if err != nil {
		t.Fatal(err)
	}
	s.Scale = surrounded(s.Scale, float32(math.NaN()))
	s.Data = surrounded(s.Data, 0xff) // a NaN of BFloat16
	return s
}

func surrounded[T any](v []T, with T) []T {
	around := make([]T, len(v)+2*margin)
	for i := range around {
		around[i] = with
	}
	copy(around[margin:], v)
	return around[margin : margin+len(v)]
}

// A storedForm is a product with a stored weight b and the one that it equals.
type storedForm struct {
	name    string
	shape   func(n, k int) (rows, cols int) // of the weight
	stored  func(d *Device, dst, a Mat, b compute.Stored, e compute.Epilogue)
	floats  func(d *Device, dst, a, b Mat, e compute.Epilogue)
	product int // in matMuls
}

var storedForms = []storedForm{
	{"NT", func(n, k int) (int, int) { return n, k }, (*Device).MatMulNTStored, (*Device).MatMulNT, 0},
	{"NN", func(n, k int) (int, int) { return k, n }, (*Device).MatMulNNStored, (*Device).MatMulNN, 1},
}

// checkStored compares a product with that of the same weight in float32, bit by bit; those of integers with few rows,
// which sum in another order, with float64.
func checkStored(t *testing.T, d *Device, form storedForm, kind compute.Storage, m, n, k int, ec epilogueCase, seed uint64) {
	t.Helper()
	f := newField(seed)
	rows, cols := form.shape(n, k)
	a, q, dst, same := f.mat(m, k, 3), f.stored(t, rows, cols, kind), f.mat(m, n, 5), f.mat(m, n, 1)
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
	form.stored(d, dst, a, q, e)
	form.floats(d, same, a, b, eSame)
	f.check(t)
	exact := form.name == "NN" || kind != compute.Int8 || m > int8Rows
	scale := float64(ec.scale)
	if scale == 0 {
		scale = 1
	}
	for i := range m {
		for j := range n {
			got := dst.Row(i)[j]
			if exact {
				if got != same.Row(i)[j] {
					t.Fatalf("%s %v [%d, %d] depth %d %+v: element (%d, %d) is %v, in float32 %v", form.name, kind, m, n, k, ec, i, j, got, same.Row(i)[j])
				}
				continue
			}
			sum, size := matMuls[form.product].product64(a, b, i, j, k)
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
				t.Fatalf("%v [%d, %d] depth %d %+v: element (%d, %d) is %v, want %v", kind, m, n, k, ec, i, j, got, sum)
			}
		}
	}
}

func TestMatMulStored(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		d := New(2)
		seed := uint64(0)
		for _, form := range storedForms {
			for _, kind := range narrow {
				for _, m := range []int{1, 2, 3, 4, 5, 7, 16, 17, 70} {
					for i, n := range []int{1, 2, 4, 7, 8, 23, 97} {
						for j, k := range []int{1, 63, 64, 65, 128, 200, 576} {
							checkStored(t, d, form, kind, m, n, k, epilogues[(i+j)%len(epilogues)], seed)
							seed++
						}
					}
				}
				checkStored(t, d, form, kind, 9, 5, 1100, epilogues[0], seed)
				checkStored(t, d, form, kind, 1, 1500, 130, epilogues[5], seed)
			}
		}
	})
}

// expand writes what compute's plain Go says, wherever a piece begins and ends.
func TestExpand(t *testing.T) {
	f := newField(1)
	for _, kind := range narrow {
		s := f.stored(t, 3, 300, kind)
		for k0 := 0; k0 < 300; k0 += 4 {
			for _, n := range []int{1, 8, 12, 40, 64, 72, 128, 200} {
				if k0+n > 300 {
					continue
				}
				got, want := make([]float32, 3*n), make([]float32, n)
				expand(got, s, k0, n)
				for i := range 3 {
					s.Part(want, i, k0)
					for j, v := range want {
						if got[i*n+j] != v {
							t.Fatalf("%v: columns [%d, %d): element (%d, %d) is %v, want %v", kind, k0, k0+n, i, j, got[i*n+j], v)
						}
					}
				}
			}
		}
	}
}

// Nothing but the depth of a product is 0.
func TestMatMulStoredOfNothing(t *testing.T) {
	d := New(2)
	for _, kind := range narrow {
		for _, form := range storedForms {
			dst := Mat{Rows: 1, Cols: 2, Stride: 2, Data: []float32{7, 8}}
			s := compute.NewStored(kind, 2, 0)
			if form.name == "NN" {
				s = compute.NewStored(kind, 0, 2)
			}
			form.stored(d, dst, Mat{Rows: 1}, s, compute.Epilogue{Bias: Mat{Rows: 1, Cols: 2, Stride: 2, Data: []float32{1, 2}}})
			if dst.Data[0] != 1 || dst.Data[1] != 2 {
				t.Errorf("%s %v: %v, want the bias", form.name, kind, dst.Data)
			}
			form.stored(d, Mat{}, Mat{Cols: 0}, compute.Stored{}, compute.Epilogue{})
		}
	}
}

func TestMatMulStoredThreads(t *testing.T) {
	f := newField(3)
	for _, kind := range narrow {
		for _, form := range storedForms {
			rows, cols := form.shape(500, 200)
			q := f.stored(t, rows, cols, kind)
			for _, m := range []int{1, 3, 8, 80} {
				a := f.dense(m, 200)
				want := compute.NewMat(m, 500)
				form.stored(New(1), want, a, q, compute.Epilogue{})
				for threads := 2; threads <= 4; threads++ {
					got := compute.NewMat(m, 500)
					form.stored(New(threads), got, a, q, compute.Epilogue{})
					for i, v := range want.Data {
						if got.Data[i] != v {
							t.Fatalf("%s %v: %d rows, %d threads: element %d is %v, on one thread %v", form.name, kind, m, threads, i, got.Data[i], v)
						}
					}
				}
			}
		}
	}
}

func TestMatMulStoredAllocates(t *testing.T) {
	f, d := newField(4), New(2)
	for _, kind := range narrow {
		for _, form := range storedForms {
			rows, cols := form.shape(300, 200)
			q := f.stored(t, rows, cols, kind)
			for _, m := range []int{1, 8, 40} {
				a, y := f.dense(m, 200), f.dense(m, 300)
				if n := testing.AllocsPerRun(20, func() { form.stored(d, y, a, q, compute.Epilogue{}) }); n > 0 {
					t.Errorf("%s %v: %d rows: %v allocations", form.name, kind, m, n)
				}
			}
		}
	}
}

// BenchmarkMatMulStored tells how much faster each is than float32, both at their best. The weights of 12 layers take
// turns, so that they come from memory.
func BenchmarkMatMulStored(b *testing.B) {
	for _, kind := range narrow {
		for _, form := range storedForms {
			for _, m := range []int{1, 8, 16, 64, 432} {
				for _, w := range [][2]int{{2304, 768}, {50257, 768}} {
					b.Run(fmt.Sprintf("%v/%s/%dx%d/M=%d", kind, form.name, w[0], w[1], m), func(b *testing.B) {
						benchStored(b, New(0), form, kind, m, w[0], w[1])
					})
				}
			}
		}
	}
}

func benchStored(b *testing.B, d *Device, form storedForm, kind compute.Storage, m, out, in int) {
	x, y := filled(m, in), filled(m, out)
	if form.name == "NN" {
		x, y = y, x
	}
	layers := 1 + 200<<20/(4*out*in)
	var w []Mat
	var stored []compute.Stored
	var bytes int64
	for range layers {
		f := filled(out, in)
		s, err := compute.Store(f, kind)
		if err != nil {
			b.Fatal(err)
		}
		w, stored, bytes = append(w, f), append(stored, s), bytes+s.Bytes()
	}
	float, narrow := time.Hour, time.Hour
	for b.Loop() {
		for range 3 {
			began := time.Now()
			for _, w := range w {
				form.floats(d, y, x, w, compute.Epilogue{})
			}
			float = min(float, time.Since(began))
			began = time.Now()
			for _, s := range stored {
				form.stored(d, y, x, s, compute.Epilogue{})
			}
			narrow = min(narrow, time.Since(began))
		}
	}
	b.ReportMetric(float.Seconds()/narrow.Seconds(), "times-float32")
	b.ReportMetric(4*float64(layers*out*in)/float.Seconds()/1e9, "float32-GB/s")
	b.ReportMetric(float64(bytes)/narrow.Seconds()/1e9, "stored-GB/s")
	b.ReportMetric(0, "ns/op")
}

func FuzzMatMulStored(f *testing.F) {
	f.Add(uint8(1), uint8(3), uint16(100), uint64(1), uint8(0), uint8(0))
	f.Add(uint8(20), uint8(30), uint16(300), uint64(2), uint8(5), uint8(4))
	d := New(2)
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, seed uint64, e, which uint8) {
		checkStored(t, d, storedForms[which%2], narrow[which/2%3], int(m%90)+1, int(n)+1, int(k%1200)+1, epilogues[int(e)%len(epilogues)], seed)
	})
}

// Assembly multiplies integers with the same bits in every width.
func TestInt8Dot4Bits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, blocks := range []int{1, 3, 24, 25} {
		q, x, scale := make([]byte, 4*64*blocks), make([]float32, 64*blocks), make([]float32, 4*blocks)
		for i := range q {
			q[i] = byte(rng.Uint32())
		}
		for i := range x {
			x[i] = rng.Float32() - 0.5
		}
		for i := range scale {
			scale[i] = rng.Float32()
		}
		var want []float32
		eachImplementation(t, func(t *testing.T) {
			if !simd {
				return
			}
			got := make([]float32, 4)
			int8Dot4(got, q, scale, x, blocks, 64*blocks)
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d blocks: %v, want %v", blocks, got, want)
			}
		})
	}
}
