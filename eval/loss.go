package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// A Loss evaluates the language-modelling loss as the reference's Trainer does: the mean over the examples of their
// batch's mean loss per labelled token. The batches are therefore part of the number, unless every example has one
// labelled token, as in the classification recipe: then any batches give the same.
//
// Examples are computed in another grouping, by length and packed; only the sums are the reference batches'.
type Loss struct {
	Examples  []collate.Example // in the reference's order
	BatchSize int               // per_device_eval_batch_size; 0 means 8
	// Smoothing is label_smoothing_factor, which the reference applies in evaluation too.
	Smoothing float64
	// Perplexity adds exp(loss) to the metrics. Mind that smoothing is in it.
	Perplexity bool
	// Tokens bounds the tokens of one pass, hence memory; 0 means 2048. A longer example has a pass of its own.
	Tokens int
}

// Evaluate implements Evaluator with the metric loss, and perplexity if asked for. It makes its passes without
// dropout. Batches without a labelled token are left out of the mean, as logging_nan_inf_filter makes the
// reference do with their NaN. Progress counts passes.
func (l *Loss) Evaluate(ctx context.Context, run *model.Run, progress func(done, total int)) (Result, error) {
	if len(l.Examples) == 0 {
		return Result{}, errors.New("eval: no examples to evaluate on")
	}
	for i, e := range l.Examples {
		if err := run.Check(e.IDs); err != nil {
			return Result{}, fmt.Errorf("eval: example %d: %w", i, err)
		}
	}
	size := cmp.Or(l.BatchSize, 8)
	sums := newBatchSums(len(l.Examples), size)
	passes := l.passes(run, size)
	var b collate.Batch
	var part []collate.Example
	var nll []nn.Float
	for done, pass := range passes {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		part = part[:0]
		for _, i := range pass {
			part = append(part, l.Examples[i])
		}
		collate.Pack(&b, part)
		nll = slices.Grow(nll[:0], len(b.Targets))[:len(b.Targets)]
		run.NLL(nll, &b, l.Smoothing)
		for r, loss := range nll {
			sums.add(pass[b.Of[r]], float64(loss), 1)
		}
		if progress != nil {
			progress(done+1, len(passes))
		}
	}
	loss := sums.mean()
	m := map[string]float64{"loss": loss}
	if l.Perplexity {
		m["perplexity"] = math.Exp(loss)
	}
	return Result{Metrics: m, Examples: len(l.Examples), Steps: sums.steps()}, nil
}

// passes groups the examples. Rotary embeddings with dynamic scaling follow the longest example of a batch, so that
// only the reference's batches give its numbers.
func (l *Loss) passes(run *model.Run, size int) [][]int {
	n, tokens := len(l.Examples), cmp.Or(l.Tokens, defaultTokens)
	if r := run.Config.Rope; r == nil || r.Type != "dynamic" {
		return plan(n, tokens, n, func(i int) int { return len(l.Examples[i].IDs) })
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return slices.Collect(slices.Chunk(all, size))
}

const defaultTokens = 2048

// plan groups n examples into passes of at most so many tokens and rows, longest first, so that the examples of a
// pass are of similar length and memory is at its largest at once. A single example may be longer.
func plan(n, tokens, rows int, length func(i int) int) (passes [][]int) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(length(b), length(a)) })
	start, sum := 0, 0
	for k, i := range order {
		if k > start && (sum+length(i) > tokens || k-start == rows) {
			passes = append(passes, order[start:k])
			start, sum = k, 0
		}
		sum += length(i)
	}
	return append(passes, order[start:])
}

// batchSums adds up the losses of the batches that the reference would have made of n examples in order.
type batchSums struct {
	n, size int
	loss    []float64
	count   []int
}

func newBatchSums(n, size int) *batchSums {
	steps := (n + size - 1) / size
	return &batchSums{n, size, make([]float64, steps), make([]int, steps)}
}

func (s *batchSums) steps() int { return len(s.loss) }

// add adds the loss of count labelled tokens of example i.
func (s *batchSums) add(i int, loss float64, count int) {
	s.loss[i/s.size] += loss
	s.count[i/s.size] += count
}

// mean weighs each batch's mean by its examples. Without any label it is NaN.
func (s *batchSums) mean() float64 {
	var sum, n float64
	for b, loss := range s.loss {
		examples := float64(min(s.size, s.n-b*s.size))
		mean := loss / float64(s.count[b])
		if math.IsNaN(mean) || math.IsInf(mean, 0) {
			continue
		}
		sum += mean * examples
		n += examples
	}
	return sum / n
}
