//go:build !f64

package cpu

const (
	// packRun is how many rows packing TN copies in one task.
	packRun = 32
	// packLeast is the least number of rows of x for which NT packs W.
	packLeast = 64
)

// packs returns the number of tasks that pack the shared operand: panels of x for NT, blocks of dy for NN,
// runs of rows of x for TN.
func (g *gemm) packs() int {
	x := &g.x
	switch x.form {
	case formNT:
		return ceil(x.q, g.lanes)
	case formNN:
		return x.ptasks * ceil(x.k, x.kc)
	}
	return ceil(x.k, x.kc) * ceil(x.kc, packRun)
}

// pack does one task of packing the shared operand.
func (g *gemm) pack(_, task int) {
	x := &g.x
	width := up(x.q, g.lanes)
	switch x.form {
	case formNT:
		q := task * g.lanes
		rows := x.b.RowSpan(q, min(q+g.lanes, x.q))
		for k0 := 0; k0 < x.k; k0 += x.kc {
			kc := min(x.kc, x.k-k0)
			g.packColumns(g.shared[k0*width+q*kc:][:kc*g.lanes], rows, k0, kc)
		}
		return
	case formNN:
		p, k := task%x.ptasks*x.pb, task/x.ptasks*x.kc
		kc := min(x.kc, x.k-k)
		g.packA(g.shared[k*x.p+p*kc:], k, kc, p, min(p+x.pb, x.p))
		return
	}
	runs := ceil(x.kc, packRun)
	k0 := task / runs * x.kc
	kc := min(x.kc, x.k-k0)
	lo := min(task%runs*packRun, kc)
	hi := min(lo+packRun, kc)
	if lo < hi {
		g.packPanels(g.shared[k0*width:][lo*g.lanes:], k0+lo, hi-lo, 0, x.q, kc*g.lanes)
	}
}

// blockA returns the tiles of A of depth [k0, k0+kc) and rows [p0, p1), or nothing if they are used in place.
func (g *gemm) blockA(w *scratch, k0, kc, p0, p1 int) []float32 {
	n := (p1 - p0) * kc
	switch {
	case g.x.quant.Q != nil:
		w.a = grow(w.a, n)
		expand(w.a, g.x.quant.RowSpan(p0, p1), k0, kc)
		return w.a
	case g.x.form == formNN:
		return g.shared[k0*g.x.p+p0*kc:][:n]
	case g.x.form == formNT && g.x.q < packLeast:
		return nil
	}
	w.a = grow(w.a, n)
	g.packA(w.a, k0, kc, p0, p1)
	return w.a
}

// packA makes tiles of A of depth [k0, k0+kc) and rows [p0, p1).
func (g *gemm) packA(dst []float32, k0, kc, p0, p1 int) {
	x, p := &g.x, p0
	counts := g.tiling(p1 - p0)
	for i, h := range g.heights {
		n := counts[i]
		switch at := dst[(p-p0)*kc:]; {
		case n == 0:
		case x.form == formTN:
			g.packTiles(h, at, x.a.Data[k0*x.a.Stride+p:], kc, n, x.a.Stride)
		default:
			g.packTall(h, at, x.a.Data[p*x.a.Stride+k0:], kc, n, x.a.Stride)
		}
		p += n * h
	}
}

// blockB returns the panels of B of depth [k0, k0+kc) and columns [q0, q1).
func (g *gemm) blockB(w *scratch, k0, kc, q0, q1 int) []float32 {
	width := up(q1-q0, g.lanes)
	if g.x.form != formNN {
		return g.shared[k0*up(g.x.q, g.lanes)+q0*kc:][:kc*width]
	}
	w.b = grow(w.b, g.x.kc*width)
	g.packPanels(w.b, k0, kc, q0, q1, kc*g.lanes)
	return w.b[:kc*width]
}

// packPanels copies rows [k, k+n) and columns [q0, q1) of B into panels, which are panel elements apart.
func (g *gemm) packPanels(dst []float32, k, n, q0, q1, panel int) {
	b := g.x.b
	full := (q1 - q0) / g.lanes
	if full > 0 {
		g.packRows(dst, b.Data[k*b.Stride+q0:], n, full, b.Stride, panel)
	}
	rest := q0 + full*g.lanes
	if rest == q1 {
		return
	}
	dst = dst[full*panel:]
	for i := range n {
		d := dst[i*g.lanes : (i+1)*g.lanes]
		clear(d[copy(d, b.Row(k + i)[rest:q1]):])
	}
}

// packColumns makes one panel of up to lanes rows of x: dst [kc, lanes] is the transpose of x[:, k0:k0+kc],
// with zeros in the lanes that have no row.
func (g *gemm) packColumns(dst []float32, x Mat, k0, kc int) {
	for l := 0; l < g.lanes; l += 8 {
		fast := 0
		if l+8 <= x.Rows {
			if fast = kc &^ 7; fast > 0 {
				g.packCols(dst[l:], x.Data[l*x.Stride+k0:], fast, x.Stride, g.lanes)
			}
		}
		for i := l; i < l+8; i++ {
			if i >= x.Rows {
				for k := range kc {
					dst[k*g.lanes+i] = 0
				}
				continue
			}
			for k, v := range x.Row(i)[k0+fast : k0+kc] {
				dst[(fast+k)*g.lanes+i] = v
			}
		}
	}
}
