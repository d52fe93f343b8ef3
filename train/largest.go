package train

import "slices"

// Largest returns the examples that are the most tokens that go through the model at once, by the lengths of all of them in tokens and
// the limit of a pass. The order of random batches follows from the seed; that of group_by_length from the evaluations too, so that
// the longest examples, which it does put together, stand for it.
func (a *Args) Largest(lengths []int, limit int) []int32 {
	perEpoch, total := a.Steps(len(lengths))
	o := newOrder(a, lengths)
	epochs := (total + perEpoch - 1) / perEpoch
	l := largest{lengths: lengths, limit: limit}
	switch {
	case o.strategy == "group_by_length" || epochs*len(lengths) > mostDraws:
		for i := range lengths {
			o.perm[i] = int32(i)
		}
		slices.SortStableFunc(o.perm, func(i, j int32) int { return lengths[j] - lengths[i] })
		l.see(o.perm[:min(a.PerDeviceTrainBatchSize, len(lengths))])
		return l.examples
	case o.strategy == "sequential":
		epochs = min(epochs, 1)
	}
	batches := a.batches(len(lengths))
	for e := range epochs {
		perm := o.epoch(e)
		updates := min(perEpoch, total-e*perEpoch)
		for b := range min(batches, updates*a.GradientAccumulationSteps) {
			lo := b * a.PerDeviceTrainBatchSize
			l.see(perm[lo:min(lo+a.PerDeviceTrainBatchSize, len(perm))])
		}
	}
	return l.examples
}

// mostDraws bounds the work of looking at every batch of a run: a second or so.
const mostDraws = 1 << 26

// largest is the largest pass of the batches seen.
type largest struct {
	lengths  []int
	limit    int
	examples []int32
	tokens   int
}

func (l *largest) see(batch []int32) {
	for len(batch) > 0 {
		n := Pass(batch, l.lengths, l.limit)
		if t := tokens(batch[:n], l.lengths); l.examples == nil || t > l.tokens {
			l.tokens, l.examples = t, append(l.examples[:0], batch[:n]...)
		}
		batch = batch[n:]
	}
}
