package compute

import (
	"fmt"
	"math"
)

// QuantBlock is how many elements of a row share a scale.
const QuantBlock = 64

// A Quant is a matrix of 8-bit integers with a scale for each block of 64 elements of a row: a weight for
// inference, in 1.06 bytes an element. It is ggml's Q8_0 with larger blocks and scales that aren't rounded. A
// block's largest element is ±127, so that no element is off by more than 1/254 of that (and rounding).
type Quant struct {
	Rows, Cols int
	Blocks     int     // of a row; the last is filled up with zeros
	Q          []int8  // [Rows, Blocks·64]
	Scale      []Float // [Rows, Blocks]
}

// NewQuant returns m rounded to 8 bits. NaN and infinite elements are errors.
func NewQuant(m Mat) (Quant, error) {
	blocks := (m.Cols + QuantBlock - 1) / QuantBlock
	q := Quant{m.Rows, m.Cols, blocks, make([]int8, m.Rows*blocks*QuantBlock), make([]Float, m.Rows*blocks)}
	for i := range m.Rows {
		row := m.Row(i)
		for b := range blocks {
			lo := b * QuantBlock
			part := row[lo:min(lo+QuantBlock, m.Cols)]
			scale, ok := quantize(q.Q[i*blocks*QuantBlock+lo:], part)
			if !ok {
				return Quant{}, fmt.Errorf("row %d has an element that is infinite or not a number", i)
			}
			q.Scale[i*blocks+b] = scale
		}
	}
	return q, nil
}

// quantize sets dst to x/scale, rounded, and reports whether x is finite.
func quantize(dst []int8, x []Float) (scale Float, ok bool) {
	var top Float
	for _, v := range x {
		top = max(top, v, -v)
	}
	if !(top <= math.MaxFloat32) {
		return 0, false
	}
	if scale = top / 127; scale < 0x1p-120 {
		return 0, true // its inverse would overflow
	}
	inverse := 1 / scale
	for i, v := range x {
		// A conversion truncates. It rounds to the nearest where nothing is negative.
		dst[i] = int8(int32(v*inverse+128.5) - 128)
	}
	return scale, true
}

// RowSpan returns the view q[lo:hi, :].
func (q Quant) RowSpan(lo, hi int) Quant {
	if lo < 0 || hi < lo || hi > q.Rows {
		panic(fmt.Sprintf("compute: rows [%d:%d) of %d×%d", lo, hi, q.Rows, q.Cols))
	}
	q.Rows, q.Q, q.Scale = hi-lo, q.Q[lo*q.Blocks*QuantBlock:hi*q.Blocks*QuantBlock], q.Scale[lo*q.Blocks:hi*q.Blocks]
	return q
}

// Row writes row i to dst [Cols].
func (q Quant) Row(dst []Float, i int) {
	for b := range q.Blocks {
		lo := b * QuantBlock
		part := dst[lo:min(lo+QuantBlock, q.Cols)]
		scale := q.Scale[i*q.Blocks+b]
		for j, v := range q.Q[i*q.Blocks*QuantBlock+lo:][:len(part)] {
			part[j] = Float(v) * scale
		}
	}
}

// Mat returns q as floats.
func (q Quant) Mat() Mat {
	m := NewMat(q.Rows, q.Cols)
	for i := range q.Rows {
		q.Row(m.Row(i), i)
	}
	return m
}

// Bytes returns the memory that q takes.
func (q Quant) Bytes() int64 { return int64(len(q.Q)) + 4*int64(len(q.Scale)) }

// MatMulQuant implements Device.
func (r Ref) MatMulQuant(dst, a Mat, b Quant, e Epilogue) { r.MatMulNT(dst, a, b.Mat(), e) }

// MatMulQuant implements Device.
func (c *Counter) MatMulQuant(dst, a Mat, b Quant, e Epilogue) { c.product(dst, a.Cols) }
