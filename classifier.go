package hone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/model"
)

// A Classifier is a model with the template and label words that make it one. It is not safe for concurrent use.
type Classifier struct {
	Model *model.Model
	*collate.Verbalizer

	run *model.Run
}

// A Score is the probability of one class, in the shape of transformers' text-classification pipeline.
type Score struct {
	Label string  `json:"label"`
	Score float64 `json:"score"`
}

// OpenClassifier loads the classifier that training left in dir. With labels, any model becomes one, untrained:
// template and words are as for FineTune.
func OpenClassifier(dir string, d compute.Device, want collate.Verbalizer) (*Classifier, error) {
	o, err := open(dir)
	if err != nil {
		return nil, err
	}
	tok, err := o.tokenizer()
	if err != nil {
		return nil, err
	}
	var v *collate.Verbalizer
	if want.Labels == nil {
		v, err = collate.LoadVerbalizer(dir, tok)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("hone: %s is no classifier: it has no %s. Train one on texts with labels, or give --labels (and --label_words, --template) to ask the model as it is; hone generate continues texts", dir, collate.VerbalizerFile)
		}
	} else {
		v, err = collate.NewVerbalizer(tok, want)
	}
	if err != nil {
		return nil, err
	}
	m, err := o.frozen(d)
	if err != nil {
		return nil, err
	}
	if v.MaxLength == 0 {
		if v.MaxLength, err = maxLength(0, m.Config); err != nil {
			return nil, err
		}
	}
	return NewClassifier(m, v, d), nil
}

// NewClassifier makes a classifier of a model in memory, such as one that a train.Trainer has just trained.
func NewClassifier(m *model.Model, v *collate.Verbalizer, d compute.Device) *Classifier {
	return &Classifier{Model: m, Verbalizer: v, run: m.NewRun(d)}
}

// Predict returns the classes of each text with their probabilities, the likeliest first.
func (c *Classifier) Predict(ctx context.Context, texts ...string) ([][]Score, error) {
	prompts := make([][]int32, len(texts))
	for i, text := range texts {
		prompts[i], _ = c.Prompt(text)
	}
	words := eval.Classifier{Words: c.Words()}
	all := make([][]Score, 0, len(texts))
	for p, err := range words.Predict(ctx, c.run, prompts) {
		if err != nil {
			return nil, err
		}
		scores := make([]Score, len(p.Probs))
		for i, prob := range p.Probs {
			scores[i] = Score{c.Labels[i], prob}
		}
		slices.SortStableFunc(scores, func(a, b Score) int {
			switch {
			case a.Score > b.Score:
				return -1
			case a.Score < b.Score:
				return 1
			}
			return 0
		})
		all = append(all, scores)
	}
	return all, nil
}

// Evaluate measures the classifier on a split whose task is t. Each, which may be nil, sees every prediction in
// the order of the rows; progress, which may be nil, is told how many are done.
func (c *Classifier) Evaluate(ctx context.Context, d *dataset.Dataset, t dataset.Task, each func(row, class int, probs []float64), progress func(done, total int)) (*eval.Report, error) {
	if !slices.Equal(t.Names, c.Labels) {
		return nil, fmt.Errorf("hone: the data set has the classes %q, the model %q", t.Names, c.Labels)
	}
	e, err := classify(c.Verbalizer, d, t, 0)
	if err != nil {
		return nil, err
	}
	if each != nil {
		e.Each = func(_ eval.Row, p eval.Prediction) { each(p.Row, p.Class, p.Probs) }
	}
	return e.Report(ctx, c.run, progress)
}
