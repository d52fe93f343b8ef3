//go:build !f64

package cpu

import "math"

// LayerNorm implements [compute.Device].
func (d *Device) LayerNorm(dst, stat, x, w, b Mat, eps float32) {
	same("LayerNorm", dst, x)
	same("LayerNorm", w, b)
	d.rows(x.Rows, x.Cols, func(i int) {
		if avx2 && x.Cols > 0 {
			layerNorm(dst.Row(i), stat.Row(i), x.Row(i), w.Data, b.Data, eps)
			return
		}
		ref.LayerNorm(row(dst, i), row(stat, i), row(x, i), w, b, eps)
	})
}

// LayerNormBackward implements [compute.Device]. dx is a matter of rows, dw and db of columns.
func (d *Device) LayerNormBackward(dx, dw, db, dy, x, stat, w Mat) {
	same("LayerNormBackward", dx, x)
	same("LayerNormBackward", dy, x)
	d.rows(x.Rows, x.Cols, func(i int) {
		if s := stat.Row(i); avx2 && x.Cols > 0 {
			normBackward(dx.Row(i), dy.Row(i), x.Row(i), w.Data, s[0], s[1], true)
			return
		}
		ref.LayerNormBackward(row(dx, i), Mat{}, Mat{}, row(dy, i), row(x, i), row(stat, i), w)
	})
	if !dw.Empty() {
		d.blocks(x.Cols, func(lo, hi int) {
			sum := dw.Data[lo:hi]
			for i := range x.Rows {
				s := stat.Row(i)
				addProduct(sum, dy.Row(i)[lo:hi], x.Row(i)[lo:hi], s[0], s[1])
			}
		})
	}
	if !db.Empty() {
		d.ColSum(db, dy)
	}
}

// RMSNorm implements [compute.Device].
func (d *Device) RMSNorm(dst, rstd, x, w Mat, eps float32) {
	same("RMSNorm", dst, x)
	d.rows(x.Rows, x.Cols, func(i int) {
		if avx2 && x.Cols > 0 {
			rstd.Row(i)[0] = rmsNorm(dst.Row(i), x.Row(i), w.Data, eps)
			return
		}
		ref.RMSNorm(row(dst, i), row(rstd, i), row(x, i), w, eps)
	})
}

// RMSNormBackward implements [compute.Device].
func (d *Device) RMSNormBackward(dx, dw, dy, x, rstd, w Mat) {
	same("RMSNormBackward", dx, x)
	same("RMSNormBackward", dy, x)
	d.rows(x.Rows, x.Cols, func(i int) {
		if avx2 && x.Cols > 0 {
			normBackward(dx.Row(i), dy.Row(i), x.Row(i), w.Data, 0, rstd.Row(i)[0], false)
			return
		}
		ref.RMSNormBackward(row(dx, i), Mat{}, row(dy, i), row(x, i), row(rstd, i), w)
	})
	if !dw.Empty() {
		d.blocks(x.Cols, func(lo, hi int) {
			sum := dw.Data[lo:hi]
			for i := range x.Rows {
				addProduct(sum, dy.Row(i)[lo:hi], x.Row(i)[lo:hi], 0, rstd.Row(i)[0])
			}
		})
	}
}

// layerNorm is LayerNorm of one row.
func layerNorm(dst, stat, x, w, b []float32, eps float32) {
	n := len(x)
	_, _, _ = dst[n-1], w[n-1], b[n-1]
	mean := sumAVX2(&x[0], n) / float32(n)
	rstd := rsqrt(varianceAVX2(&x[0], n, mean)/float32(n) + eps)
	normaliseAVX2(&dst[0], &x[0], &w[0], &b[0], n, mean, rstd)
	stat[0], stat[1] = mean, rstd
}

// rmsNorm is RMSNorm of one row, and returns 1/rms.
func rmsNorm(dst, x, w []float32, eps float32) float32 {
	n := len(x)
	_, _ = dst[n-1], w[n-1]
	rstd := rsqrt(varianceAVX2(&x[0], n, 0)/float32(n) + eps)
	rmsAVX2(&dst[0], &x[0], &w[0], n, rstd)
	return rstd
}

func rsqrt(x float32) float32 { return float32(1 / math.Sqrt(float64(x))) }

// normBackward is the gradient of one row; of RMSNorm, which has no mean, if centred is false.
func normBackward(dx, dy, x, w []float32, mean, rstd float32, centred bool) {
	n := len(x)
	_, _, _ = dx[n-1], dy[n-1], w[n-1]
	m1, m2 := normSumsAVX2(&dy[0], &x[0], &w[0], n, mean, rstd)
	if !centred {
		m1 = 0
	}
	normBackwardAVX2(&dx[0], &dy[0], &x[0], &w[0], n, mean, rstd, m1/float32(n), m2/float32(n))
}

// addProduct is dw += dy·(x−mean)·rstd.
func addProduct(dw, dy, x []float32, mean, rstd float32) {
	dy, x = dy[:len(dw)], x[:len(dw)]
	if avx2 && len(dw) > 0 {
		addProductAVX2(&dw[0], &dy[0], &x[0], len(dw), mean, rstd)
		return
	}
	for j, g := range dy {
		dw[j] += g * ((x[j] - mean) * rstd)
	}
}
