package hone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/internal/spell"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
)

// Check returns an error if the settings don't fit together, without looking at model and data.
func (f *FineTune) Check() error {
	switch {
	case f.Dataset == "":
		return fmt.Errorf("hone: no data set: give --dataset, such as --dataset rotten_tomatoes or --dataset reviews.jsonl")
	case f.Model == "" && f.FromScratch == "":
		return fmt.Errorf("hone: no model: give --model, such as --model gpt2 or --model starter (which hone brings along), or --from_scratch config.json")
	case f.FromScratch != "" && f.Model == "" && f.Tokenizer == "":
		return fmt.Errorf("hone: --from_scratch needs a tokenizer: give --tokenizer, or --model to take that model's")
	case f.TestSize < 0 || f.TestSize >= 1:
		return fmt.Errorf("hone: test_size is %g; expected a share from 0 to less than 1", f.TestSize)
	}
	if err := f.Args.Check(); err != nil {
		return err
	}
	if err := f.checkDtype(); err != nil {
		return err
	}
	if err := f.checkLora(); err != nil {
		return err
	}
	return writable(f.OutputDir)
}

// writable returns an error unless a file can be made in dir, or in the nearest folder above it that is there.
func writable(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		f, err := os.CreateTemp(at, ".hone-*")
		if err == nil {
			return errors.Join(f.Close(), os.Remove(f.Name()))
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			if p := (*fs.PathError)(nil); errors.As(err, &p) {
				err = p.Err // the file that was tried means nothing to people
			}
			return fmt.Errorf("hone: output_dir %s can't be written to: %w; choose another with --output_dir", dir, err)
		}
	}
}

func (w *Watch) defaults() (err error) {
	if w.Hub == nil {
		w.Hub, err = hub.New()
	}
	if w.Device == nil {
		w.Device = Device(0)
	}
	if w.Say == nil {
		w.Say = func(string, ...any) {}
	}
	return err
}

// hub finds the model's folder.
func (j *Job) hub(ctx context.Context) (err error) {
	if j.FineTune.Model != "" {
		j.Base, err = ModelDir(ctx, j.watch.Hub, j.FineTune.Model, j.ModelRevision)
	}
	if err == nil && lora.Is(j.Base) {
		err = fmt.Errorf("hone: %s is an adapter; make a whole model of it first: hone merge --model %[1]s --output_dir merged", j.FineTune.Model)
	}
	return err
}

// dataset reads the data set, says what its rows are and chooses the splits.
func (j *Job) dataset(ctx context.Context) (err error) {
	j.Data, err = LoadDataset(ctx, j.watch.Hub, j.FineTune.Dataset, j.DatasetRevision, j.Columns.Options())
	if err != nil {
		return err
	}
	if j.Task, err = dataset.Infer(j.Data, j.Columns.Task()); err != nil {
		return err
	}
	j.watch.Say("%s: %s rows", j.FineTune.Dataset, sizes(j.Data))
	j.watch.Say("%s", j.Task.Why)
	if j.Task.Kind == dataset.LanguageModeling {
		j.suggestLabels()
	}
	return nil
}

// suggestLabels tells of a column that looks like a class, where there is text but no label under a usual name.
func (j *Job) suggestLabels() {
	d := j.Data[0].Dataset
	for _, f := range d.Features() {
		if f.Name == j.Task.Text || f.Type != dataset.String || d.Len() < 4 {
			continue
		}
		column, err := d.Strings(f.Name)
		if err != nil {
			continue
		}
		seen := map[string]bool{}
		for i := range d.Len() {
			if seen[column.At(i)] = true; len(seen) > min(20, d.Len()/2) {
				break
			}
		}
		if n := len(seen); n > 1 && n <= min(20, d.Len()/2) {
			j.watch.Say("  column %q has %d different values: if it is the class, give --label_column %[1]s", f.Name, n)
		}
	}
}

// splits returns the rows to train on and those to evaluate on, nil for none.
func (j *Job) splits() (rows, held *dataset.Dataset, err error) {
	rows = j.Data.Split(j.TrainSplit)
	if rows == nil {
		return nil, nil, fmt.Errorf("hone: %s has no split %q to train on; it has %s%s", j.FineTune.Dataset, j.TrainSplit, strings.Join(j.Data.Names(), ", "), spell.Hint(j.TrainSplit, j.Data.Names()))
	}
	j.evalName = j.EvalSplit
	for _, name := range []string{"validation", "test"} {
		if j.evalName == "" && j.TestSize == 0 && name != j.TrainSplit && j.Data.Split(name) != nil {
			j.evalName = name
		}
	}
	switch {
	case j.EvalSplit == "none":
		j.evalName = ""
	case j.evalName != "":
		if held = j.Data.Split(j.evalName); held == nil {
			return nil, nil, fmt.Errorf("hone: %s has no split %q to evaluate on; it has %s%s", j.FineTune.Dataset, j.evalName, strings.Join(j.Data.Names(), ", "), spell.Hint(j.evalName, j.Data.Names()))
		}
	case j.TestSize > 0:
		if rows, held, err = rows.TrainTestSplit(j.TestSize, uint64(j.drawn)); err != nil {
			return nil, nil, err
		}
		j.evalName = "held out"
	}
	if j.MaxTrainSamples > 0 {
		rows = sample(rows, j.MaxTrainSamples, j.drawn)
	}
	if held != nil && j.MaxEvalSamples > 0 {
		held = sample(held, j.MaxEvalSamples, j.drawn)
	}
	return rows, held, nil
}

// sample returns n rows drawn from d, since the first ones are often all of one class.
func sample(d *dataset.Dataset, n int, seed int64) *dataset.Dataset {
	if n >= d.Len() {
		return d
	}
	return d.Shuffle(uint64(seed)).Head(n)
}

// tokenizer loads the tokenizer.
func (j *Job) tokenizer(ctx context.Context) (err error) {
	dir := j.Base
	if j.FineTune.Tokenizer != "" {
		if dir, err = TokenizerDir(ctx, j.watch.Hub, j.FineTune.Tokenizer); err != nil {
			return err
		}
	}
	j.Tokenizer, err = tokenizer.Load(dir)
	return err
}

// collate turns the rows into examples.
func (j *Job) collate(context.Context) error {
	config, err := model.LoadConfig(firstOf(j.FromScratch, j.Base))
	if err != nil {
		return err
	}
	limit, err := maxLength(j.MaxLength, config)
	if err != nil {
		return err
	}
	rows, held, err := j.splits()
	if err != nil {
		return err
	}
	if j.coder, err = j.newCoder(j.Tokenizer, j.Task, limit, j.watch.Say); err != nil {
		return err
	}
	if j.Train, j.Stats, err = j.coder.encode(rows); err != nil {
		return err
	}
	if held == nil || held.Len() == 0 {
		if j.EvalStrategy != "no" {
			return fmt.Errorf("hone: eval_strategy is %s, but %s has no split to evaluate on: give --eval_split, or hold some rows out with --test_size 0.1", j.EvalStrategy, j.FineTune.Dataset)
		}
		return nil
	}
	j.Evaluator, err = j.coder.evaluator(held)
	return err
}

// model loads the model, or draws one, with room for every token.
func (j *Job) model(context.Context) (err error) {
	load := j.load
	if load == nil {
		load = j.weights
	}
	if j.Model, err = load(); err != nil {
		return err
	}
	if n := len(j.Model.Unused); n > 0 {
		j.watch.Say("note: %d tensors of the file are not part of the model and will be lost, such as %s", n, j.Model.Unused[0])
	}
	if n := int(j.Tokenizer.MaxID()) + 1; n > j.Model.Config.VocabSize {
		if j.Lora {
			return fmt.Errorf("hone: the tokenizer has %d tokens, the model %d: an adapter can't hold the embeddings of new ones; train without --lora", n, j.Model.Config.VocabSize)
		}
		j.watch.Say("the tokenizer has %d tokens, the model %d: resizing the model's embedding", n, j.Model.Config.VocabSize)
		if err := j.Model.Resize(n, uint64(j.Seed)); err != nil {
			return err
		}
		j.resized = true
	}
	for _, e := range j.Train {
		if err := j.Model.Check(e.IDs); err != nil {
			return err
		}
	}
	if err := j.attach(); err != nil {
		return err
	}
	var own func(*nn.Param) bool
	if j.Adapter != nil {
		own = j.Adapter.Trainable
	}
	j.trained, err = j.Args.Trainable(j.Model, own)
	return err
}

// sizes lists the splits of d with their rows.
func sizes(d dataset.Dict) string {
	parts := make([]string, len(d))
	for i, s := range d {
		parts[i] = fmt.Sprintf("%s %d", s.Name, s.Len())
	}
	return strings.Join(parts, ", ")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
