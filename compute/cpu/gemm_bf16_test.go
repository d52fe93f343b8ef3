//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// checkBF16 compares a product of rounded factors with the reference, bit by bit.
func checkBF16(t *testing.T, d *Device, p matMul, m, n, k int, ec epilogueCase, seed uint64) {
	t.Helper()
	f := newField(seed)
	ar, ac, br, bc := p.operands(m, n, k)
	gap := func() int { return f.rng.IntN(12) }
	a, b, dst, want := f.mat(ar, ac, gap()+1), f.mat(br, bc, gap()+1), f.mat(m, n, gap()+1), f.mat(m, n, 0)
	want.Copy(dst)
	e := compute.Epilogue{Scale: ec.scale}
	if ec.bias {
		e.Bias = f.mat(1, n, 3)
	}
	if ec.add {
		e.Add = f.mat(m, n, gap()+1)
	}
	ew := e
	if ec.acc {
		e.Add, ew.Add = dst, want
	}
	p.run(d, dst, a, b, e)
	f.check(t)
	if d.gemm.step > 1 {
		p.inSteps(want, a, b, k, 2*d.gemm.step, ew)
	} else {
		p.run(compute.RefBF16{}, want, a, b, ew)
	}
	equalMats(t, p.name, dst, want)
}

// inSteps is the product as AMX has it: of so many elements of the depth, those at even and at odd places are summed apart.
func (p matMul) inSteps(dst, a, b Mat, k, step int, e compute.Epilogue) {
	at := func(m Mat, depth, other int, along bool) float32 {
		if along {
			depth, other = other, depth
		}
		return compute.BF16(m.Row(depth)[other])
	}
	for i := range dst.Rows {
		for j := range dst.Cols {
			var v float32
			for lo := 0; lo < k; lo += step {
				var sum [2]float32
				for l := lo; l < min(lo+step, k); l++ {
					sum[l%2] += at(a, l, i, p.name != "TN") * at(b, l, j, p.name == "NT") // exact products
				}
				v += sum[0] + sum[1]
			}
			if e.Scale != 0 {
				v *= e.Scale
			}
			if !e.Bias.Empty() {
				v += e.Bias.Data[j]
			}
			if !e.Add.Empty() {
				v += e.Add.Row(i)[j]
			}
			dst.Row(i)[j] = v
		}
	}
}

func TestBF16Edges(t *testing.T) {
	more := append(edges, 47, 48, 49, 63, 64, 65)
	eachKernel(t, bf16Kernels, func(t *testing.T, device func(int) *Device) {
		rng := rand.New(rand.NewPCG(1, 2))
		d := device(2)
		for _, p := range matMuls {
			for i, m := range more {
				if p.name == "NT" && m <= fewRows {
					continue // those are float32
				}
				for j, n := range more {
					checkBF16(t, d, p, m, n, more[rng.IntN(len(more))], epilogues[(i+j)%len(epilogues)], uint64(i*100+j))
				}
			}
		}
	})
}

func TestBF16Blocks(t *testing.T) {
	shapes := [][3]int{{100, 40, 301}, {50, 250, 520}, {5, 600, 31}, {600, 5, 30}, {20, 20, 2101}}
	if testing.Short() {
		shapes = shapes[:2]
	}
	eachKernel(t, bf16Kernels, func(t *testing.T, device func(int) *Device) {
		d := device(3)
		for _, p := range matMuls {
			for i, s := range shapes {
				if p.name == "TN" && s[2] > reduction {
					s[2] = reduction - 1 // the reference doesn't sum in pieces
				}
				checkBF16(t, d, p, s[0], s[1], s[2], epilogues[i%len(epilogues)], uint64(i))
			}
		}
	})
}

// Few rows of the forward product are not rounded.
func TestBF16FewRows(t *testing.T) {
	d := New(2)
	f := newField(1)
	x, w, dst, want := f.mat(fewRows, 300, 1), f.mat(70, 300, 1), f.mat(fewRows, 70, 1), f.mat(fewRows, 70, 1)
	d.BF16().MatMulNT(dst, x, w, compute.Epilogue{})
	d.MatMulNT(want, x, w, compute.Epilogue{})
	equalMats(t, "NT", dst, want)
}

// A stored weight is rounded as its floats are, or is words already, whether its rows and columns are even or odd.
func TestBF16Stored(t *testing.T) {
	eachKernel(t, bf16Kernels, func(t *testing.T, device func(int) *Device) {
		d, f := device(2), newField(1)
		for _, s := range [][3]int{{37, 70, 333}, {37, 71, 334}, {70, 33, 96}, {8, 129, 608}, {65, 600, 30}} {
			m, n, k := s[0], s[1], s[2]
			x, dy, y, dx, want, dwant := f.dense(m, k), f.dense(m, n), f.dense(m, n), f.dense(m, k), f.dense(m, n), f.dense(m, k)
			for _, kind := range []compute.Storage{compute.BFloat16, compute.Int8} {
				w, err := compute.Store(f.dense(n, k), kind)
				if err != nil {
					t.Fatal(err)
				}
				if m > int8Rows || kind != compute.Int8 { // fewer multiply integers
					d.MatMulNTStored(y, x, w, compute.Epilogue{})
					d.MatMulNT(want, x, w.Mat(), compute.Epilogue{})
					equalMats(t, fmt.Sprintf("NT %v %v", s, kind), y, want)
				}
				d.MatMulNNStored(dx, dy, w, compute.Epilogue{})
				d.MatMulNN(dwant, dy, w.Mat(), compute.Epilogue{})
				equalMats(t, fmt.Sprintf("NN %v %v", s, kind), dx, dwant)
			}
		}
	})
}

// Every kind of number is rounded as compute.BF16 has it.
func TestBF16Rounding(t *testing.T) {
	bits := []uint32{0, 1, 0x007fffff, 0x00800000, 0x3f800000, 0x3f807fff, 0x3f808000, 0x3f808001, 0x3f818000, 0x3f818001,
		0x7f7f7fff, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		bits = append(bits, rng.Uint32()>>1)
	}
	for _, sign := range []uint32{0, 1 << 31} {
		for _, b := range bits {
			x := math.Float32frombits(b | sign)
			want := math.Float32bits(compute.BF16(x))
			for _, k := range bf16Kernels {
				src := Mat{Rows: 1, Cols: 1, Stride: 1, Data: []float32{x}}
				along, down := compute.NewMat(1, 1), compute.NewMat(1, 1)
				k.rounding.along(along, src)
				k.rounding.down(down, src)
				for _, got := range []uint32{math.Float32bits(along.Data[0]), math.Float32bits(down.Data[0])} {
					if k.rounding.elements == 2 {
						got <<= 16
					}
					if got != want {
						t.Fatalf("%s: %08x becomes %08x, want %08x", k.name, b|sign, got, want)
					}
				}
			}
		}
	}
}

func FuzzMatMulBF16(f *testing.F) {
	f.Add(uint8(0), uint8(5), uint8(7), uint16(9), uint8(1), uint8(2), uint64(1))
	f.Add(uint8(1), uint8(17), uint8(33), uint16(300), uint8(4), uint8(1), uint64(2))
	f.Add(uint8(2), uint8(100), uint8(20), uint16(1023), uint8(5), uint8(3), uint64(3))
	f.Fuzz(func(t *testing.T, product, m, n uint8, k uint16, e, threads uint8, seed uint64) {
		p := matMuls[product%3]
		if p.name == "NT" && m <= fewRows {
			m += fewRows + 1
		}
		for _, kernel := range bf16Kernels {
			d := newDevice(int(threads)%4+1, kernel)
			checkBF16(t, d, p, int(m), int(n), int(k)%reduction+1, epilogues[int(e)%len(epilogues)], seed)
		}
	})
}

// The trial finds what the processor is known for: AMX is many times as fast, rounding alone isn't faster at all.
func TestFastBF16(t *testing.T) {
	k := &bf16Kernels[0]
	if k.name == "amx bf16" && !FastBF16() {
		t.Error("AMX isn't taken to be faster than float32")
	}
	if k.rounding.elements == 1 && FastBF16() {
		t.Error("float32 with rounded factors is taken to be faster than without")
	}
	t.Logf("%s has %.2f times the speed of %s", k.name, k.speed()/gemmKernels[0].speed(), gemmKernels[0].name)
}
