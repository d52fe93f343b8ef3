//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// A matMul is one of the three products of a device.
type matMul struct {
	name string
	run  func(d compute.Device, dst, a, b Mat, e compute.Epilogue)
	// operands returns the shapes of a and b, given that dst is [m, n].
	operands func(m, n, k int) (ar, ac, br, bc int)
}

var matMuls = []matMul{
	{"NT", compute.Device.MatMulNT, func(m, n, k int) (int, int, int, int) { return m, k, n, k }},
	{"NN", compute.Device.MatMulNN, func(m, n, k int) (int, int, int, int) { return m, k, k, n }},
	{"TN", compute.Device.MatMulTN, func(m, n, k int) (int, int, int, int) { return k, m, k, n }},
}

// eachGEMM runs f with every implementation that the machine has, each with some numbers of threads.
func eachGEMM(t *testing.T, f func(t *testing.T, device func(threads int) *Device)) {
	eachKernel(t, gemmKernels, f)
}

func eachKernel(t *testing.T, kernels []gemmKernel, f func(t *testing.T, device func(threads int) *Device)) {
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) { f(t, func(threads int) *Device { return newDevice(threads, k) }) })
	}
}

func newDevice(threads int, k gemmKernel) *Device {
	d := New(threads)
	d.gemm = newGEMM(&d.pool, k)
	d.gemm.few = nil // so that k computes all products
	return d
}

// product64 is the product in float64, and the sum of its terms' magnitudes, which bounds the rounding.
func (p matMul) product64(a, b Mat, i, j, k int) (sum, size float64) {
	for l := range k {
		var x, y float32
		switch p.name {
		case "NT":
			x, y = a.Row(i)[l], b.Row(j)[l]
		case "NN":
			x, y = a.Row(i)[l], b.Row(l)[j]
		case "TN":
			x, y = a.Row(l)[i], b.Row(l)[j]
		}
		sum += float64(x) * float64(y)
		size += math.Abs(float64(x) * float64(y))
	}
	return sum, size
}

// An epilogueCase says which parts of an epilogue a test has.
type epilogueCase struct {
	scale          float32
	bias, add, acc bool // acc: add is dst itself
}

var epilogues = []epilogueCase{{}, {scale: 0.5}, {bias: true}, {add: true}, {acc: true}, {-2, true, true, false}}

// checkProduct compares one product on d with float64 and looks for writes outside of dst.
func checkProduct(t *testing.T, d *Device, p matMul, m, n, k int, ec epilogueCase, seed uint64) {
	t.Helper()
	f := newField(seed)
	ar, ac, br, bc := p.operands(m, n, k)
	gap := func() int { return f.rng.IntN(12) }
	a, b, dst := f.mat(ar, ac, gap()+1), f.mat(br, bc, gap()+1), f.mat(m, n, gap()+1)
	e := compute.Epilogue{Scale: ec.scale}
	if ec.bias {
		e.Bias = f.mat(1, n, 3)
	}
	if ec.add {
		e.Add = f.mat(m, n, gap()+1)
	}
	before := Mat{Rows: m, Cols: n, Stride: n, Data: make([]float32, m*n)}
	if before.Copy(dst); ec.acc {
		e.Add = dst
	} else {
		for i := range m {
			for j := range n {
				dst.Row(i)[j] = float32(math.NaN())
			}
		}
	}
	p.run(d, dst, a, b, e)
	f.check(t)
	scale := float64(ec.scale)
	if scale == 0 {
		scale = 1
	}
	for i := range m {
		for j := range n {
			sum, size := p.product64(a, b, i, j, k)
			want, size := sum*scale, size*math.Abs(scale)
			if ec.bias {
				want, size = want+float64(e.Bias.Data[j]), size+math.Abs(float64(e.Bias.Data[j]))
			}
			if ec.add || ec.acc {
				v := before.Row(i)[j]
				if ec.add {
					v = e.Add.Row(i)[j]
				}
				want, size = want+float64(v), size+math.Abs(float64(v))
			}
			const eps = 0x1p-24
			if got := float64(dst.Row(i)[j]); !(math.Abs(got-want) <= float64(k+4)*eps*size) {
				t.Fatalf("%s [%d, %d] depth %d %+v: element (%d, %d) is %v, want %v", p.name, m, n, k, ec, i, j, got, want)
			}
		}
	}
}

// The edges of tiles and panels, then one at random.
var edges = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40}

func TestMatMulEdges(t *testing.T) {
	eachGEMM(t, func(t *testing.T, device func(int) *Device) {
		rng := rand.New(rand.NewPCG(1, 2))
		d := device(2)
		for _, p := range matMuls {
			for i, m := range edges {
				for j, n := range edges {
					k := edges[rng.IntN(len(edges))]
					checkProduct(t, d, p, m, n, k, epilogues[(i+j)%len(epilogues)], uint64(i*100+j))
				}
			}
		}
	})
}

func TestMatMulBlocks(t *testing.T) {
	// Several blocks in each dimension, and several pieces of a reduction.
	shapes := [][3]int{{100, 40, 300}, {50, 250, 520}, {5, 1100, 30}, {1100, 5, 30}, {400, 100, 64}, {20, 20, 2100}}
	if testing.Short() {
		shapes = shapes[:2]
	}
	eachGEMM(t, func(t *testing.T, device func(int) *Device) {
		d := device(3)
		for _, p := range matMuls {
			for i, s := range shapes {
				checkProduct(t, d, p, s[0], s[1], s[2], epilogues[i%len(epilogues)], uint64(i))
			}
		}
	})
}

func TestMatMulEmpty(t *testing.T) {
	d := New(2)
	bias, add := compute.NewMat(1, 3), compute.NewMat(2, 3)
	bias.Data[1], add.Data[5] = 5, 7
	for _, p := range matMuls {
		ar, ac, br, bc := p.operands(2, 3, 0)
		dst := compute.NewMat(2, 3)
		dst.Data[0] = float32(math.NaN())
		p.run(d, dst, compute.NewMat(ar, ac), compute.NewMat(br, bc), compute.Epilogue{Bias: bias, Add: add})
		if got, want := fmt.Sprint(dst.Data), "[0 5 0 0 5 7]"; got != want {
			t.Errorf("%s of depth 0: %s, want %s", p.name, got, want)
		}
		ar, ac, br, bc = p.operands(0, 3, 4)
		p.run(d, compute.NewMat(0, 3), compute.NewMat(ar, ac), compute.NewMat(br, bc), compute.Epilogue{})
		ar, ac, br, bc = p.operands(3, 0, 4)
		p.run(d, compute.NewMat(3, 0), compute.NewMat(ar, ac), compute.NewMat(br, bc), compute.Epilogue{})
	}
}

func TestMatMulShapes(t *testing.T) {
	for _, p := range matMuls {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", p.name)
				}
			}()
			p.run(New(1), compute.NewMat(2, 3), compute.NewMat(5, 4), compute.NewMat(3, 4), compute.Epilogue{})
		}()
	}
}

// The number of threads changes how the work is cut, and must not change a bit.
func TestMatMulThreads(t *testing.T) {
	eachKernel(t, slices.Concat(gemmKernels, bf16Kernels), func(t *testing.T, device func(int) *Device) {
		ds := []*Device{device(1), device(2), device(3), device(16)}
		for _, p := range matMuls {
			for i, s := range [][3]int{{3, 200, 700}, {29, 130, 300}, {130, 29, 1100}, {70, 300, 65}} {
				f := newField(uint64(i))
				ar, ac, br, bc := p.operands(s[0], s[1], s[2])
				a, b, dst, want := f.mat(ar, ac, 1), f.mat(br, bc, 2), f.mat(s[0], s[1], 3), f.mat(s[0], s[1], 0)
				p.run(ds[0], want, a, b, compute.Epilogue{})
				for _, d := range ds[1:] {
					p.run(d, dst, a, b, compute.Epilogue{})
					equalMats(t, fmt.Sprintf("%s %v on %d threads", p.name, s, d.Threads()), dst, want)
				}
			}
		}
	})
}

// A row of a batch must have the bits that it has in any other batch.
func TestMatMulRowAlone(t *testing.T) {
	eachKernel(t, slices.Concat(gemmKernels, bf16Kernels), func(t *testing.T, device func(int) *Device) {
		d := device(2)
		const rows, n, k = 37, 53, 291
		for _, p := range matMuls[:2] {
			least := 1
			if p.name == "NT" {
				least = fewRows + 1
			}
			f := newField(3)
			_, _, br, bc := p.operands(rows, n, k)
			a, b, bias, all := f.mat(rows, k, 1), f.mat(br, bc, 2), f.mat(1, n, 0), f.mat(rows, n, 3)
			p.run(d, all, a, b, compute.Epilogue{Scale: 3, Bias: bias})
			for lo := 0; lo+least <= rows; lo += 3 {
				hi := min(lo+least+lo%7, rows)
				some := f.mat(hi-lo, n, 1)
				p.run(d, some, a.RowSpan(lo, hi), b, compute.Epilogue{Scale: 3, Bias: bias})
				equalMats(t, fmt.Sprintf("%s rows [%d:%d)", p.name, lo, hi), some, all.RowSpan(lo, hi))
			}
		}
	})
}

func equalMats(t *testing.T, what string, got, want Mat) {
	t.Helper()
	for i := range want.Rows {
		for j, v := range want.Row(i) {
			if math.Float32bits(got.Row(i)[j]) != math.Float32bits(v) {
				t.Fatalf("%s: element (%d, %d) is %v, want %v", what, i, j, got.Row(i)[j], v)
			}
		}
	}
}

func TestMatMulAllocations(t *testing.T) {
	d := New(2)
	x, w, y, dw := compute.NewMat(40, 100), compute.NewMat(300, 100), compute.NewMat(40, 300), compute.NewMat(300, 100)
	all := func() {
		d.MatMulNT(y, x, w, compute.Epilogue{})
		d.MatMulNN(x, y, w, compute.Epilogue{})
		d.MatMulTN(dw, y, x, compute.Epilogue{Add: dw})
		d.MatMulNT(y.RowSpan(0, 1), x.RowSpan(0, 1), w, compute.Epilogue{})
	}
	for range 50 { // either thread may meet its largest task late
		all()
	}
	if n := testing.AllocsPerRun(20, all); n > 0 {
		t.Errorf("%v allocations a round", n)
	}
}

func FuzzMatMul(f *testing.F) {
	f.Add(uint8(0), uint8(5), uint8(7), uint16(9), uint8(1), uint8(2), uint64(1))
	f.Add(uint8(1), uint8(17), uint8(33), uint16(300), uint8(4), uint8(1), uint64(2))
	f.Add(uint8(2), uint8(100), uint8(20), uint16(1030), uint8(5), uint8(3), uint64(3))
	f.Fuzz(func(t *testing.T, product, m, n uint8, k uint16, e, threads uint8, seed uint64) {
		for _, kernel := range gemmKernels {
			d := newDevice(int(threads)%4+1, kernel)
			checkProduct(t, d, matMuls[product%3], int(m), int(n), int(k)%1100+1, epilogues[int(e)%len(epilogues)], seed)
		}
	})
}
