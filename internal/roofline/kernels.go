//go:build !f64

package roofline

import (
	"fmt"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/compute/cpu"
)

// The weights [N, K] of GPT-2 124M: attention's and the MLP's two each, and the head.
var weights = []struct {
	name string
	n, k int
}{{"qkv", 2304, 768}, {"out", 768, 768}, {"up", 3072, 768}, {"down", 768, 3072}, {"head", 50257, 768}}

// A turn cuts matrices out of a vector one after the other, so that they come from memory.
type turn struct {
	v  []float32
	at int
}

func (t *turn) next(rows, cols int) compute.Mat {
	if t.at+rows*cols > len(t.v) {
		t.at = 0
	}
	m := compute.Mat{Rows: rows, Cols: cols, Stride: cols, Data: t.v[t.at : t.at+rows*cols]}
	t.at += rows * cols
	return m
}

// A precision is a way to multiply.
type precision struct {
	name string // after that of a measurement
	d    compute.Device
}

// precisions returns float32 and, where the processor multiplies it faster, bfloat16. The peak that both are compared with is
// float32's.
func (b *bench) precisions() []precision {
	ps := []precision{{"", b.d}}
	if cpu.FastBF16() {
		ps = append(ps, precision{", bf16", b.d.BF16()})
	}
	return ps
}

// products measures the three products and that with integers, for decoding, labels, a batch and a large one.
func (b *bench) products() {
	sizes := []int{1, 16, 432, 4096}
	if b.quick || b.small {
		sizes = sizes[:3]
	}
	v := b.stream.Vectors()
	w, dw := turn{v: v[0]}, turn{v: v[2]}
	for i, s := range weights {
		if b.quick && i > 0 && s.name != "head" || s.n*s.k > len(v[0]) {
			continue
		}
		whole, err := compute.Store((&turn{v: v[0]}).next(len(v[0])/s.k, s.k), compute.Int8)
		if err != nil {
			panic(err) // the vectors hold ones
		}
		at := 0
		for _, m := range sizes {
			if s.name == "head" && (m > 16 || b.quick && m > 1) {
				break // logits are for labels only
			}
			x, y := filled(m, s.k), filled(m, s.n)
			flops, inputs, outputs, weight := 2*float64(m)*float64(s.n)*float64(s.k), float64(4*m*s.k), float64(4*m*s.n), float64(4*s.n*s.k)
			name := func(form string) string { return fmt.Sprintf("%s %s M=%d", form, s.name, m) }
			for _, p := range b.precisions() {
				if p.name != "" && m == 1 {
					continue // rounding is for products that arithmetic bounds
				}
				b.measure(Products, name("NT")+p.name, cost{flops, weight + inputs, outputs}, func() {
					p.d.MatMulNT(y, x, w.next(s.n, s.k), compute.Epilogue{})
				})
				b.measure(Products, name("NN")+p.name, cost{flops, weight + outputs, inputs}, func() {
					p.d.MatMulNN(x, y, w.next(s.n, s.k), compute.Epilogue{})
				})
				b.measure(Products, name("TN")+p.name, cost{flops, inputs + outputs, weight}, func() {
					p.d.MatMulTN(dw.next(s.n, s.k), y, x, compute.Epilogue{})
				})
			}
			b.measure(Products, name("int8"), cost{flops, weight/4*(1+4./compute.StoredBlock) + inputs, outputs}, func() {
				if at+s.n > whole.Rows {
					at = 0
				}
				b.d.MatMulNTStored(y, x, whole.RowSpan(at, at+s.n), compute.Epilogue{})
				at += s.n
			})
		}
	}
}

// attention measures 12 heads of 64, on a batch of short sequences and on long ones.
func (b *bench) attention() {
	const heads, dim = 12, 64
	for _, c := range []struct{ sequences, length int }{{16, 27}, {1, 512}, {1, 2048}} {
		if (b.quick || b.small) && c.length > 512 {
			break
		}
		rows := c.sequences * c.length
		h := layout(c.sequences, c.length, dim)
		q, k, v, y, lse := filled(rows, heads*dim), filled(rows, heads*dim), filled(rows, heads*dim), filled(rows, heads*dim), filled(rows, heads)
		dq, dk, dv, dy := filled(rows, heads*dim), filled(rows, heads*dim), filled(rows, heads*dim), filled(rows, heads*dim)
		pairs := float64(c.sequences) * heads * float64(c.length*(c.length+1)/2)
		name := fmt.Sprintf("%d×%d tokens", c.sequences, c.length)
		b.measure(Attention, name, cost{flops: 4 * dim * pairs}, func() { b.d.Attention(y, lse, q, k, v, h) })
		b.measure(Attention, name+", backward", cost{flops: 10 * dim * pairs}, func() {
			b.d.AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v, h)
		})
	}
}

// layout is so many sequences of one length, end to end.
func layout(sequences, length, dim int) compute.Heads {
	h := compute.Heads{Dim: dim, Scale: 0.125, Q: []int32{0}}
	for s := range sequences {
		h.K, h.Q = append(h.K, int32(s*length)), append(h.Q, int32((s+1)*length))
		for i := range length {
			h.Pos = append(h.Pos, int32(i))
		}
	}
	return h
}

// rows measures the kernels that memory bounds, on matrices that no cache holds.
func (b *bench) rows() {
	const c, f, vocab = 768, 3072, 50257
	v := b.stream.Vectors()
	mat := func(i, rows, cols int) compute.Mat { return (&turn{v: v[i]}).next(rows, cols) }
	// size is the cost of reading and writing so many floats of each of n elements.
	size := func(n, reads, writes int) cost { return cost{0, float64(4 * n * reads), float64(4 * n * writes)} }
	n := b.scaled(16384)
	x, y, stat, w, bias := mat(0, n, c), mat(2, n, c), filled(n, 2), filled(1, c), filled(1, c)
	b.measure(Rows, "LayerNorm", size(n*c, 1, 1), func() { b.d.LayerNorm(y, stat, x, w, bias, 1e-5) })
	tall := b.scaled(8192)
	u, z := mat(0, tall, f), mat(2, tall, f)
	b.measure(Rows, "GELU", size(tall*f, 1, 1), func() { b.d.Act(z, u, compute.GELUTanh) })
	labels := b.scaled(256)
	logits, loss, targets := mat(1, labels, vocab), make([]float32, labels), make([]int32, labels)
	b.measure(Rows, "CrossEntropy", size(labels*vocab, 1, 0), func() { b.d.CrossEntropy(loss, logits, targets, 0, 0) })
	p, m, s, g := mat(0, n, c), mat(1, n, c), mat(2, n, c), filled(n, c)
	clear(v[2]) // a second moment is not negative
	o := compute.AdamW{LR: 1e-5, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: 1, GradScale: 1}
	b.measure(Rows, "AdamW", size(n*c, 4, 3), func() { b.d.AdamW(p, g, m, s, o) })
}

// filled returns a matrix of small numbers.
func filled(rows, cols int) compute.Mat {
	m := compute.NewMat(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(i%7)/8 - 0.375
	}
	return m
}
