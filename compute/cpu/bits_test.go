//go:build (amd64 || arm64) && !purego && !f64

package cpu

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// A digester draws matrices and takes the digest of what kernels made of them. Its numbers are multiples of a
// power of two, which no processor rounds.
type digester struct {
	rng *rand.Rand
	sum uint32
}

// mat returns a rows×cols matrix of numbers from −4 to 4.
func (d *digester) mat(rows, cols int) Mat {
	m := compute.NewMat(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(int32(d.rng.Uint32())>>8) * 0x1p-21
	}
	return m
}

func (d *digester) add(ms ...Mat) {
	for _, m := range ms {
		for i := range m.Rows {
			for _, v := range m.Row(i) {
				d.sum = crc32.Update(d.sum, crc32.IEEETable, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
			}
		}
	}
}

// TestBits: assembly gives the same bits on every processor, so that a run can be repeated on another one; products do but for
// those of AMX. Who
// changes the order of a kernel's sums changes it for all processors, and the digest here.
func TestBits(t *testing.T) {
	eachImplementation(t, testBits)
}

func testBits(t *testing.T) {
	if !simd {
		t.Skip("the digests are those of assembly; plain Go rounds differently")
	}
	chain := slices.IndexFunc(gemmKernels, func(k gemmKernel) bool { return k.rounding == nil })
	dev := newDevice(2, gemmKernels[chain])
	products := func(p matMul) func(d *digester) {
		return func(d *digester) {
			for _, s := range [][3]int{{1, 21, 77}, {3, 70, 40}, {23, 19, 300}, {70, 40, 64}, {37, 53, 1030}} {
				m, n, k := s[0], s[1], s[2]
				ar, ac, br, bc := p.operands(m, n, k)
				dst := d.mat(m, n)
				p.run(dev, dst, d.mat(ar, ac), d.mat(br, bc), compute.Epilogue{Scale: 0.3, Bias: d.mat(1, n), Add: dst})
				d.add(dst)
			}
		}
	}
	// rows calls f for rows of all lengths that end differently.
	rows := func(f func(d *digester, n int)) func(d *digester) {
		return func(d *digester) {
			for n := 1; n < 70; n++ {
				f(d, n)
			}
		}
	}
	activation := func(fn ActFunc) func(d *digester) {
		return rows(func(d *digester, n int) {
			x, y, dx := d.mat(2, n), d.mat(2, n), d.mat(2, n)
			dev.Act(y, x, fn)
			dev.ActBackward(dx, y, x, fn)
			d.add(y, dx)
		})
	}
	for _, c := range []struct {
		name string
		want uint32
		run  func(d *digester)
	}{
		{"NT", 0xfea31cf6, products(matMuls[0])},
		{"NN", 0xdb1870fa, products(matMuls[1])},
		{"TN", 0x0d995f3f, products(matMuls[2])},
		{"GELU tanh", 0xdf721fa4, activation(compute.GELUTanh)},
		{"GELU", 0xdcb525ba, activation(compute.GELU)},
		{"SiLU", 0x1dad5af3, activation(compute.SiLU)},
		{"LayerNorm", 0xfafdfc2a, rows(func(d *digester, n int) {
			x, y, w, dx, dw, stat := d.mat(3, n), d.mat(3, n), d.mat(1, n), d.mat(3, n), d.mat(1, n), d.mat(3, 2)
			dev.LayerNorm(y, stat, x, w, d.mat(1, n), 1e-5)
			dev.LayerNormBackward(dx, dw, Mat{}, y, x, stat, w)
			d.add(y, stat, dx, dw)
		})},
		{"RMSNorm", 0x1c8861f5, rows(func(d *digester, n int) {
			x, y, w, dx, dw, rstd := d.mat(3, n), d.mat(3, n), d.mat(1, n), d.mat(3, n), d.mat(1, n), d.mat(3, 1)
			dev.RMSNorm(y, rstd, x, w, 1e-6)
			dev.RMSNormBackward(dx, dw, y, x, rstd, w)
			d.add(y, rstd, dx, dw)
		})},
		{"rotate", 0xda414245, rows(func(d *digester, n int) {
			u, v := d.mat(1, n), d.mat(1, n)
			rotate(u.Data, v.Data, d.mat(1, n).Data, d.mat(1, n).Data, -1)
			d.add(u, v)
		})},
		{"softmax", 0x728468fd, rows(func(d *digester, n int) {
			x, dp := d.mat(1, n), d.mat(1, n)
			sum := expSum(x.Data, x.Data, maximum(x.Data))
			scale(x.Data, 1/sum)
			softmaxBackward(dp.Data, x.Data, 0.3, 0.125)
			d.add(x, dp)
		})},
		{"attention", 0xae9cec02, func(d *digester) {
			h := Heads{Dim: 64, Scale: 0.125, Q: []int32{0, 90}, K: []int32{0}, Dropout: 0.1, Key: 7}
			for i := range int32(90) {
				h.Pos = append(h.Pos, i)
			}
			q, k, v, y, lse := d.mat(90, 128), d.mat(90, 64), d.mat(90, 64), d.mat(90, 128), d.mat(90, 2)
			dq, dk, dv := d.mat(90, 128), d.mat(90, 64), d.mat(90, 64)
			dev.Attention(y, lse, q, k, v, h)
			dev.AttentionBackward(dq, dk, dv, d.mat(90, 128), y, lse, q, k, v, h)
			d.add(y, lse, dq, dk, dv)
		}},
		{"Dropout", 0xe4bfe124, rows(func(d *digester, n int) {
			x := d.mat(2, n)
			dev.Dropout(x, x, 0.3, 77<<33)
			d.add(x)
		})},
		{"AdamW", 0xab226d9b, rows(func(d *digester, n int) {
			w, m, v := d.mat(1, n), d.mat(1, n), compute.NewMat(1, n)
			for step := 1; step < 4; step++ {
				dev.AdamW(w, d.mat(1, n), m, v, compute.AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
					WeightDecay: 0.01, Step: step, GradScale: 0.7})
			}
			d.add(w, m, v, flat([]float32{float32(dev.SumSquares(w))}))
		})},
	} {
		d := &digester{rng: rand.New(rand.NewPCG(1, 2))}
		if c.run(d); d.sum != c.want {
			t.Errorf("%s: digest 0x%08x, want 0x%08x", c.name, d.sum, c.want)
		}
	}
}
