package compute

import "math"

// Value returns f(x) and f'(x).
func (f ActFunc) Value(x float64) (y, dy float64) {
	switch f {
	case GELUTanh:
		const a, b = 0.7978845608028654, 0.044715 // √(2/π)
		t := math.Tanh(a * (x + b*x*x*x))
		return 0.5 * x * (1 + t), 0.5*(1+t) + 0.5*x*(1-t*t)*a*(1+3*b*x*x)
	case GELU:
		cdf := 0.5 * (1 + math.Erf(x/math.Sqrt2))
		return x * cdf, cdf + x*math.Exp(-0.5*x*x)/math.Sqrt(2*math.Pi)
	case SiLU:
		s := 1 / (1 + math.Exp(-x))
		return x * s, s * (1 + x*(1-s))
	case ReLU:
		if x > 0 {
			return x, 1
		}
		return 0, 0
	}
	panic("compute: no such activation")
}

func (Ref) Act(dst, x Mat, f ActFunc) {
	sameShape("Act", dst, x)
	for i := range x.Rows {
		d := dst.Row(i)
		for j, e := range x.Row(i) {
			y, _ := f.Value(float64(e))
			d[j] = Float(y)
		}
	}
}

func (Ref) ActBackward(dst, dy, x Mat, f ActFunc) {
	sameShape("ActBackward", dst, dy, x)
	for i := range x.Rows {
		d, g := dst.Row(i), dy.Row(i)
		for j, e := range x.Row(i) {
			_, df := f.Value(float64(e))
			d[j] = g[j] * Float(df)
		}
	}
}

func (Ref) GLU(dst, gate, up Mat, f ActFunc) {
	sameShape("GLU", dst, gate, up)
	for i := range gate.Rows {
		d, u := dst.Row(i), up.Row(i)
		for j, e := range gate.Row(i) {
			y, _ := f.Value(float64(e))
			d[j] = Float(y) * u[j]
		}
	}
}

func (Ref) GLUBackward(dgate, dup, dy, gate, up Mat, f ActFunc) {
	sameShape("GLUBackward", dgate, dup, dy, gate, up)
	for i := range gate.Rows {
		dg, du, d, u := dgate.Row(i), dup.Row(i), dy.Row(i), up.Row(i)
		for j, e := range gate.Row(i) {
			y, df := f.Value(float64(e))
			g := d[j]
			dg[j], du[j] = g*u[j]*Float(df), g*Float(y)
		}
	}
}

func (Ref) Dropout(dst, x Mat, p Float, key uint64) {
	sameShape("Dropout", dst, x)
	m := NewMask(p, key)
	for i := range x.Rows {
		m.Apply(dst.Row(i), x.Row(i), i, 0, 0)
	}
}
