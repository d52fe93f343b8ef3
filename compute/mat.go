// Package compute holds matrices, the arena they live in, the Device interface that kernels implement, and
// Ref, the plain-Go reference of every kernel.
//
// Two rules hold for every kernel. The destination comes first and is overwritten unless the comment says
// that it is added to. Shapes that don't fit are bugs of the caller and panic with both shapes.
package compute

import "fmt"

// A Mat is a dense row-major matrix. Rows are tokens nearly everywhere. The zero Mat is empty and stands
// for "absent" where a kernel allows it.
type Mat struct {
	Rows, Cols int
	Stride     int // elements from one row to the next, at least Cols
	Data       []Float
}

// NewMat allocates a zeroed rows×cols matrix.
func NewMat(rows, cols int) Mat {
	return Mat{rows, cols, cols, memory(rows * cols)}
}

// Row returns row i, sharing memory.
func (m Mat) Row(i int) []Float { return m.Data[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols] }

// Empty reports whether m is absent.
func (m Mat) Empty() bool { return m.Data == nil }

// Span returns the view m[:, lo:hi].
func (m Mat) Span(lo, hi int) Mat {
	if lo < 0 || hi < lo || hi > m.Cols {
		panic(fmt.Sprintf("compute: columns [%d:%d) of %v", lo, hi, m))
	}
	return Mat{m.Rows, hi - lo, m.Stride, m.Data[min(lo, len(m.Data)):]}
}

// RowSpan returns the view m[lo:hi, :].
func (m Mat) RowSpan(lo, hi int) Mat {
	if lo < 0 || hi < lo || hi > m.Rows {
		panic(fmt.Sprintf("compute: rows [%d:%d) of %v", lo, hi, m))
	}
	return Mat{hi - lo, m.Cols, m.Stride, m.Data[min(lo*m.Stride, len(m.Data)):]}
}

// Dense reports whether the rows of m lie end to end, so that Flat may be used.
func (m Mat) Dense() bool { return m.Stride == m.Cols || m.Rows <= 1 }

// Flat returns all elements of a dense matrix as one slice, sharing memory.
func (m Mat) Flat() []Float {
	if !m.Dense() {
		panic(fmt.Sprintf("compute: %v is not dense", m))
	}
	return m.Data[:m.Rows*m.Cols]
}

// Zero clears m.
func (m Mat) Zero() {
	if m.Dense() {
		clear(m.Flat())
		return
	}
	for i := range m.Rows {
		clear(m.Row(i))
	}
}

// Copy copies src, of the same shape, into m.
func (m Mat) Copy(src Mat) {
	sameShape("Copy", m, src)
	for i := range m.Rows {
		copy(m.Row(i), src.Row(i))
	}
}

// String gives the shape, as errors need it.
func (m Mat) String() string { return fmt.Sprintf("[%d, %d]", m.Rows, m.Cols) }

// sameShape panics unless all matrices have the shape of the first. It is written so that nothing escapes to the
// heap on the good path.
func sameShape(op string, first Mat, others ...Mat) {
	for _, m := range others {
		if m.Rows != first.Rows || m.Cols != first.Cols {
			panic("compute: " + op + ": shapes " + first.String() + " and " + m.String())
		}
	}
}
