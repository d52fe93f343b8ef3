// Package eval measures a model on held-out rows: loss and perplexity of a language model; accuracy, F1, a
// confusion matrix and confidence intervals of a classifier. Logits are turned into sums as they come: what is kept
// is a few numbers for each batch.
package eval

import (
	"context"

	"github.com/hone-ml/hone/model"
)

// A Result is what one evaluation found. Metrics have the reference's names without a prefix: loss, accuracy …
type Result struct {
	Metrics  map[string]float64
	Examples int // rows evaluated
	Steps    int // batches
}

// An Evaluator measures a model. Progress, which may be nil, is called after each batch.
type Evaluator interface {
	Evaluate(ctx context.Context, run *model.Run, progress func(done, total int)) (Result, error)
}
