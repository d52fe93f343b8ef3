package eval

import "math"

// Wilson returns the 95 % confidence interval of a share that was observed k times in n (Wilson, 1927). Unlike the
// normal approximation it stays within 0 and 1 and holds for small n.
func Wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959963984540054 // the normal distribution's 97.5 % quantile
	p, m := float64(k)/float64(n), float64(n)
	centre := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return max((centre-half)/scale, 0), min((centre+half)/scale, 1)
}

// A Confusion counts predictions: Confusion[t][p] is how often class p was predicted for class t.
type Confusion [][]int

// NewConfusion returns the zero counts of n classes.
func NewConfusion(n int) Confusion {
	c := make(Confusion, n)
	for i := range c {
		c[i] = make([]int, n)
	}
	return c
}

// Total returns the number of predictions and how many of them are right.
func (c Confusion) Total() (n, right int) {
	for t, row := range c {
		for _, k := range row {
			n += k
		}
		right += row[t]
	}
	return n, right
}

// Scores are precision, recall and F1 of a class, or averages over classes, as in scikit-learn's
// classification_report. What would be a division by zero is 0, its default.
type Scores struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1-score"`
	Support   int     `json:"support"` // rows of the class
}

// Class returns the scores of class i.
func (c Confusion) Class(i int) Scores {
	var predicted, support int
	for t := range c {
		predicted += c[t][i]
		support += c[i][t]
	}
	right := float64(c[i][i])
	return Scores{ratio(right, float64(predicted)), ratio(right, float64(support)), ratio(2*right, float64(predicted+support)), support}
}

// Macro returns the mean of the classes' scores, each class counting the same.
func (c Confusion) Macro() Scores { return c.average(func(Scores) float64 { return 1 }) }

// Weighted returns the mean of the classes' scores, weighted by their rows.
func (c Confusion) Weighted() Scores {
	return c.average(func(s Scores) float64 { return float64(s.Support) })
}

func (c Confusion) average(weight func(Scores) float64) (a Scores) {
	var total float64
	for i := range c {
		s := c.Class(i)
		w := weight(s)
		total += w
		a.Precision += w * s.Precision
		a.Recall += w * s.Recall
		a.F1 += w * s.F1
		a.Support += s.Support
	}
	a.Precision, a.Recall, a.F1 = ratio(a.Precision, total), ratio(a.Recall, total), ratio(a.F1, total)
	return a
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// bins is how finely calibration looks at confidence.
const bins = 15

// A calibration compares confidence with accuracy in bins of equal width (Guo et al., 2017).
type calibration struct {
	n, right   [bins]int
	confidence [bins]float64
}

func (c *calibration) add(confidence float64, right bool) {
	b := min(max(int(math.Ceil(confidence*bins))-1, 0), bins-1)
	c.n[b]++
	c.confidence[b] += confidence
	if right {
		c.right[b]++
	}
}

// error returns the expected calibration error: the mean over the rows of |accuracy − confidence| of their bin.
func (c *calibration) error() float64 {
	var sum float64
	total := 0
	for b, n := range c.n {
		sum += math.Abs(float64(c.right[b]) - c.confidence[b])
		total += n
	}
	return ratio(sum, float64(total))
}
