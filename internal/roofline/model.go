//go:build !f64

package roofline

import (
	"context"
	"fmt"
	"time"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/optim"
)

// training measures whole steps on examples of 27 tokens of which the last is labelled, the average of short
// classification: forward, backward, clipping and the update. Operations are those that the loss needs.
func (b *bench) training(m *model.Model) {
	length := min(27, m.Config.MaxPositions)
	sizes := []int{8, 16, 32}
	if b.quick {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		for _, p := range b.precisions() {
			b.step(m, p, size, length)
		}
	}
}

// step measures steps of one batch.
func (b *bench) step(m *model.Model, p precision, size, length int) {
	var batch collate.Batch
	collate.Pack(&batch, examples(size, length, m.Config.VocabSize))
	r := m.NewRun(p.d)
	r.Grads = m.NewGrads(nil, size)
	o := optim.NewAdamW(p.d, m.Params, r.Grads)
	o.Beta1, o.Beta2, o.Eps = 0.9, 0.999, 1e-8
	step := func() {
		r.Dropout++
		r.Grads.Reset()
		r.Loss(&batch, 0, 1/float64(size))
		r.Grads.Finish()
		o.Update(1e-5, optim.Clip(o.Norm(), 1))
	}
	if b.ctx.Err() == nil {
		step() // memory comes with the first
	}
	plan := m.Plan(&batch, false, nil)
	b.measure(Training, fmt.Sprintf("batch of %d×%d tokens", size, length)+p.name, cost{flops: float64(plan.FLOPs)}, step)
}

// examples returns n examples with a label on the last token only.
func examples(n, length, vocab int) (all []collate.Example) {
	for i := range n {
		e := collate.Example{IDs: make([]int32, length), Labels: make([]int32, length)}
		for j := range length {
			e.IDs[j], e.Labels[j] = int32((i*31+j*17)%vocab), collate.Ignore
		}
		e.Labels[length-1] = int32(1930 % vocab)
		all = append(all, e)
	}
	return all
}

// decoding measures new tokens, the choice of the likeliest included, with weights of 32 bits and of 8.
func (b *bench) decoding(m *model.Model) {
	sizes := []int{1, 8}
	if b.quick {
		sizes = sizes[:1]
	}
	for _, kind := range []string{"float32", "int8"} {
		if kind == "int8" && b.ctx.Err() == nil {
			if m.Freeze("int8") != nil {
				return // steps of training on nonsense may end in NaN
			}
		}
		for _, size := range sizes {
			b.decode(m, kind, size)
		}
	}
}

func (b *bench) decode(m *model.Model, kind string, size int) {
	const prompt = 16
	if b.ctx.Err() != nil || m.Config.MaxPositions <= prompt {
		return
	}
	most, greedy := min(256, m.Config.MaxPositions-prompt), false
	batch := generate.NewBatch(m.NewRun(b.d), nil, size*(prompt+most))
	for i := range size {
		r := generate.Request{Prompt: examples(size, prompt, m.Config.VocabSize)[i].IDs,
			Config: generate.Config{MaxNewTokens: &most, DoSample: &greedy}}
		if _, err := batch.Add(context.Background(), r); err != nil {
			return // the model has less room than its config says
		}
	}
	batch.Step() // the prompts
	read, best := b.stream.Read(), time.Hour
	for began := time.Now(); batch.Len() > 0 && time.Since(began) < 20*b.time && b.ctx.Err() == nil; {
		for range 4 {
			start := time.Now()
			batch.Step()
			if batch.Len() == size {
				best = min(best, time.Since(start))
			}
		}
		read = max(read, b.stream.Read())
	}
	bytes := float64(m.WeightBytes())
	if m.Wpe != nil {
		bytes -= 4 * float64(m.Wpe.W.Rows*m.Wpe.W.Cols) // one row is read
	}
	if m.Head.W != m.Wte {
		bytes *= 1 - float64(m.Wte.W.Rows*m.Wte.W.Cols)/float64(m.NumParams())
	}
	b.tell(Result{Section: Decoding, Name: fmt.Sprintf("%s, %d at a time", kind, size), Seconds: best.Seconds(),
		Value: float64(size) / best.Seconds(), Unit: "tokens/s", Share: bytes / best.Seconds() / read, Of: "memory"})
}
