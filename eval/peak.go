package eval

import (
	"context"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
)

// A Planned is an Evaluator that can tell beforehand how many bytes of activations it will hold at once.
type Planned interface {
	Evaluator
	Peak(m *model.Model) int64
}

// Peak implements Planned.
func (l *Loss) Peak(m *model.Model) int64 { return peak(m, l) }

// Peak implements Planned.
func (c *Classify) Peak(m *model.Model) int64 {
	quiet := *c
	quiet.Each = nil
	return peak(m, &quiet)
}

// Peak implements Planned.
func (e *Preference) Peak(m *model.Model) int64 {
	blank := *e
	blank.Reference = make([]Logps, len(e.Pairs)) // which isn't asked for before training begins
	return peak(m, &blank)
}

// peak makes the first pass of e, which is the largest, on a device that computes nothing.
func peak(m *model.Model, e Evaluator) int64 {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	run := m.NewRun(&compute.Counter{})
	_, _ = e.Evaluate(ctx, run, func(int, int) { cancel() }) // its numbers mean nothing, nor does its error
	return run.Peak()
}
