package nn

import "github.com/hone-ml/hone/compute"

// Storage returns how w is held.
func (w *Param) Storage() compute.Storage {
	if w.Stored == nil {
		return compute.Float32
	}
	return w.Stored.Type
}

// Bytes returns the memory that w takes.
func (w *Param) Bytes() int64 {
	if w.Stored != nil {
		return w.Stored.Bytes()
	}
	return 4 * int64(w.W.Rows) * int64(w.W.Cols)
}

// Floats returns the elements of w, whichever way they are held: w.W itself, or a copy.
func (w *Param) Floats() Mat {
	if w.Stored != nil {
		return w.Stored.Mat()
	}
	return w.W
}

// Row returns row i of w. Where w is stored it is written to room [Cols], which may be nil otherwise.
func (w *Param) Row(room []Float, i int) []Float {
	if w.Stored == nil {
		return w.W.Row(i)
	}
	w.Stored.Row(room, i)
	return room[:w.W.Cols]
}

// product is dst = x·wᵀ + e for the rows [lo, hi) of w.
func (w *Param) product(p *Pass, dst, x Mat, lo, hi int, e compute.Epilogue) {
	if w.Stored != nil {
		p.MatMulNTStored(dst, x, w.Stored.RowSpan(lo, hi), e)
		return
	}
	p.MatMulNT(dst, x, w.W.RowSpan(lo, hi), e)
}

// inputGrad is dx = dy·w + e for the rows [lo, hi) of w.
func (w *Param) inputGrad(p *Pass, dx, dy Mat, lo, hi int, e compute.Epilogue) {
	if w.Stored != nil {
		p.MatMulNNStored(dx, dy, w.Stored.RowSpan(lo, hi), e)
		return
	}
	p.MatMulNN(dx, dy, w.W.RowSpan(lo, hi), e)
}

// Gather copies rows of w, the embeddings of tokens: dst[i] = w[rows[i]].
func (w *Param) Gather(p *Pass, dst Mat, rows []int32) {
	if w.Stored == nil {
		p.Device.Gather(dst, w.W, rows)
		return
	}
	for i, r := range rows {
		w.Stored.Row(dst.Row(i), int(r))
	}
}
