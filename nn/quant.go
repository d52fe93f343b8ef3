package nn

import "github.com/hone-ml/hone/compute"

// Quantize replaces the elements of w, a matrix, by integers of 8 bits, for inference only: what w was can't be had
// back, and nothing flows back through it. NaN and infinite elements are errors.
func (w *Param) Quantize() error {
	q, err := compute.NewQuant(w.W)
	if err != nil {
		return err
	}
	w.Quant, w.W.Data = &q, nil
	return nil
}

// product is dst = x·wᵀ + e for the rows [lo, hi) of w.
func (w *Param) product(p *Pass, dst, x Mat, lo, hi int, e compute.Epilogue) {
	if w.Quant != nil {
		p.MatMulQuant(dst, x, w.Quant.RowSpan(lo, hi), e)
		return
	}
	p.MatMulNT(dst, x, w.W.RowSpan(lo, hi), e)
}

// Gather copies rows of w, the embeddings of tokens: dst[i] = w[rows[i]].
func (w *Param) Gather(p *Pass, dst Mat, rows []int32) {
	if w.Quant == nil {
		p.Device.Gather(dst, w.W, rows)
		return
	}
	for i, r := range rows {
		w.Quant.Row(dst.Row(i), int(r))
	}
}

// row returns row i of w, in buf if it is not stored as it is.
func (w *Param) row(buf []Float, i int) []Float {
	if w.Quant == nil {
		return w.W.Row(i)
	}
	w.Quant.Row(buf, i)
	return buf
}
