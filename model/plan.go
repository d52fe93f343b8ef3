package model

import (
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// A Plan is what training on one batch will take. It is found by a pass that computes nothing, so that it is
// what the real pass takes and not an estimate.
type Plan struct {
	FLOPs       int64 // of the products, forward and backward
	Activations int64 // most bytes of activations and their gradients at once
	Gradients   int64 // bytes of parameter gradients
	Scratch     int64 // bytes that products pack their factors into, about
	Trained     int64 // weights that are trained
}

// Plan tells what Loss on b takes if the parameters that trainable names are trained (nil for all).
func (m *Model) Plan(b *collate.Batch, checkpoint bool, trainable func(*nn.Param) bool) Plan {
	counter := &compute.Counter{}
	r := m.NewRun(counter)
	r.Checkpoint, r.Dropout = checkpoint, 1
	// Gradients are as large as their parameters; the parameters themselves stand in for them.
	r.Grads = nn.Borrowed(m.Params, trainable)
	r.Loss(b, 0, 0)
	bytes := r.Grads.Bytes()
	for _, q := range m.vocabularies(len(b.Targets)) {
		bytes -= 4 * int64(r.Grads.G[q.Index].Rows) * int64(r.Grads.G[q.Index].Cols)
	}
	return Plan{FLOPs: counter.FLOPs, Activations: r.Peak(), Gradients: bytes, Trained: r.Grads.Bytes() / 4, Scratch: m.scratch(b)}
}

// scratch is what package compute/cpu packs at once of the activation that a product reads: 16 MiB or 192 rows.
func (m *Model) scratch(b *collate.Batch) (most int64) {
	packed := func(rows, cols int) {
		most = max(most, 4*int64(cols)*int64(min(rows, max(4<<20/cols, 192))))
	}
	packed(min(len(b.Rows), 256), m.Config.VocabSize) // of the head, which reads 256 rows at a time
	for _, module := range m.Modules() {
		packed(len(b.IDs), max(module.Linear.W.W.Rows, module.Linear.W.W.Cols))
	}
	return most
}

// NewGrads allocates gradients for the parameters that trainable names (nil for all), for steps of at most so many
// labelled tokens.
func (m *Model) NewGrads(trainable func(*nn.Param) bool, labels int) *nn.Grads {
	if trainable == nil {
		trainable = func(*nn.Param) bool { return true }
	}
	return nn.NewGrads(m.Params, trainable, m.vocabularies(labels)...)
}

// fewLabels is how many labelled tokens a step may have for the gradient of a vocabulary to be formed twice, for
// the norm and for the update, in no more time than storing it takes.
const fewLabels = 64

// vocabularies returns the parameters whose gradients should not be stored: with few labels, those with a row for
// each token.
func (m *Model) vocabularies(labels int) []*nn.Param {
	switch {
	case labels > fewLabels:
		return nil
	case m.Head.W == m.Wte:
		return []*nn.Param{m.Wte}
	}
	return []*nn.Param{m.Wte, m.Head.W}
}
