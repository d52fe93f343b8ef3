package model

import (
	"math"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// A Run is one worker's use of a Model: its memory, activations and gradients. It is not safe for concurrent
// use; several Runs may share a Model as long as nobody changes the weights.
type Run struct {
	*Model
	// Grads gather what Backward finds; nil means that no gradients are wanted.
	Grads *nn.Grads
	// Checkpoint trades time for memory: activations of a block are computed again in Backward.
	Checkpoint bool
	// Dropout is the key of the masks of the next pass; 0, as for evaluation, means no dropout.
	Dropout uint64
	// Noise is NEFTune's α (Jain et al., 2023): a pass with gradients adds to the embeddings of tokens numbers drawn evenly
	// from ±α/√(L·C), L the tokens of the longest example. NoiseKey draws them.
	Noise    float64
	NoiseKey uint64

	pass nn.Pass
	acts nn.StackActs
	ids  []int32
}

// NewRun returns a Run on device d.
func (m *Model) NewRun(d compute.Device) *Run {
	return &Run{Model: m, pass: nn.Pass{Device: d, Arena: &compute.Arena{}}}
}

// Hidden returns the hidden rows after the final norm, [R, C], of the rows kept (nil for all) of the packed
// sequences ids, as AutoModel does. With a cache, ids are the new tokens only. The result is valid until the
// next pass.
func (r *Run) Hidden(ids []int32, s nn.Seqs, kept []int32, cache *nn.Cache) compute.Mat {
	p := &r.pass
	p.Grads, p.Checkpoint, p.Dropout, p.Cache = nil, false, 0, cache
	p.Start(s, kept)
	return r.forward(ids)
}

// Logits returns the scores over the vocabulary, [R, V], after hidden rows.
func (r *Run) Logits(h compute.Mat) compute.Mat { return r.Head.Logits(&r.pass, h) }

// Loss returns the summed cross-entropy of the batch and adds scale times its gradient to Grads.
func (r *Run) Loss(b *collate.Batch, smoothing, scale float64) float64 {
	if len(b.Rows) == 0 {
		return 0
	}
	p := &r.pass
	p.Grads, p.Checkpoint, p.Dropout, p.Cache = r.Grads, r.Checkpoint, r.Dropout, nil
	p.Start(seqs(b), kept(b))
	h := r.forward(b.IDs)
	sum, dh := r.Head.Loss(p, h, b.Targets, nn.Float(smoothing), nn.Float(scale))
	r.backward(dh)
	return sum
}

// NLL writes the cross-entropy of each target of the batch to loss [len(b.Targets)], with label smoothing as in
// Loss.
func (r *Run) NLL(loss []nn.Float, b *collate.Batch, smoothing float64) {
	if len(b.Rows) == 0 {
		return
	}
	h := r.Hidden(b.IDs, seqs(b), kept(b), nil)
	r.Head.NLL(&r.pass, loss, h, b.Targets, nn.Float(smoothing))
}

// Weighted writes the cross-entropy of each target of the batch to loss [len(b.Targets)], asks weigh for the gradient of
// the objective with respect to each, and adds the objective's gradient to Grads.
func (r *Run) Weighted(loss []nn.Float, b *collate.Batch, weigh func(scale []nn.Float)) {
	if len(b.Rows) == 0 {
		return
	}
	p := &r.pass
	p.Grads, p.Checkpoint, p.Dropout, p.Cache = r.Grads, r.Checkpoint, r.Dropout, nil
	p.Start(seqs(b), kept(b))
	h := r.forward(b.IDs)
	r.Head.NLL(p, loss, h, b.Targets, 0)
	scale := p.New(1, len(b.Targets)).Data
	weigh(scale)
	r.backward(r.Head.Weighted(p, h, b.Targets, scale))
}

func seqs(b *collate.Batch) nn.Seqs { return nn.Seqs{Cu: b.Cu, Pos: b.Pos, Longest: b.Longest} }

// kept returns the rows that the loss of b reads, nil if it reads them all.
func kept(b *collate.Batch) []int32 {
	if len(b.Rows) == len(b.IDs) {
		return nil
	}
	return b.Rows
}

// forward embeds ids and runs the stack.
func (r *Run) forward(ids []int32) compute.Mat {
	p := &r.pass
	r.ids = ids
	x := p.New(len(ids), r.Config.HiddenSize)
	r.Wte.Gather(p, x, ids)
	r.noise(x)
	if r.Wpe != nil {
		mark := p.Mark()
		pos := p.New(len(ids), r.Config.HiddenSize)
		r.Wpe.Gather(p, pos, p.Pos)
		p.Add(x, x, pos)
		p.Release(mark)
	}
	p.Drop(x, nn.Float(r.Config.EmbdDropout), nn.SiteEmbedding)
	return r.Stack.Forward(p, &r.acts, x)
}

// noise adds NEFTune's noise to embedded tokens.
func (r *Run) noise(x compute.Mat) {
	p := &r.pass
	if r.Noise == 0 || p.Grads == nil {
		return
	}
	most := nn.Float(r.Noise / math.Sqrt(float64(p.Longest*x.Cols)))
	for i := range x.Rows {
		compute.AddUniform(x.Row(i), i, most, nn.Mix(r.NoiseKey))
	}
}

// backward undoes forward, given the gradient of the hidden rows.
func (r *Run) backward(dh compute.Mat) {
	p := &r.pass
	wanted := p.InputWanted(r.Wte, r.Wpe)
	dx := r.Stack.Backward(p, &r.acts, dh, wanted)
	if !wanted {
		return
	}
	p.Drop(dx, nn.Float(r.Config.EmbdDropout), nn.SiteEmbedding)
	p.Grads.Scatter(p, r.Wte, dx, r.ids)
	p.Grads.Scatter(p, r.Wpe, dx, p.Pos)
}

// Reserve makes room for so many bytes of activations, as Plan tells them, so that memory need not grow step by
// step.
func (r *Run) Reserve(bytes int64) { r.pass.Arena.Reserve(int(bytes / 4)) }

// Peak returns the most bytes of activations that the Run has held at once.
func (r *Run) Peak() int64 { return int64(r.pass.Arena.Peak()) * 4 }
