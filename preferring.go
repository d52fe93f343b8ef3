package hone

import (
	"context"
	"errors"
	"fmt"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/model"
)

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
