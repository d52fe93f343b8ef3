package hone

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
	"github.com/hone-ml/hone/train"
)

// PreferenceOptions are the part of a FineTune that trains on pairs of answers, by the names of TRL's DPOConfig. Zero
// means TRL's default.
type PreferenceOptions struct {
	LossType       string  `help:"Of pairs of answers: sigmoid (DPO), hinge, ipo or robust." default:"sigmoid" placeholder:"NAME"`
	Beta           float64 `help:"Of pairs: how closely the model is held to the one that training began with." default:"0.1" placeholder:"X"`
	LabelSmoothing float64 `help:"Of pairs, with the loss_type robust: the share of them that are the wrong way round." default:"0" placeholder:"X"`
}

// dpo returns the settings with defaults filled in.
func (o PreferenceOptions) dpo() eval.DPO {
	return eval.DPO{LossType: cmp.Or(o.LossType, "sigmoid"), Beta: cmp.Or(o.Beta, 0.1), LabelSmoothing: o.LabelSmoothing}
}

// Given reports whether anything differs from the defaults.
func (o PreferenceOptions) Given() bool { return o.dpo() != PreferenceOptions{}.dpo() }

// check returns an error for settings without a meaning, as all are that differ from the defaults where the task is
// another.
func (o PreferenceOptions) check(t dataset.Task) error {
	if t.Kind != dataset.Preference && o.Given() {
		return fmt.Errorf("hone: loss_type, beta and label_smoothing are for pairs of answers, but the task is %s", t.Kind)
	}
	if err := o.dpo().Check(); err != nil {
		return fmt.Errorf("hone: %w", err)
	}
	return nil
}

// OpenPreference prepares to measure DPO's loss and rewards of the model in dir on rows that are pairs of answers. What
// the rewards are relative to is the model in reference; for an adapter, where that is "", its base model. The reference
// is asked here, and is not in memory afterwards unless it is the base. Progress counts its passes.
func OpenPreference(ctx context.Context, dir, reference string, d compute.Device, rows *dataset.Dataset, t dataset.Task, opts PreferenceOptions, progress func(done, total int)) (*eval.Preference, *model.Run, error) {
	if err := opts.check(t); err != nil {
		return nil, nil, err
	}
	o, err := open(dir)
	if err != nil {
		return nil, nil, err
	}
	if reference == "" && o.base == o.dir {
		return nil, nil, fmt.Errorf("hone: pairs of answers are measured against the model that training began with, which %s doesn't tell: give it with --reference", dir)
	}
	pairs, err := o.pairs(rows, t)
	if err != nil {
		return nil, nil, err
	}
	e := &eval.Preference{Pairs: pairs, DPO: opts.dpo()}
	if reference != "" {
		r, err := open(reference)
		if err != nil {
			return nil, nil, err
		}
		m, err := r.frozen(d)
		if err != nil {
			return nil, nil, err
		}
		e.Reference, err = eval.PairLogps(ctx, m.NewRun(d), pairs, progress)
		if err = errors.Join(err, m.Close()); err != nil {
			return nil, nil, err
		}
	}
	m, a, err := o.adapt(model.LoadFrozen(o.base, model.Auto))
	if err != nil {
		return nil, nil, err
	}
	run := m.NewRun(d)
	if reference == "" {
		a.Disable()
		if e.Reference, err = eval.PairLogps(ctx, run, pairs, progress); err != nil {
			return nil, nil, err
		}
		a.Enable()
	}
	if a != nil {
		a.Freeze(d)
	}
	return e, run, nil
}

// pairs encodes rows as training did.
func (o opened) pairs(rows *dataset.Dataset, t dataset.Task) ([]collate.Pair, error) {
	tok, err := o.tokenizer()
	if err != nil {
		return nil, err
	}
	config, err := model.LoadConfig(o.base)
	if err != nil {
		return nil, err
	}
	limit, err := maxLength(0, config)
	if err != nil {
		return nil, err
	}
	c, err := (&FineTune{}).newPreference(tok, t, limit)
	if err != nil {
		return nil, err
	}
	pairs, _, err := c.collator.Encode(rows, t)
	return pairs, err
}

// A preferenceCoder trains on pairs of answers.
type preferenceCoder struct {
	languageCoder
	pairs    []collate.Pair // to train on
	collator collate.Preference
}

func (f *FineTune) newPreference(tok *tokenizer.Tokenizer, t dataset.Task, maxLength int) (*preferenceCoder, error) {
	d, err := collate.NewDialogue(tok, 0)
	if err != nil {
		return nil, err
	}
	c := &preferenceCoder{languageCoder: languageCoder{tok: tok, task: t, max: maxLength, f: f},
		collator: collate.Preference{Tokenizer: tok, Dialogue: d, MaxLength: maxLength}}
	if f.LabelSmoothingFactor != 0 {
		return nil, errors.New("hone: label_smoothing_factor has no meaning for pairs of answers; there is --loss_type robust with --label_smoothing")
	}
	return c, nil
}

// encode returns the chosen answers and keeps the pairs.
func (c *preferenceCoder) encode(d *dataset.Dataset) (chosen []collate.Example, s collate.Stats, err error) {
	c.pairs, s, err = c.collator.Encode(d, c.task)
	for _, p := range c.pairs {
		chosen = append(chosen, p.Chosen)
	}
	return chosen, s, err
}

func (c *preferenceCoder) evaluator(d *dataset.Dataset) (eval.Evaluator, error) {
	pairs, _, err := c.collator.Encode(d, c.task)
	return &eval.Preference{Pairs: pairs, DPO: c.f.dpo(), BatchSize: c.f.PerDeviceEvalBatchSize}, err
}

// rejected returns the answers to avoid, beside those of Train; nil for other tasks.
func (j *Job) rejected() (all []collate.Example) {
	if c, ok := j.coder.(*preferenceCoder); ok {
		for _, p := range c.pairs {
			all = append(all, p.Rejected)
		}
	}
	return all
}

// prefer gives the trainer of a job on pairs what the model says of them before it is trained: that is the reference,
// of which no copy is kept.
func (j *Job) prefer(ctx context.Context, t *train.Trainer) error {
	c, ok := j.coder.(*preferenceCoder)
	if !ok {
		return nil
	}
	j.watch.Say("asking the model for the probabilities of %d pairs of answers before it is trained", len(c.pairs))
	if j.Adapter != nil {
		j.Adapter.Disable()
		defer j.Adapter.Enable()
	}
	device := t.Device
	if j.BF16 {
		device = device.BF16()
	}
	run := j.Model.NewRun(device)
	t.Pairs = &train.Pairs{Rejected: j.rejected(), DPO: j.dpo()}
	var err error
	if t.Pairs.Reference, err = eval.PairLogps(ctx, run, c.pairs, j.progress); err != nil {
		return err
	}
	if e, ok := j.Evaluator.(*eval.Preference); ok {
		e.Reference, err = eval.PairLogps(ctx, run, e.Pairs, j.progress)
	}
	return err
}
