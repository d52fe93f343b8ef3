package train

import (
	"fmt"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/nn"
)

// Pairs are answers to prefer and answers to avoid: TRL's DPOTrainer. Nothing is dropped, as with its
// disable_dropout.
type Pairs struct {
	Rejected  []collate.Example // beside the chosen answers of Trainer.Train
	Reference []eval.Logps      // log-probabilities of both under the model that is not trained
	DPO       eval.DPO
}

// sequences returns the sequences of example i.
func (l *loop) sequences(i int) []collate.Example {
	if l.Pairs == nil {
		return l.Train[i : i+1]
	}
	return []collate.Example{l.Train[i], l.Pairs.Rejected[i]}
}

// check refuses pairs that are not whole.
func (p *Pairs) check(chosen int) error {
	if p == nil {
		return nil
	}
	if len(p.Rejected) != chosen || len(p.Reference) != chosen {
		return fmt.Errorf("train: %d chosen answers, but %d rejected ones and %d log-probabilities of the reference", chosen, len(p.Rejected), len(p.Reference))
	}
	if err := p.DPO.Check(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// preferences is what a loop gathers of its pairs.
type preferences struct {
	sums    map[string]float64 // of what batches had, since the last log
	batches int

	nll        []nn.Float
	logps, ref []eval.Logps // of the parts of the batch so far
}

// prefer adds the gradient of share times the summed loss of a part of a batch of pairs, and returns that.
func (l *loop) prefer(pairs []int32, share float64) (loss float64) {
	f := &l.preferences
	for _, i := range pairs {
		f.ref, f.logps = append(f.ref, l.Pairs.Reference[i]), append(f.logps, eval.Logps{})
	}
	lo := len(f.ref) - len(pairs)
	logps, ref := f.logps[lo:], f.ref[lo:]
	f.nll = resize(f.nll, len(l.batch.Targets))
	l.run.Dropout = 0
	l.run.Weighted(f.nll, &l.batch, func(scale []nn.Float) {
		eval.SumLogps(logps, &l.batch, f.nll)
		for i, p := range logps {
			x, _, _ := l.Pairs.DPO.Loss(p, ref[i])
			loss += share * x
		}
		for r := range scale { // a log-probability is minus a cross-entropy
			i := int(l.batch.Of[r])
			_, chosen, rejected := l.Pairs.DPO.Loss(logps[i%len(pairs)], ref[i%len(pairs)])
			if scale[r] = nn.Float(-share * chosen); i >= len(pairs) {
				scale[r] = nn.Float(-share * rejected)
			}
		}
	})
	return loss
}

// endBatch adds the rewards of a batch, all parts of which have been seen.
func (f *preferences) endBatch(d eval.DPO) {
	if f.sums == nil {
		f.sums = map[string]float64{}
	}
	d.Rewards(f.logps, f.ref).Add(f.sums)
	f.batches++
	f.logps, f.ref = f.logps[:0], f.ref[:0]
}

// take moves the means of the batches since the last log into row.
func (f *preferences) take(row Row) {
	for k, v := range f.sums {
		row[k] = v / float64(f.batches)
	}
	f.sums, f.batches = nil, 0
}

// where and restore keep the sums in a checkpoint.
func (f *preferences) where(p *checkpoint.Position) {
	if p.Batches, p.Sums = f.batches, nil; f.batches > 0 {
		p.Sums = map[string]checkpoint.Float{}
	}
	for k, v := range f.sums {
		p.Sums[k] = checkpoint.Float(v)
	}
}

func (f *preferences) restore(p *checkpoint.Position) {
	f.batches, f.sums = p.Batches, map[string]float64{}
	for k, v := range p.Sums {
		f.sums[k] = float64(v)
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
