package compute

import "math"

func (Ref) LayerNorm(dst, stat, x, w, b Mat, eps Float) {
	sameShape("LayerNorm", dst, x)
	for i := range x.Rows {
		r, y := x.Row(i), dst.Row(i)
		var mean, v Float
		for _, e := range r {
			mean += e
		}
		mean /= Float(len(r))
		for _, e := range r {
			v += (e - mean) * (e - mean)
		}
		rstd := Float(1 / math.Sqrt(float64(v/Float(len(r))+eps)))
		for j, e := range r {
			y[j] = (e-mean)*rstd*w.Data[j] + b.Data[j]
		}
		stat.Row(i)[0], stat.Row(i)[1] = mean, rstd
	}
}

// With n = (x−mean)/σ and g = dy·w, dx = (g − mean(g) − n·mean(g·n))/σ.
func (Ref) LayerNormBackward(dx, dw, db, dy, x, stat, w Mat) {
	sameShape("LayerNormBackward", dx, dy, x)
	for i := range x.Rows {
		r, d, out := x.Row(i), dy.Row(i), dx.Row(i)
		mean, rstd := stat.Row(i)[0], stat.Row(i)[1]
		var m1, m2 Float
		for j, e := range r {
			n, g := (e-mean)*rstd, Float(d[j]*w.Data[j])
			m1 += g
			m2 += g * n
			if !dw.Empty() {
				dw.Data[j] += d[j] * n
			}
			if !db.Empty() {
				db.Data[j] += d[j]
			}
		}
		m1 /= Float(x.Cols)
		m2 /= Float(x.Cols)
		for j, e := range r {
			n, g := (e-mean)*rstd, Float(d[j]*w.Data[j])
			out[j] += rstd * (g - m1 - n*m2)
		}
	}
}

func (Ref) RMSNorm(dst, rstd, x, w Mat, eps Float) {
	sameShape("RMSNorm", dst, x)
	for i := range x.Rows {
		r, y := x.Row(i), dst.Row(i)
		var v Float
		for _, e := range r {
			v += e * e
		}
		s := Float(1 / math.Sqrt(float64(v/Float(len(r))+eps)))
		for j, e := range r {
			y[j] = e * s * w.Data[j]
		}
		rstd.Row(i)[0] = s
	}
}

// As LayerNorm's, without the mean.
func (Ref) RMSNormBackward(dx, dw, dy, x, rstd, w Mat) {
	sameShape("RMSNormBackward", dx, dy, x)
	for i := range x.Rows {
		r, d, out := x.Row(i), dy.Row(i), dx.Row(i)
		s := rstd.Row(i)[0]
		var m2 Float
		for j, e := range r {
			n, g := e*s, d[j]*w.Data[j]
			m2 += g * n
			if !dw.Empty() {
				dw.Data[j] += d[j] * n
			}
		}
		m2 /= Float(x.Cols)
		for j, e := range r {
			out[j] += s * (d[j]*w.Data[j] - e*s*m2)
		}
	}
}

func (Ref) RoPE(x, table Mat, pos []int32)          { rotate(x, table, pos, 1) }
func (Ref) RoPEBackward(dx, table Mat, pos []int32) { rotate(dx, table, pos, -1) }

func rotate(x, table Mat, pos []int32, sign Float) {
	half := table.Cols / 2
	for i := range x.Rows {
		t := table.Row(int(pos[i]))
		cos, sin := t[:half], t[half:]
		for h := 0; h < x.Cols; h += 2 * half {
			r := x.Row(i)[h : h+2*half]
			for d := range half {
				u, v, s := r[d], r[d+half], sign*sin[d]
				r[d], r[d+half] = u*cos[d]-v*s, v*cos[d]+u*s
			}
		}
	}
}
