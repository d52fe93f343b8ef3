package nn

import (
	"slices"

	"github.com/hone-ml/hone/compute"
)

// A factored gradient is never stored as a matrix: it is Pᵀ·H, of the few labelled rows that the head read, plus
// rows added to the tokens that the embedding looked up. Of a vocabulary of 50,000 and a step of 16 labels that is
// a hundredth of the memory. It is formed a block of rows at a time, where it is used.
type factored struct {
	cols int
	p, h rows    // [R, V], [R, C]
	dx   rows    // [N, C] gradients of looked-up rows
	ids  []int32 // [N] their tokens
	at   []int32 // indices of ids, by token
	part Mat     // one block
}

// rows is a matrix that grows.
type rows struct{ data []Float }

func (r *rows) add(m Mat) {
	for i := range m.Rows {
		r.data = append(r.data, m.Row(i)...)
	}
}

func (r *rows) mat(cols int) Mat {
	return Mat{Rows: len(r.data) / cols, Cols: cols, Stride: cols, Data: r.data}
}

// blockRows is how many rows of a factored gradient are formed at a time.
const blockRows = 512

func (f *factored) reset() {
	f.p.data, f.h.data, f.dx.data = f.p.data[:0], f.h.data[:0], f.dx.data[:0]
	f.ids, f.at = f.ids[:0], f.at[:0]
}

// form returns rows [lo, hi) of the gradient, valid until the next call.
func (f *factored) form(d compute.Device, vocab, lo, hi int) Mat {
	if f.part.Empty() {
		f.part = compute.NewMat(blockRows, f.cols)
	}
	g := f.part.RowSpan(0, hi-lo)
	if len(f.h.data) > 0 {
		d.MatMulTN(g, f.p.mat(vocab).Span(lo, hi), f.h.mat(f.cols), compute.Epilogue{})
	} else {
		g.Zero()
	}
	if len(f.at) != len(f.ids) {
		f.at = f.at[:0]
		for i := range f.ids {
			f.at = append(f.at, int32(i))
		}
		slices.SortStableFunc(f.at, func(a, b int32) int { return int(f.ids[a]) - int(f.ids[b]) })
	}
	first, _ := slices.BinarySearchFunc(f.at, lo, func(i int32, token int) int { return int(f.ids[i]) - token })
	dx := f.dx.mat(f.cols)
	for _, i := range f.at[first:] {
		token := int(f.ids[i])
		if token >= hi {
			break
		}
		dst := g.Row(token - lo)
		for j, v := range dx.Row(int(i)) {
			dst[j] += v
		}
	}
	return g
}
