package compute

import "math"

func (Ref) CrossEntropy(loss []Float, logits Mat, labels []int32, smoothing, scale Float) {
	for i, y := range labels {
		r := logits.Row(i)
		top := r[0]
		var sum, total float64
		for _, e := range r {
			top = max(top, e)
			total += float64(e)
		}
		for _, e := range r {
			sum += math.Exp(float64(e - top))
		}
		lse := math.Log(sum) + float64(top)
		// −Σ target·log p = lse − (1−ε)·logit[y] − ε·mean(logits)
		mean := total / float64(len(r))
		loss[i] = Float(lse - float64(1-smoothing)*float64(r[y]) - float64(smoothing)*mean)
		if scale == 0 {
			continue
		}
		uniform := smoothing / Float(len(r))
		for j, e := range r {
			r[j] = scale * (Float(math.Exp(float64(e)-lse)) - uniform)
		}
		r[y] -= scale * (1 - smoothing)
	}
}

func (Ref) AdamW(w, g, m, v Mat, o AdamW) {
	sameShape("AdamW", w, g, m, v)
	o.update(w.Flat(), g.Flat(), m.Flat(), v.Flat())
}

func (o AdamW) update(ws, gs, ms, vs []Float) {
	step, sqrt2 := o.Rates()
	decay, scale := Float(1-o.LR*o.WeightDecay), Float(o.GradScale)
	b1, b2 := Float(1-o.Beta1), Float(1-o.Beta2)
	beta2, eps := Float(o.Beta2), Float(o.Eps)
	for i := range ws {
		g := gs[i] * scale
		ms[i] += (g - ms[i]) * b1
		vs[i] = vs[i]*beta2 + g*g*b2
		ws[i] = ws[i]*decay - step*ms[i]/(Float(math.Sqrt(float64(vs[i])))*sqrt2+eps)
	}
}

// Rates returns the step size LR/(1−β1ᵗ) and 1/√(1−β2ᵗ), which scales √v.
func (o AdamW) Rates() (step, rsqrt2 Float) {
	t := float64(o.Step)
	return Float(o.LR / (1 - math.Pow(o.Beta1, t))), Float(1 / math.Sqrt(1-math.Pow(o.Beta2, t)))
}

func (Ref) SumSquares(g Mat) (sum float64) {
	for i := range g.Rows {
		for _, v := range g.Row(i) {
			sum += float64(v) * float64(v)
		}
	}
	return sum
}
