package hone

import (
	"errors"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/model"
)

// OpenLanguage prepares to measure the loss and perplexity of the model in dir on rows whose task is t: on whole
// texts, on completions or on the assistant's turns.
func OpenLanguage(dir string, d compute.Device, rows *dataset.Dataset, t dataset.Task) (*eval.Loss, *model.Run, error) {
	if t.Kind == dataset.Preference {
		return nil, nil, errors.New("hone: pairs of answers are measured against the model that training began with: OpenPreference does that")
	}
	o, err := open(dir)
	if err != nil {
		return nil, nil, err
	}
	tok, err := o.tokenizer()
	if err != nil {
		return nil, nil, err
	}
	m, err := o.frozen(d)
	if err != nil {
		return nil, nil, err
	}
	limit, err := maxLength(0, m.Config)
	if err != nil {
		return nil, nil, err
	}
	c, err := (&FineTune{}).newCoder(tok, t, limit, func(string, ...any) {})
	if err != nil {
		return nil, nil, err
	}
	examples, _, err := c.encode(rows)
	if err != nil {
		return nil, nil, err
	}
	return &eval.Loss{Examples: examples, Perplexity: true}, m.NewRun(d), nil
}
