package compute

import "fmt"

// Ref is the reference Device: every kernel in plain Go, one thread, written to be read. The SIMD kernels
// are tested against it, and gradients are checked on it in float64.
type Ref struct{}

var _ Device = Ref{}

func (Ref) MatMulNT(dst, a, b Mat, e Epilogue) {
	CheckProduct("MatMulNT", dst, a.Rows, a.Cols, b.Cols, b.Rows, e)
	product(dst, a.Cols, e, func(i, k int) Float { return a.Data[i*a.Stride+k] },
		func(k, j int) Float { return b.Data[j*b.Stride+k] })
}

func (Ref) MatMulNN(dst, a, b Mat, e Epilogue) {
	CheckProduct("MatMulNN", dst, a.Rows, a.Cols, b.Rows, b.Cols, e)
	product(dst, a.Cols, e, func(i, k int) Float { return a.Data[i*a.Stride+k] },
		func(k, j int) Float { return b.Data[k*b.Stride+j] })
}

func (Ref) MatMulTN(dst, a, b Mat, e Epilogue) {
	CheckProduct("MatMulTN", dst, a.Cols, a.Rows, b.Rows, b.Cols, e)
	product(dst, a.Rows, e, func(i, k int) Float { return a.Data[k*a.Stride+i] },
		func(k, j int) Float { return b.Data[k*b.Stride+j] })
}

func product(dst Mat, depth int, e Epilogue, a, b func(i, j int) Float) {
	for i := range dst.Rows {
		for j := range dst.Cols {
			var s Float
			for k := range depth {
				s += a(i, k) * b(k, j)
			}
			s *= e.scale()
			if !e.Bias.Empty() {
				s += e.Bias.Data[j]
			}
			if !e.Add.Empty() {
				s += e.Add.Data[i*e.Add.Stride+j]
			}
			dst.Data[i*dst.Stride+j] = s
		}
	}
}

// CheckProduct panics unless an [m, ka]·[kb, n] product fits dst and its epilogue.
func CheckProduct(op string, dst Mat, m, ka, kb, n int, e Epilogue) {
	if ka != kb || dst.Rows != m || dst.Cols != n {
		panic(fmt.Sprintf("compute: %s: %v = [%d, %d]·[%d, %d]", op, dst, m, ka, kb, n))
	}
	if !e.Bias.Empty() && (e.Bias.Cols != n || e.Bias.Rows != 1) {
		panic(fmt.Sprintf("compute: %s: bias %v for %v", op, e.Bias, dst))
	}
	if !e.Add.Empty() {
		sameShape(op, dst, e.Add)
	}
}

func (Ref) Add(dst, a, b Mat) {
	sameShape("Add", dst, a, b)
	for i := range dst.Rows {
		d, x, y := dst.Row(i), a.Row(i), b.Row(i)
		for j := range d {
			d[j] = x[j] + y[j]
		}
	}
}

func (Ref) ColSum(db, dy Mat) {
	for i := range dy.Rows {
		for j, v := range dy.Row(i) {
			db.Data[j] += v
		}
	}
}

func (Ref) ScaleCols(dst, x, w Mat) {
	sameShape("ScaleCols", dst, x)
	for i := range dst.Rows {
		d, v := dst.Row(i), x.Row(i)
		for j := range d {
			d[j] = v[j] * w.Data[j]
		}
	}
}

func (Ref) ScaleColsBackward(dw, dy, x Mat) {
	sameShape("ScaleColsBackward", dy, x)
	for i := range dy.Rows {
		d, v := dy.Row(i), x.Row(i)
		for j := range d {
			dw.Data[j] += d[j] * v[j]
		}
	}
}

func (Ref) Gather(dst, src Mat, rows []int32) {
	for i, r := range rows {
		copy(dst.Row(i), src.Row(int(r)))
	}
}

func (Ref) ScatterAdd(dst, src Mat, rows []int32) {
	for i, r := range rows {
		d := dst.Row(int(r))
		for j, v := range src.Row(i) {
			d[j] += v
		}
	}
}
