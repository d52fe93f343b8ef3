//go:build !f64

package cpu

import (
	"testing"
	"time"

	"github.com/hone-ml/hone/compute"
)

// The sizes are those of a step of GPT-2 124M on 16 sequences of 27 tokens.
const benchRows, benchC, benchF, benchV = 432, 768, 3072, 50257

// kernel measures one kernel: bytes is what it must move, elements what it computes.
func kernel(b *testing.B, name string, elements, bytes int, f func(d *Device)) {
	b.Run(name, func(b *testing.B) {
		d := New(0)
		f(d)
		b.ReportAllocs()
		b.SetBytes(int64(bytes))
		best := time.Hour // on a machine with other work, the mean says little
		for b.Loop() {
			start := time.Now()
			f(d)
			best = min(best, time.Since(start))
		}
		b.ReportMetric(float64(best.Nanoseconds())/float64(elements), "best-ns/elem")
		b.ReportMetric(float64(bytes)/float64(best.Nanoseconds()), "best-GB/s")
	})
}

// BenchmarkCopy is what the others' GB/s are to be compared with: memory to memory, and within the cache.
func BenchmarkCopy(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
	}{{"memory", 1 << 26}, {"cache", benchRows * benchF}} {
		x, y := make([]float32, c.n), make([]float32, c.n)
		kernel(b, c.name, c.n, 8*c.n, func(d *Device) {
			d.pool.each(c.n/grain, func(t int) { copy(y[t*grain:(t+1)*grain], x[t*grain:(t+1)*grain]) })
		})
	}
}

func BenchmarkKernels(b *testing.B) {
	f := newField(1)
	x, y, dy := f.dense(benchRows, benchC), f.dense(benchRows, benchC), f.dense(benchRows, benchC)
	n := benchRows * benchC
	w, bias, dw, db, stat := f.dense(1, benchC), f.dense(1, benchC), f.dense(1, benchC), f.dense(1, benchC), f.dense(benchRows, 2)
	rstd := f.dense(benchRows, 1)
	kernel(b, "Add", n, 12*n, func(d *Device) { d.Add(y, x, dy) })
	kernel(b, "ColSum", n, 4*n, func(d *Device) { d.ColSum(db, dy) })
	kernel(b, "LayerNorm", n, 8*n, func(d *Device) { d.LayerNorm(y, stat, x, w, bias, 1e-5) })
	kernel(b, "LayerNormBackward", n, 16*n, func(d *Device) { d.LayerNormBackward(y, dw, db, dy, x, stat, w) })
	kernel(b, "RMSNorm", n, 8*n, func(d *Device) { d.RMSNorm(y, rstd, x, w, 1e-5) })
	kernel(b, "RMSNormBackward", n, 16*n, func(d *Device) { d.RMSNormBackward(y, dw, dy, x, rstd, w) })
	kernel(b, "Dropout", n, 8*n, func(d *Device) { d.Dropout(y, x, 0.1, 1) })

	rows, table := make([]int32, benchRows), f.dense(benchV, benchC)
	for i := range rows {
		rows[i] = f.rng.Int32N(benchV)
	}
	kernel(b, "Gather", n, 8*n, func(d *Device) { d.Gather(y, table, rows) })
	kernel(b, "ScatterAdd", n, 12*n, func(d *Device) { d.ScatterAdd(table, x, rows) })
	angles, pos := f.dense(64, 64), make([]int32, benchRows)
	kernel(b, "RoPE", n, 8*n, func(d *Device) { d.RoPE(x, angles, pos) })

	u, v, dv := f.dense(benchRows, benchF), f.dense(benchRows, benchF), f.dense(benchRows, benchF)
	n = benchRows * benchF
	for name, fn := range actFuncs {
		kernel(b, "Act/"+name, n, 8*n, func(d *Device) { d.Act(v, u, fn) })
		kernel(b, "ActBackward/"+name, n, 12*n, func(d *Device) { d.ActBackward(dv, v, u, fn) })
	}
	kernel(b, "GLU/silu", n, 12*n, func(d *Device) { d.GLU(v, u, dv, compute.SiLU) })

	logits, loss, labels := f.dense(16, benchV), make([]float32, 16), make([]int32, 16)
	n = 16 * benchV
	kernel(b, "CrossEntropy", n, 4*n, func(d *Device) { d.CrossEntropy(loss, logits, labels, 0, 0) })
	kernel(b, "CrossEntropyGradient", n, 8*n, func(d *Device) { d.CrossEntropy(loss, logits, labels, 0, 1) })

	n = benchV * benchC
	g, m, s := f.dense(benchV, benchC), f.dense(benchV, benchC), compute.NewMat(benchV, benchC)
	o := compute.AdamW{LR: 1e-5, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: 10, GradScale: 1}
	kernel(b, "AdamW", n, 28*n, func(d *Device) { d.AdamW(table, g, m, s, o) })
	for name, bytes := range map[string]int{"bfloat16": 24, "8 bits": 16, "both": 12} {
		x := heldOf(1, n)[name]
		kernel(b, "AdamWHeld/"+name, n, bytes*n, func(d *Device) { d.AdamWHeld(x, g, 0, o) })
	}
	kernel(b, "SumSquares", n, 4*n, func(d *Device) { d.SumSquares(g) })
}

// BenchmarkAttention counts an element for each query, key and head: 2·D multiplications forward, 5·D back.
func BenchmarkAttention(b *testing.B) {
	short := make([]int, 16)
	for i := range short {
		short[i] = 27
	}
	for _, c := range []struct {
		name  string
		heads int
		lens  []int
	}{{"16x27", 12, short}, {"1x512", 2, []int{512}}, {"1x2048", 2, []int{2048}}} {
		h := layout(64, c.lens...)
		f := newField(2)
		rows := len(h.Pos)
		qkv, dqkv, y, dy, lse := f.dense(rows, 3*benchC), f.dense(rows, 3*benchC), f.dense(rows, benchC), f.dense(rows, benchC), f.dense(rows, 12)
		part := func(m Mat, p int) Mat { return m.Span(p*benchC, p*benchC+64*c.heads) }
		q, k, v := part(qkv, 0), part(qkv, 1), part(qkv, 2)
		y, dy, lse = part(y, 0), part(dy, 0), lse.Span(0, c.heads)
		dq, dk, dv := part(dqkv, 0), part(dqkv, 1), part(dqkv, 2)
		pairs := 0
		for _, n := range c.lens {
			pairs += c.heads * n * (n + 1) / 2
		}
		for _, drop := range []float32{0, 0.1} {
			if drop > 0 {
				c.name += "/dropout"
			}
			h.Dropout = drop
			kernel(b, c.name, pairs, 16*rows*64*c.heads, func(d *Device) { d.Attention(y, lse, q, k, v, h) })
			kernel(b, c.name+"/backward", pairs, 32*rows*64*c.heads, func(d *Device) { d.AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v, h) })
		}
	}
}
