//go:build !f64

package cpu

// LayerNorm implements [compute.Device].
func (d *Device) LayerNorm(dst, stat, x, w, b Mat, eps float32) {
	same("LayerNorm", dst, x)
	same("LayerNorm", w, b)
	d.rows(x.Rows, x.Cols, func(i int) { ref.LayerNorm(row(dst, i), row(stat, i), row(x, i), w, b, eps) })
}

// LayerNormBackward implements [compute.Device]. dx is a matter of rows, dw and db of columns.
func (d *Device) LayerNormBackward(dx, dw, db, dy, x, stat, w Mat) {
	same("LayerNormBackward", dx, x)
	same("LayerNormBackward", dy, x)
	d.rows(x.Rows, x.Cols, func(i int) {
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
	d.rows(x.Rows, x.Cols, func(i int) { ref.RMSNorm(row(dst, i), row(rstd, i), row(x, i), w, eps) })
}

// RMSNormBackward implements [compute.Device].
func (d *Device) RMSNormBackward(dx, dw, dy, x, rstd, w Mat) {
	same("RMSNormBackward", dx, x)
	same("RMSNormBackward", dy, x)
	d.rows(x.Rows, x.Cols, func(i int) {
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

// addProduct is dw += dy·(x−mean)·rstd.
func addProduct(dw, dy, x []float32, mean, rstd float32) {
	dy, x = dy[:len(dw)], x[:len(dw)]
	for j, g := range dy {
		dw[j] += g * ((x[j] - mean) * rstd)
	}
}
