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
	return ceil(x.k, x.kc) * ceil(x.kc, up(packRun, g.step))
}

// pack does one task of packing the shared operand.
func (g *gemm) pack(thread, task int) {
	x, w := &g.x, &g.work[thread]
	width := up(x.q, g.lanes)
	switch x.form {
	case formNT:
		q := task * g.lanes
		rows := x.b.RowSpan(q, min(q+g.lanes, x.q))
		for k0 := 0; k0 < x.k; k0 += x.kc {
			kc := min(x.kc, x.k-k0)
			g.packColumns(g.shared[k0*width+q*kc:][:kc*g.lanes], g.along(w, rows, k0, kc))
		}
		return
	case formNN:
		p, k := task%x.ptasks*x.pb, task/x.ptasks*x.kc
		kc := min(x.kc, x.k-k)
		rows, dst := x.a.RowSpan(p, min(p+x.pb, x.p)), g.shared[k*x.p+p*kc:]
		if g.inRows {
			g.roundAlong(Mat{Rows: rows.Rows, Cols: kc, Stride: kc, Data: dst}, rows, k)
		} else {
			g.packTallA(dst, g.along(w, rows, k, kc))
		}
		return
	}
	run := up(packRun, g.step)
	runs := ceil(x.kc, run)
	k0 := task / runs * x.kc
	kc := min(x.kc, x.k-k0)
	lo := min(task%runs*run, kc)
	hi := min(lo+run, kc)
	if lo < hi {
		g.panels(g.shared[k0*width:][lo*g.lanes:], x.b, k0+lo, hi-lo, 0, x.q, kc*g.lanes)
	}
}

// blockA returns A of depth [k0, k0+kc) and rows [p0, p1): tiles and a stride of 0, or rows that far apart.
func (g *gemm) blockA(w *scratch, k0, kc, p0, p1 int) (a []float32, stride int) {
	x, n := &g.x, (p1-p0)*kc
	var rows Mat
	switch {
	case x.form == formNN:
		a = g.shared[k0*x.p+p0*kc:][:n]
		if g.inRows {
			stride = kc
		}
		return a, stride
	case x.form == formTN && g.inRows:
		w.a = grow(w.a, n)
		g.transposeA(Mat{Rows: p1 - p0, Cols: kc, Stride: kc, Data: w.a}, g.down(w, x.a, k0, kc, p0, p1))
		return w.a, kc
	case x.form == formTN:
		w.a = grow(w.a, n)
		g.packFlatA(w.a, g.down(w, x.a, k0, kc, p0, p1))
		return w.a, 0
	case g.asWords(x.stored, k0+kc):
		rows = words(x.stored).RowSpan(p0, p1).Span(k0, k0+kc)
	case !x.stored.Empty():
		lo := g.elements(k0)
		rows = w.expand(x.stored.RowSpan(p0, p1), lo, min(g.elements(kc), x.b.Cols-lo))
		rows = g.along(w, rows, 0, kc)
		return rows.Data, rows.Stride
	default:
		rows = g.along(w, x.a.RowSpan(p0, p1), k0, kc)
	}
	if x.q < packLeast || g.inRows {
		return rows.Data, rows.Stride
	}
	w.a = grow(w.a, n)
	g.packTallA(w.a, rows)
	return w.a, 0
}

// packTallA makes tiles of rows of A, which run along the depth.
func (g *gemm) packTallA(dst []float32, rows Mat) {
	counts, p, kc := g.tiling(rows.Rows), 0, rows.Cols
	for i, h := range g.heights {
		if n := counts[i]; n > 0 {
			g.packTall(h, dst[p*kc:], rows.Data[p*rows.Stride:], kc, n, rows.Stride)
			p += n * h
		}
	}
}

// transposeA makes rows of A of words of Aᵀ, whose rows, a multiple of 8 of them, are the depth.
func (g *gemm) transposeA(dst, depth Mat) {
	fast := depth.Cols &^ 7
	for k := 0; k < depth.Rows; k += 8 {
		if fast > 0 {
			g.packCols(dst.Data[k:], depth.Data[k*depth.Stride:], fast, depth.Stride, dst.Stride)
		}
		for i := k; i < k+8; i++ {
			for j, v := range depth.Row(i)[fast:] {
				dst.Data[(fast+j)*dst.Stride+i] = v
			}
		}
	}
}

// packFlatA makes tiles of Aᵀ, whose rows are the depth.
func (g *gemm) packFlatA(dst []float32, depth Mat) {
	counts, p, kc := g.tiling(depth.Cols), 0, depth.Rows
	for i, h := range g.heights {
		if n := counts[i]; n > 0 {
			g.packTiles(h, dst[p*kc:], depth.Data[p:], kc, n, depth.Stride)
			p += n * h
		}
	}
}

// blockB returns the panels of B of depth [k0, k0+kc) and columns [q0, q1).
func (g *gemm) blockB(w *scratch, k0, kc, q0, q1 int) []float32 {
	width := up(q1-q0, g.lanes)
	if g.x.form != formNN {
		return g.shared[k0*up(g.x.q, g.lanes)+q0*kc:][:kc*width]
	}
	w.b = grow(w.b, g.x.kc*width)
	switch s, lo := g.x.stored, g.elements(k0); {
	case s.Empty():
		g.panels(w.b, g.x.b, k0, kc, q0, q1, kc*g.lanes)
	case g.zips(s):
		g.zipPanels(w.b, s.RowSpan(lo, min(lo+g.elements(kc), s.Rows)), kc, q0, q1)
	default:
		b := w.expand(s.RowSpan(lo, min(lo+g.elements(kc), s.Rows)), q0, q1-q0)
		g.panels(w.b, b, 0, kc, 0, b.Cols, kc*g.lanes)
	}
	return w.b[:kc*width]
}

// packPanels copies b, whose rows are the depth, into panels, which are panel elements apart.
func (g *gemm) packPanels(dst []float32, b Mat, panel int) {
	full := b.Cols / g.lanes
	if full > 0 {
		g.packRows(dst, b.Data, b.Rows, full, b.Stride, panel)
	}
	rest := full * g.lanes
	if rest == b.Cols {
		return
	}
	dst = dst[full*panel:]
	for i := range b.Rows {
		d := dst[i*g.lanes : (i+1)*g.lanes]
		clear(d[copy(d, b.Row(i)[rest:]):])
	}
}

// packColumns makes one panel of up to lanes rows of x, which run along the depth: dst [kc, lanes] is the transpose of
// x, with zeros in the lanes that have no row.
func (g *gemm) packColumns(dst []float32, x Mat) {
	for l := 0; l < g.lanes; l += 8 {
		fast := 0
		if l+8 <= x.Rows {
			if fast = x.Cols &^ 7; fast > 0 {
				g.packCols(dst[l:], x.Data[l*x.Stride:], fast, x.Stride, g.lanes)
			}
		}
		for i := l; i < l+8; i++ {
			if i >= x.Rows {
				for k := range x.Cols {
					dst[k*g.lanes+i] = 0
				}
				continue
			}
			for k, v := range x.Row(i)[fast:] {
				dst[(fast+k)*g.lanes+i] = v
			}
		}
	}
}
