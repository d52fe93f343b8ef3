//go:build !f64

package cpu

// store writes the panels c of C, rows [p0, p1) and columns [q0, q1), to dst through the epilogue.
func (g *gemm) store(c []float32, p0, p1, q0, q1 int) {
	if q0 == q1 {
		return
	}
	x, panel := &g.x, (p1-p0)*g.lanes
	full := (q1 - q0) / g.lanes
	rest := q0 + full*g.lanes
	for p := p0; p < p1; p++ {
		row := c[(p-p0)*g.lanes:]
		if full > 0 {
			g.storeRow(x.dst.Row(p)[q0:], row, x.bias(q0), x.add(p, q0), full, panel, x.scale)
		}
		for q := rest; q < q1; q++ {
			x.finish(p, q, row[full*panel+q-rest])
		}
	}
}

// storeTransposed is store for C with rows and columns [q, p] of dst.
func (g *gemm) storeTransposed(c []float32, p0, p1, q0, q1 int) {
	x, rows := &g.x, p1-p0
	for q, wide := q0, 0; q < q1; q += 8 { // wide: rows of these 8 columns that are stored already
		panel := c[(q-q0)/g.lanes*rows*g.lanes:][(q-q0)%g.lanes:]
		r := wide
		if wide = 0; r == 0 && g.storeCols16 != nil && q+16 <= q1 {
			wide = rows &^ 15
			g.storeColumns(g.storeCols16, panel, q, p0, 0, wide)
			r = wide
		}
		if q+8 <= q1 {
			fast := (rows - r) &^ 7
			g.storeColumns(g.storeCols, panel, q, p0, r, fast)
			r += fast
		}
		for i := q; i < min(q+8, q1); i++ {
			for r := r; r < rows; r++ {
				x.finish(i, p0+r, panel[r*g.lanes+i-q])
			}
		}
	}
}

// storeColumns stores n rows of a panel of C from row r on, 8 or 16 columns of it.
func (g *gemm) storeColumns(store storeFunc, panel []float32, q, p0, r, n int) {
	if x := &g.x; n > 0 {
		store(x.dst.Data[q*x.dst.Stride+p0+r:], panel[r*g.lanes:], x.bias(p0+r), x.add(q, p0+r), n, g.lanes, x.dst.Stride, x.e.Add.Stride, x.scale)
	}
}

// bias returns the bias from column j on, nil if there is none.
func (x *product) bias(j int) []float32 {
	if x.e.Bias.Empty() {
		return nil
	}
	return x.e.Bias.Data[j:]
}

// add returns what is added from row i, column j on, nil if there is nothing.
func (x *product) add(i, j int) []float32 {
	if x.e.Add.Empty() {
		return nil
	}
	return x.e.Add.Data[i*x.e.Add.Stride+j:]
}

// finish stores one element. The conversion keeps processors with fused multiply-add from rounding
// differently here than in the vector kernels.
func (x *product) finish(i, j int, v float32) {
	v = float32(v * x.scale)
	if !x.e.Bias.Empty() {
		v += x.e.Bias.Data[j]
	}
	if !x.e.Add.Empty() {
		v += x.e.Add.Data[i*x.e.Add.Stride+j]
	}
	x.dst.Data[i*x.dst.Stride+j] = v
}
