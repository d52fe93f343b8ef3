package nn

import "github.com/hone-ml/hone/compute"

// A Stack is the blocks and the final norm.
type Stack struct {
	Blocks []*Block
	Norm   *Norm
}

// StackActs is what Backward needs.
type StackActs struct {
	Blocks []BlockActs
	Out    Mat // [R, C] the stream after the last block
	Stat   Mat
}

// Forward takes the embedded rows x [N, C] and returns the hidden rows that the pass keeps, [R, C].
func (s *Stack) Forward(p *Pass, a *StackActs, x Mat) Mat {
	if a.Blocks == nil {
		a.Blocks = make([]BlockActs, len(s.Blocks))
	}
	var spare Mat
	for i, b := range s.Blocks {
		kept, rows := s.kept(p, i, x.Rows)
		if p.Grads != nil && !p.Checkpoint {
			y := p.New(rows, x.Cols)
			b.Forward(p, &a.Blocks[i], y, x, kept)
			x = y
			continue
		}
		// Nothing but the stream outlives a block; without gradients not even its earlier states do.
		y := spare
		if p.Grads != nil || y.Empty() || rows != y.Rows {
			y = p.New(rows, x.Cols)
		}
		mark := p.Mark()
		b.Forward(p, &a.Blocks[i], y, x, kept)
		p.Release(mark)
		spare, x = x, y
	}
	h := p.New(x.Rows, x.Cols)
	a.Out, a.Stat = x, s.Norm.stat(p, x.Rows)
	s.Norm.Forward(p, a.Stat, h, x)
	return h
}

// Backward takes the gradient dh [R, C] of the hidden rows and returns that of the embedded rows, [N, C]; if that is
// not wanted, it goes no further down than to the lowest trained weight and returns an empty one.
func (s *Stack) Backward(p *Pass, a *StackActs, dh Mat, wanted bool) Mat {
	dx := p.Zero(dh.Rows, dh.Cols)
	s.Norm.Backward(p, a.Stat, dx, dh, a.Out)
	low := 0
	if !wanted {
		low = s.lowest(p.Grads)
	}
	for i := len(s.Blocks) - 1; i >= low; i-- {
		dy := dx
		kept, rows := s.kept(p, i, a.Blocks[i].X.Rows)
		if rows != a.Blocks[i].X.Rows {
			dx = p.New(a.Blocks[i].X.Rows, dh.Cols)
		}
		if i == low && !wanted && !s.Blocks[i].Norm1.trained(p.Grads) {
			dx = Mat{}
		}
		mark := p.Mark()
		if p.Checkpoint {
			again := p.New(rows, dh.Cols)
			s.Blocks[i].Forward(p, &a.Blocks[i], again, a.Blocks[i].X, kept)
		}
		s.Blocks[i].Backward(p, &a.Blocks[i], dx, dy, kept)
		p.Release(mark)
	}
	if !wanted {
		return Mat{}
	}
	return dx
}

// kept returns the rows that block i keeps of n: all but in the last.
func (s *Stack) kept(p *Pass, i, n int) (kept []int32, rows int) {
	if i == len(s.Blocks)-1 && p.Kept != nil {
		return p.Kept, len(p.Kept)
	}
	return nil, n
}

// A Head projects hidden rows to logits over the vocabulary.
type Head struct{ W *Param } // [V, C], often the embedding's own

// lossRows bounds how many rows of logits are held at once.
const lossRows = 256

// Loss returns the summed cross-entropy of the hidden rows h [R, C] against targets and its gradient dh
// times scale. With label smoothing ε the target is (1−ε)·onehot + ε/V.
func (hd *Head) Loss(p *Pass, h Mat, targets []int32, smoothing, scale Float) (sum float64, dh Mat) {
	dh = p.New(h.Rows, h.Cols)
	hd.chunks(p, h, targets, func(lo, hi int, x, logits Mat, loss []Float) {
		p.CrossEntropy(loss, logits, targets[lo:hi], smoothing, scale)
		hd.W.inputGrad(p, dh.RowSpan(lo, hi), logits, 0, hd.W.W.Rows, compute.Epilogue{})
		p.Grads.Outer(p, hd.W, logits, x)
		for _, l := range loss {
			sum += float64(l)
		}
	})
	return sum, dh
}

// Weighted returns the gradient dh of Σ scale[i]·(cross-entropy of row i) for the hidden rows h [R, C].
func (hd *Head) Weighted(p *Pass, h Mat, targets []int32, scale []Float) (dh Mat) {
	dh = p.New(h.Rows, h.Cols)
	hd.chunks(p, h, targets, func(lo, hi int, x, logits Mat, loss []Float) {
		for i, j := lo, lo; i < hi; i = j { // rows of one weight at once
			for j = i; j < hi && scale[j] == scale[i]; j++ {
			}
			if part := logits.RowSpan(i-lo, j-lo); scale[i] == 0 {
				part.Zero()
			} else {
				p.CrossEntropy(loss[i-lo:j-lo], part, targets[i:j], 0, scale[i])
			}
		}
		hd.W.inputGrad(p, dh.RowSpan(lo, hi), logits, 0, hd.W.W.Rows, compute.Epilogue{})
		p.Grads.Outer(p, hd.W, logits, x)
	})
	return dh
}

// NLL writes the cross-entropy of each hidden row against its target to loss [R], smoothed as in Loss.
func (hd *Head) NLL(p *Pass, loss []Float, h Mat, targets []int32, smoothing Float) {
	hd.chunks(p, h, targets, func(lo, hi int, x, logits Mat, l []Float) {
		p.CrossEntropy(l, logits, targets[lo:hi], smoothing, 0)
		copy(loss[lo:hi], l)
	})
}

// chunks calls f with the logits of a bounded number of rows at a time.
func (hd *Head) chunks(p *Pass, h Mat, targets []int32, f func(lo, hi int, x, logits Mat, loss []Float)) {
	for lo := 0; lo < h.Rows; lo += lossRows {
		hi := min(lo+lossRows, h.Rows)
		mark := p.Mark()
		x, loss := h.RowSpan(lo, hi), p.New(1, hi-lo)
		f(lo, hi, x, hd.Logits(p, x), loss.Data)
		p.Release(mark)
	}
}

// Logits returns the scores of all tokens after each hidden row, [R, V].
func (hd *Head) Logits(p *Pass, h Mat) Mat {
	logits := p.New(h.Rows, hd.W.W.Rows)
	hd.W.product(p, logits, h, 0, hd.W.W.Rows, compute.Epilogue{})
	return logits
}
