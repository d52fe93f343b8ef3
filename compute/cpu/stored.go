//go:build !f64

package cpu

import "github.com/hone-ml/hone/compute"

// A stored weight is expanded block by block, by the task that uses the block, where it would pack a W of float32. So
// a product is that of the expanded W, bit by bit, and the memory for it is that of a block for each thread.

// MatMulNTStored implements compute.Device. It equals MatMulNT with b.Mat() bit by bit, but for Int8 and up to 16 rows of
// a: these multiply integers as they come from memory, and the bits of a row depend on its own data alone as long as there
// are always more than 2 rows, or never.
func (d *Device) MatMulNTStored(dst, a Mat, b compute.Stored, e compute.Epilogue) {
	checkShapes("MatMulNTStored", dst, a.Rows, a.Cols, b.Cols, b.Rows, e)
	w := product{stored: b, p: b.Rows, e: e}
	switch {
	case d.gemm.trivial(dst, a.Cols, e):
	case b.Type == compute.Int8 && a.Rows <= int8Rows:
		d.gemm.int8Vectors(dst, a, b, e)
	case a.Rows <= fewRows:
		d.gemm.vectors(dst, a, w)
	default:
		d.gemm.multiplyNT(dst, a, w)
	}
}

// MatMulNNStored implements compute.Device. It equals MatMulNN with b.Mat() bit by bit.
func (d *Device) MatMulNNStored(dst, a Mat, b compute.Stored, e compute.Epilogue) {
	checkShapes("MatMulNNStored", dst, a.Rows, a.Cols, b.Rows, b.Cols, e)
	if !d.gemm.trivial(dst, a.Cols, e) {
		d.gemm.of(formNN, a.Rows).multiplyNN(dst, a, product{stored: b, q: b.Cols, e: e})
	}
}

// expand returns columns [k0, k0+n) of s as floats, in the thread's memory.
func (w *scratch) expand(s compute.Stored, k0, n int) Mat {
	w.e = grow(w.e, s.Rows*n)
	expand(w.e, s, k0, n)
	return Mat{Rows: s.Rows, Cols: n, Stride: n, Data: w.e}
}

// expand writes columns [k0, k0+n) of w to dst, row by row without gaps.
func expand(dst []float32, w compute.Stored, k0, n int) {
	if w.Rows == 0 || simd && n%8 == 0 && k0%8 == 0 && expandSIMD(dst, w, k0, n) {
		return
	}
	for p := range w.Rows {
		w.Part(dst[p*n:(p+1)*n], p, k0)
	}
}
