package lora

import (
	"math"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// Freeze finds once what a DoRA would find anew in every pass, the norms of its weights. The adapter can be used but not
// trained after that, nor may the base's weights change. Other adapters have nothing to find.
func (a *Adapter) Freeze(d compute.Device) {
	for _, u := range a.updates {
		if u.lora.DoRA != nil {
			u.lora.Fix(d, u.linear.W)
		}
	}
}

// rows calls f with each row of the adapted weights and its sum with the adapter's, w + scale·b·A. Row i of the
// adapter is row Lo+i of the layer.
func (u update) rows(f func(i int, w, sum []nn.Float)) {
	l := u.lora
	w := u.linear.W.W.RowSpan(l.Lo, l.Hi)
	sum := make([]nn.Float, w.Cols)
	for i := range w.Rows {
		clear(sum)
		for k, b := range l.B.W.Row(i) {
			for j, x := range l.A.W.Row(k) {
				sum[j] += b * x
			}
		}
		row := w.Row(i)
		for j, x := range row {
			sum[j] = x + l.Scale*sum[j]
		}
		f(i, row, sum)
	}
}

// merge makes the weights what the adapter makes of them.
func (u update) merge() {
	u.rows(func(i int, w, sum []nn.Float) {
		f := nn.Float(1)
		if u.lora.DoRA != nil {
			if f = 0; norm(sum) > 0 {
				f = u.lora.DoRA.M.W.Data[i] / norm(sum)
			}
		}
		for j, x := range sum {
			w[j] = f * x
		}
	})
}

// magnitude gives a DoRA the lengths that its weights have, so that it changes nothing yet.
func (u update) magnitude() {
	if u.lora.DoRA == nil {
		return
	}
	u.rows(func(i int, _, sum []nn.Float) { u.lora.DoRA.M.W.Data[i] = norm(sum) })
}

func norm(v []nn.Float) nn.Float {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return nn.Float(math.Sqrt(float64(nn.Float(sum)))) // as nn.DoRA.Measure and its factor round
}
