//go:build !f64

package cpu

import "math"

// normArgs are the arguments of a norm or its backward; stat is what the forward kept of each row.
type normArgs struct {
	dst, dy, x, stat, w, b Mat
	eps                    float32
	sums                   *sums // of dw and db
}

var layerNormRow = newRowKernel(func(a *normArgs, i int) {
	if simd && a.x.Cols > 0 {
		layerNorm(a.dst.Row(i), a.stat.Row(i), a.x.Row(i), a.w.Data, a.b.Data, a.eps)
		return
	}
	ref.LayerNorm(row(a.dst, i), row(a.stat, i), row(a.x, i), a.w, a.b, a.eps)
})

// LayerNorm implements [compute.Device].
func (d *Device) LayerNorm(dst, stat, x, w, b Mat, eps float32) {
	same("LayerNorm", dst, x)
	same("LayerNorm", w, b)
	layerNormRow.rows(d, x.Rows, x.Cols, normArgs{dst: dst, x: x, stat: stat, w: w, b: b, eps: eps})
}

var layerNormBackwardPart = newRowKernel(func(a *normArgs, p int) {
	sum, lo, hi := a.sums.part(p, a.x.Rows)
	for i := lo; i < hi; i++ {
		s := a.stat.Row(i)
		normBackward(a.dst.Row(i), a.dy.Row(i), a.x.Row(i), a.w.Data, s[0], s[1], true)
		if len(sum) > 0 {
			addProduct(sum[:a.x.Cols], a.dy.Row(i), a.x.Row(i), s[0], s[1])
			add(sum[a.x.Cols:], sum[a.x.Cols:], a.dy.Row(i))
		}
	}
})

// LayerNormBackward implements [compute.Device].
func (d *Device) LayerNormBackward(dx, dw, db, dy, x, stat, w Mat) {
	same("LayerNormBackward", dx, x)
	same("LayerNormBackward", dy, x)
	width := x.Cols * 2
	if dw.Empty() && db.Empty() {
		width = 0
	}
	sums := newSums(width)
	layerNormBackwardPart.each(d, parts, normArgs{dst: dx, dy: dy, x: x, stat: stat, w: w, sums: sums})
	if !dw.Empty() {
		sums.fold(d, dw.Row(0), 0)
	}
	if !db.Empty() {
		sums.fold(d, db.Row(0), x.Cols)
	}
	spareSums.Put(sums)
}

var rmsNormRow = newRowKernel(func(a *normArgs, i int) {
	if simd && a.x.Cols > 0 {
		a.stat.Row(i)[0] = rmsNorm(a.dst.Row(i), a.x.Row(i), a.w.Data, a.eps)
		return
	}
	ref.RMSNorm(row(a.dst, i), row(a.stat, i), row(a.x, i), a.w, a.eps)
})

// RMSNorm implements [compute.Device].
func (d *Device) RMSNorm(dst, rstd, x, w Mat, eps float32) {
	same("RMSNorm", dst, x)
	rmsNormRow.rows(d, x.Rows, x.Cols, normArgs{dst: dst, x: x, stat: rstd, w: w, eps: eps})
}

var rmsNormBackwardPart = newRowKernel(func(a *normArgs, p int) {
	sum, lo, hi := a.sums.part(p, a.x.Rows)
	for i := lo; i < hi; i++ {
		s := a.stat.Row(i)[0]
		normBackward(a.dst.Row(i), a.dy.Row(i), a.x.Row(i), a.w.Data, 0, s, false)
		if len(sum) > 0 {
			addProduct(sum, a.dy.Row(i), a.x.Row(i), 0, s)
		}
	}
})

// RMSNormBackward implements [compute.Device].
func (d *Device) RMSNormBackward(dx, dw, dy, x, rstd, w Mat) {
	same("RMSNormBackward", dx, x)
	same("RMSNormBackward", dy, x)
	width := x.Cols
	if dw.Empty() {
		width = 0
	}
	sums := newSums(width)
	rmsNormBackwardPart.each(d, parts, normArgs{dst: dx, dy: dy, x: x, stat: rstd, w: w, sums: sums})
	if !dw.Empty() {
		sums.fold(d, dw.Row(0), 0)
	}
	spareSums.Put(sums)
}

// layerNorm is LayerNorm of one row.
func layerNorm(dst, stat, x, w, b []float32, eps float32) {
	n := len(x)
	_, _, _ = dst[n-1], w[n-1], b[n-1]
	mean := sumSIMD(&x[0], n) / float32(n)
	rstd := rsqrt(varianceSIMD(&x[0], n, mean)/float32(n) + eps)
	normaliseSIMD(&dst[0], &x[0], &w[0], &b[0], n, mean, rstd)
	stat[0], stat[1] = mean, rstd
}

// rmsNorm is RMSNorm of one row, and returns 1/rms.
func rmsNorm(dst, x, w []float32, eps float32) float32 {
	n := len(x)
	_, _ = dst[n-1], w[n-1]
	rstd := rsqrt(varianceSIMD(&x[0], n, 0)/float32(n) + eps)
	rmsSIMD(&dst[0], &x[0], &w[0], n, rstd)
	return rstd
}

func rsqrt(x float32) float32 { return float32(1 / math.Sqrt(float64(x))) }

// normBackward adds the gradient of one row to dx: with n = (x−mean)·rstd and g = dy·w it is
// (g − mean(g) − n·mean(g·n))·rstd, without mean(g) for RMSNorm, which is not centred.
func normBackward(dx, dy, x, w []float32, mean, rstd float32, centred bool) {
	n := len(x)
	dx, dy, w = dx[:n], dy[:n], w[:n]
	m1, m2 := normSums(dy, x, w, mean, rstd)
	m1, m2 = m1/float32(n), m2/float32(n)
	if !centred {
		m1 = 0
	}
	if simd && n > 0 {
		normBackwardSIMD(&dx[0], &dy[0], &x[0], &w[0], n, mean, rstd, m1, m2)
		return
	}
	for j, e := range x {
		dx[j] += rstd * (float32(dy[j]*w[j]) - m1 - (e-mean)*rstd*m2)
	}
}

// normSums returns Σg and Σg·n.
func normSums(dy, x, w []float32, mean, rstd float32) (m1, m2 float32) {
	if simd && len(x) > 0 {
		return normSumsSIMD(&dy[0], &x[0], &w[0], len(x), mean, rstd)
	}
	for j, e := range x {
		g := float32(dy[j] * w[j])
		m1 += g
		m2 += g * ((e - mean) * rstd)
	}
	return m1, m2
}

// addProduct is dw += dy·(x−mean)·rstd.
func addProduct(dw, dy, x []float32, mean, rstd float32) {
	dy, x = dy[:len(dw)], x[:len(dw)]
	if simd && len(dw) > 0 {
		addProductSIMD(&dw[0], &dy[0], &x[0], len(dw), mean, rstd)
		return
	}
	for j, g := range dy {
		dw[j] += g * ((x[j] - mean) * rstd)
	}
}
