package serve

import (
	"context"
	"math"
	"slices"

	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/nn"
)

// An item is a sequence that wants one pass: a text to classify, to embed, or to tell the likelihood of.
type item struct {
	ctx     context.Context
	kind    kind
	adapter string
	words   [][]int32 // label words, where it is to be classified
	ids     []int32
	top     int // likeliest tokens to tell beside each of the ids

	probs  []float64 // of the classes
	vector []float32 // the embedding
	echoes []echo

	err  error
	done chan<- *item
}

// kind is what is wanted of a pass.
type kind int

const (
	classify kind = iota
	embed
	score
)

func (x *item) finish(err error) {
	x.err = err
	x.done <- x // it has room for all of a request
}

// compute has the engine work on items of one request and waits for them.
func (e *engine) compute(ctx context.Context, items []*item) error {
	done := make(chan *item, len(items))
	for _, x := range items {
		x.ctx, x.done = ctx, done
	}
	if !e.do(func() { e.items = append(e.items, items...) }) {
		return errClosed
	}
	for range items {
		select {
		case x := <-done:
			if x.err != nil {
				return x.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Bounds of one pass, so that it doesn't hold up what is being generated for long.
const (
	passTokens = 2048
	passItems  = 64
)

// pass computes the items that are like the one that waits longest, as far as a pass goes, and returns their number.
func (e *engine) pass() int {
	var now []*item
	sum := 0
	e.items = slices.DeleteFunc(e.items, func(x *item) bool {
		if err := x.ctx.Err(); err != nil {
			x.finish(err)
			return true
		}
		fits := len(now) == 0 || len(now) < passItems && sum+len(x.ids) <= passTokens &&
			x.kind == now[0].kind && x.adapter == now[0].adapter && x.kind != score
		if fits {
			now, sum = append(now, x), sum+len(x.ids)
		}
		return fits
	})
	if len(now) == 0 {
		return 0
	}
	finished := false
	defer func() {
		if !finished { // a panic: the engine fails these with the others
			e.items = append(e.items, now...)
		}
	}()
	e.use(now[0].adapter)
	var err error
	switch now[0].kind {
	case classify:
		err = e.classify(now)
	case embed:
		e.embed(now)
	case score:
		e.score(now[0])
	}
	finished = true
	for _, x := range now {
		x.finish(err)
	}
	return len(now)
}

// classify fills in the probabilities of the classes.
func (e *engine) classify(items []*item) error {
	prompts := make([][]int32, len(items))
	for i, x := range items {
		prompts[i] = x.ids
	}
	c := eval.Classifier{Words: items[0].words}
	for p, err := range c.Predict(context.Background(), e.run, prompts) {
		if err != nil {
			return err
		}
		items[p.Row].probs = p.Probs
	}
	return nil
}

// embed fills in the mean of the hidden rows after the last norm, scaled to length 1.
func (e *engine) embed(items []*item) {
	var ids []int32
	seqs := nn.Seqs{Cu: []int32{0}}
	for _, x := range items {
		ids = append(ids, x.ids...)
		for i := range x.ids {
			seqs.Pos = append(seqs.Pos, int32(i))
		}
		seqs.Cu = append(seqs.Cu, int32(len(ids)))
	}
	h := e.run.Hidden(ids, seqs, nil, nil)
	sum := make([]float64, h.Cols)
	for i, x := range items {
		clear(sum)
		for r := seqs.Cu[i]; r < seqs.Cu[i+1]; r++ {
			for j, v := range h.Row(int(r)) {
				sum[j] += float64(v)
			}
		}
		var square float64
		for _, v := range sum {
			square += v * v
		}
		x.vector = make([]float32, len(sum))
		for j, v := range sum {
			x.vector[j] = float32(v / math.Sqrt(max(square, math.SmallestNonzeroFloat64)))
		}
	}
}
