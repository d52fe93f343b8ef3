//go:build !f64

package cpu

// vectorRun is how many rows of W a task of vectors reads: 48 rows of 768 are 150 KB, some 10 µs.
const vectorRun = 48

// vectors is NT for few rows of x: each row of W is read once, from memory, and multiplied with each row of
// x by dot products along both.
func (g *gemm) vectors(dst, x Mat, w product) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.x = product{a: w.a, stored: w.stored, b: x, p: w.p, q: x.Rows, k: x.Cols, dst: dst, e: w.e, scale: w.e.Scale}
	if w.e.Scale == 0 {
		g.x.scale = 1
	}
	g.pool.eachOn(ceil(w.p, vectorRun), g.vectorsFunc)
	g.x = product{}
}

func (g *gemm) vectorTask(thread, task int) {
	x, s := &g.x, &g.work[thread]
	s.c = grow(s.c, 4)
	for p := task * vectorRun; p < min((task+1)*vectorRun, x.p); p += 4 {
		// The last rows once more, rather than a kernel for fewer than 4 of them.
		n := min(4, x.p-p)
		rows, stride := g.rowsOfW(s, p, n)
		for i := range x.q {
			if n == 4 {
				g.dot4(s.c, rows, x.b.Row(i), x.k, stride)
				for r, v := range s.c {
					x.finish(i, p+r, v)
				}
				continue
			}
			for r := range n {
				g.dot4(s.c, rows[r*stride:], x.b.Row(i), x.k, 0)
				x.finish(i, p+r, s.c[0])
			}
		}
	}
}

// rowsOfW returns the rows [p, p+n) of W, which are stride apart; expanded in the thread's memory if W is stored.
func (g *gemm) rowsOfW(s *scratch, p, n int) (rows []float32, stride int) {
	x := &g.x
	if x.stored.Empty() {
		return x.a.Data[p*x.a.Stride:], x.a.Stride
	}
	m := s.expand(x.stored.RowSpan(p, p+n), 0, x.k)
	return m.Data, m.Stride
}
