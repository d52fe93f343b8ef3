package serve

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/nn"
)

// An echo is a token of a prompt and how likely it was.
type echo struct {
	id      int32
	logprob *float64 // nil for the first
	top     []generate.Alternative
}

// likelihoods returns how likely the model finds each token of the prompts after those before it, with the likeliest
// others.
func (m *served) likelihoods(ctx context.Context, prompts [][]int32, top int) ([][]echo, error) {
	items := make([]*item, len(prompts))
	for i, ids := range prompts {
		if len(ids) == 0 {
			return nil, bad("prompt", "is empty: nothing to tell the likelihood of")
		}
		items[i] = &item{kind: score, adapter: m.adapter, ids: ids, top: top}
	}
	if err := m.engine.compute(ctx, items); err != nil {
		return nil, err
	}
	all := make([][]echo, len(prompts))
	for i, x := range items {
		all[i] = x.echoes
	}
	return all, nil
}

// score fills in the likelihood of an item's tokens. The prompt is read in parts, so that few rows of logits are held.
func (e *engine) score(x *item) {
	const rows = 64
	x.echoes = append(x.echoes, echo{id: x.ids[0]})
	cache := nn.NewCache(&e.run.Stack, []int{len(x.ids)})
	for at := 0; at < len(x.ids)-1; at += rows {
		part := x.ids[at:min(at+rows, len(x.ids)-1)]
		seqs := nn.Seqs{Cu: []int32{0, int32(len(part))}, Longest: len(x.ids)}
		for i := range part {
			seqs.Pos = append(seqs.Pos, int32(at+i))
		}
		logits := e.run.Logits(e.run.Hidden(part, seqs, nil, cache))
		for i := range part {
			x.echoes = append(x.echoes, judge(logits.Row(i), x.ids[at+i+1], x.top))
		}
	}
}

// judge tells how likely a token is, and which are likeliest, by a row of logits.
func judge(row []nn.Float, id int32, top int) echo {
	most := slices.Max(row)
	var sum float64
	for _, v := range row {
		sum += math.Exp(float64(v - most))
	}
	lse := float64(most) + math.Log(sum)
	e := echo{id: id, logprob: new(finite(float64(row[id]) - lse))}
	if top == 0 {
		return e
	}
	order := func(a, b generate.Alternative) int {
		return cmp.Or(cmp.Compare(b.LogProb, a.LogProb), cmp.Compare(a.ID, b.ID))
	}
	for i, v := range row { // few enter the list
		a := generate.Alternative{ID: int32(i), LogProb: float64(v) - lse}
		if len(e.top) == top && order(a, e.top[top-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(e.top, a, order)
		e.top = slices.Insert(e.top, at, a)
		e.top = e.top[:min(len(e.top), top)]
	}
	return e
}
