package generate

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
)

// A picker chooses the next token from logits. It owns what memory that takes, so that nothing of the size of the
// vocabulary is allocated for a token.
type picker struct {
	seen  []uint64 // by token: the round in which it was penalised
	round uint64
	cand  []candidate
	raw   []Float // the logits as the model gave them
}

// A candidate is a token that may be drawn.
type candidate struct {
	id  int32
	key Float   // what the next limit ranks by: the score
	w   float64 // e to the score, relative to the likeliest
}

// order puts higher keys first, and lower ids first among equals.
func order(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.key, a.key), cmp.Compare(a.id, b.id))
}

var errNoToken = errors.New("generate: no token is left to choose: every score is -inf or NaN; either the settings forbid every token or the model's weights are damaged")

// greedy returns the token of the highest score, the first among equals.
func greedy(row []Float) (int32, error) {
	best, at := minusInf, -1
	for i, s := range row {
		if s > best {
			best, at = s, i
		}
	}
	if at < 0 {
		return 0, errNoToken
	}
	return int32(at), nil
}

// sample draws a token: temperature, top_k, top_p, min_p, typical_p, each on what the one before left.
func (p *picker) sample(row []Float, c *Config, r *rand.Rand) (int32, error) {
	cand := p.candidates(row, c)
	if len(cand) == 0 {
		return 0, errNoToken
	}
	u := r.Float64() * mass(cand)
	for _, x := range cand {
		if u -= x.w; u < 0 {
			return x.id, nil
		}
	}
	return cand[len(cand)-1].id, nil // rounding ate the rest
}

// candidates returns the tokens that may be drawn, each with a probability in proportion to its w.
func (p *picker) candidates(row []Float, c *Config) []candidate {
	if t := value(c.Temperature, 1); t != 1 {
		for i := range row {
			row[i] /= Float(t)
		}
	}
	k := value(c.TopK, 50)
	if k == 0 || k > len(row) {
		k = len(row)
	}
	cand := p.top(row, k)
	if len(cand) == 0 {
		return nil
	}
	top := slices.MaxFunc(cand, func(a, b candidate) int { return cmp.Compare(a.key, b.key) }).key
	for i := range cand {
		cand[i].w = math.Exp(float64(cand[i].key - top))
	}
	if share := value(c.TopP, 1); share < 1 {
		cand = cand[:nucleus(cand, share*mass(cand))]
	}
	if share := value(c.MinP, 0); share > 0 {
		cand = slices.DeleteFunc(cand, func(x candidate) bool { return x.w < share })
	}
	if share := value(c.TypicalP, 1); share < 1 {
		cand = typical(cand, share)
	}
	return cand
}

func mass(cand []candidate) (sum float64) {
	for _, x := range cand {
		sum += x.w
	}
	return sum
}

// top returns the tokens of the k highest scores, with all that tie with the last of them, in the order of their
// ids. Tokens with the score -inf are left out.
func (p *picker) top(row []Float, k int) []candidate {
	if cap(p.cand) < len(row) {
		p.cand = make([]candidate, 0, len(row))
	}
	least := minusInf
	if k < len(row) {
		least = p.least(row, k)
	}
	cand := p.cand[:0]
	for i, s := range row {
		if s >= least && s > minusInf {
			cand = append(cand, candidate{id: int32(i), key: s})
		}
	}
	return cand
}

// least returns the k-th highest score. A heap of k scores is nearly free: few scores enter it.
func (p *picker) least(row []Float, k int) Float {
	if k <= 0 {
		return Float(math.Inf(1))
	}
	heap := p.cand[:0]
	for _, s := range row[:k] {
		heap = append(heap, candidate{key: s})
	}
	for i := k/2 - 1; i >= 0; i-- {
		sift(heap, i)
	}
	for _, s := range row[k:] {
		if s > heap[0].key {
			heap[0].key = s
			sift(heap, 0)
		}
	}
	return heap[0].key
}

// sift restores the heap, lowest key on top, below i.
func sift(heap []candidate, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child+1].key < heap[child].key {
			child++
		}
		if heap[i].key <= heap[child].key {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}

// nucleus moves the fewest candidates of highest key that together weigh at least need to the front of c and
// returns their number, at least 1 (Holtzman et al., 2020). It partitions as quickselect does, in linear time on
// average: sorting the vocabulary would cost more than many a model.
func nucleus(c []candidate, need float64) int {
	lo, hi := 0, len(c) // c[:lo] is in; c[hi:] is out
	for hi-lo > 1 {
		mid := partition(c[lo:hi]) + lo
		if w := mass(c[lo:mid]); w < need {
			lo, need = mid, need-w
		} else {
			hi = mid
		}
	}
	if need > 0 {
		return hi
	}
	return max(lo, 1)
}

// partition splits c, of at least two, into a part and one that comes after it in order; neither is empty.
func partition(c []candidate) int {
	pivot := c[len(c)/2]
	if a, b := c[0], c[len(c)-1]; order(a, pivot)*order(a, b) < 0 { // the middle of three
		pivot = a
	} else if order(b, pivot)*order(b, a) < 0 {
		pivot = b
	}
	i, j := 0, len(c)-1
	for { // Hoare's scheme, with all keys different thanks to the ids
		for order(c[i], pivot) < 0 {
			i++
		}
		for order(c[j], pivot) > 0 {
			j--
		}
		if i >= j {
			return max(i, 1)
		}
		c[i], c[j] = c[j], c[i]
		i++
		j--
	}
}

// typical keeps the candidates whose information is closest to the entropy of them all (Meister et al., 2022).
func typical(c []candidate, share float64) []candidate {
	total := mass(c)
	var entropy float64
	for _, x := range c {
		if x.w > 0 {
			entropy -= x.w / total * math.Log(x.w/total)
		}
	}
	for i, x := range c {
		c[i].key = -Float(math.Abs(-math.Log(x.w/total) - entropy))
	}
	n := nucleus(c, share*total)
	last := slices.MinFunc(c[:n], func(a, b candidate) int { return cmp.Compare(a.key, b.key) }).key
	return slices.DeleteFunc(c, func(x candidate) bool { return x.key < last })
}
