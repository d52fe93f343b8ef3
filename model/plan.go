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
}

// Plan tells what Loss on b takes if the parameters that trainable names are trained (nil for all).
func (m *Model) Plan(b *collate.Batch, checkpoint bool, trainable func(*nn.Param) bool) Plan {
	counter := &compute.Counter{}
	r := m.NewRun(counter)
	r.Checkpoint, r.Dropout = checkpoint, 1
	// Gradients are as large as their parameters; the parameters themselves stand in for them.
	r.Grads = nn.Borrowed(m.Params, trainable)
	r.Loss(b, 0, 0)
	return Plan{FLOPs: counter.FLOPs, Activations: r.Peak(), Gradients: r.Grads.Bytes()}
}
