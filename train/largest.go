package train

import "slices"

// Largest returns the examples of the run's largest batch, by the lengths of all of them in tokens. The order of random
// batches follows from the seed; that of group_by_length from the evaluations too, so that the longest examples, which it
// does put together, stand for it.
func (a *Args) Largest(lengths []int) (batch []int32) {
	perEpoch, total := a.Steps(len(lengths))
	o := newOrder(a, lengths)
	epochs := (total + perEpoch - 1) / perEpoch
	switch {
	case o.strategy == "group_by_length" || epochs*len(lengths) > mostDraws:
		for i := range lengths {
			o.perm[i] = int32(i)
		}
		slices.SortStableFunc(o.perm, func(i, j int32) int { return lengths[j] - lengths[i] })
		return o.perm[:min(a.PerDeviceTrainBatchSize, len(lengths))]
	case o.strategy == "sequential":
		epochs = min(epochs, 1)
	}
	batches := a.batches(len(lengths))
	most := -1
	for e := range epochs {
		perm := o.epoch(e)
		updates := min(perEpoch, total-e*perEpoch)
		for b := range min(batches, updates*a.GradientAccumulationSteps) {
			lo := b * a.PerDeviceTrainBatchSize
			part := perm[lo:min(lo+a.PerDeviceTrainBatchSize, len(perm))]
			sum := 0
			for _, i := range part {
				sum += lengths[i]
			}
			if sum > most {
				most, batch = sum, append(batch[:0], part...)
			}
		}
	}
	return batch
}

// mostDraws bounds the work of looking at every batch of a run: a second or so.
const mostDraws = 1 << 26
