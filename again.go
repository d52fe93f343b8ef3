package hone

import (
	"cmp"
	"context"
	"reflect"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/train"
)

// Again prepares a job with other settings. What it has in common with j it takes over instead of making it anew: the
// rows, the tokenizer, the examples, the memory of the weights, and the weights themselves where an adapter left them as
// they were. Rows that are drawn or held out stay those of j, whatever the seed, so that results compare. j can't be used
// any more.
func (j *Job) Again(ctx context.Context, f FineTune) (*Job, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if f.TrainSplit == "" {
		f.TrainSplit = "train"
	}
	next := &Job{FineTune: f, watch: j.watch, drawn: j.drawn}
	if j.base() == next.base() && !j.resized {
		next.Model, next.Adapter = j.Model, j.Adapter
	}
	j.Model, j.Adapter = nil, nil // what isn't taken over need not stay in memory
	switch {
	case reflect.DeepEqual(j.coding(), next.coding()):
		next.Base, next.Data, next.Task, next.Tokenizer = j.Base, j.Data, j.Task, j.Tokenizer
		next.Train, next.Stats, next.Evaluator = j.Train, j.Stats, j.Evaluator
		next.coder, next.evalName = j.coder, j.evalName
		return next, next.do(ctx, next.model)
	case reflect.DeepEqual(j.rows(), next.rows()):
		next.Data, next.Task = j.Data, j.Task
		return next, next.do(ctx, next.hub, next.tokenizer, next.collate, next.model)
	}
	return next, next.do(ctx, next.hub, next.dataset, next.tokenizer, next.collate, next.model)
}

// base is what the weights that training starts from depend on.
func (f *FineTune) base() [5]string {
	return [5]string{f.Model, f.ModelRevision, f.FromScratch, cmp.Or(f.Dtype, compute.Float32.String()), f.baseDtype()}
}

// rows is what the rows of the data set depend on.
func (f *FineTune) rows() FineTune {
	return FineTune{Dataset: f.Dataset, Columns: f.Columns}
}

// coding is what the examples to train and to evaluate on depend on: all but the adapter and most arguments of training.
func (f *FineTune) coding() FineTune {
	c := *f
	c.Dtype, c.LoraOptions = "", LoraOptions{}
	c.Args = train.Args{PerDeviceEvalBatchSize: f.PerDeviceEvalBatchSize, LabelSmoothingFactor: f.LabelSmoothingFactor}
	return c
}

// weights returns the model to start from: that of an earlier job, with its weights as they were before, or one read or
// drawn anew. The file is read again rather than kept a copy of: the system has it in memory while there is room.
func (j *Job) weights() (*model.Model, error) {
	m, a := j.Model, j.Adapter
	j.Model, j.Adapter = nil, nil
	switch {
	case j.FromScratch != "":
		config, err := model.LoadConfig(j.FromScratch)
		if err != nil {
			return nil, err
		}
		m, err := model.New(config, uint64(j.Seed))
		if err == nil && j.bf16() {
			err = m.HoldBF16()
		}
		return m, err
	case a != nil:
		a.Detach()
		return m, nil
	case m != nil:
		return m, m.LoadWeights(j.Base)
	}
	if dtype := j.baseDtype(); dtype != "" {
		return model.LoadFrozen(j.Base, dtype)
	}
	if j.bf16() {
		return model.LoadBF16(j.Base)
	}
	return model.Load(j.Base)
}
