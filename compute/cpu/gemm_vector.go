//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// vectorRun is how many rows of W a task of vectors reads: 48 rows of 768 are 150 KB, some 10 µs.
const vectorRun = 48

// vectors is NT for few rows of x: each row of W is read once, from memory, and multiplied with each row of
// x by dot products along both.
func (g *gemm) vectors(dst, x, w Mat, e compute.Epilogue) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.x = product{a: w, b: x, p: w.Rows, q: x.Rows, k: x.Cols, dst: dst, e: e, scale: e.Scale}
	if e.Scale == 0 {
		g.x.scale = 1
	}
	g.pool.eachOn(ceil(w.Rows, vectorRun), g.vectorsFunc)
	g.x = product{}
}

func (g *gemm) vectorTask(thread, task int) {
	x, s := &g.x, &g.work[thread]
	s.c = grow(s.c, 4)
	for p := task * vectorRun; p < min((task+1)*vectorRun, x.p); p += 4 {
		// The last rows once more, rather than a kernel for fewer than 4 of them.
		n, stride := min(4, x.p-p), x.a.Stride
		first := x.a.Data[p*stride:]
		if n < 4 {
			stride = 0
		}
		for i := range x.q {
			if n == 4 {
				g.dot4(s.c, first, x.b.Row(i), x.k, stride)
				for r, v := range s.c {
					x.finish(i, p+r, v)
				}
				continue
			}
			for r := range n {
				g.dot4(s.c, x.a.Data[(p+r)*x.a.Stride:], x.b.Row(i), x.k, 0)
				x.finish(i, p+r, s.c[0])
			}
		}
	}
}
