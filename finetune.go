package hone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
	"github.com/hone-ml/hone/train"
)

// FineTune is the whole job: a model, a data set, and how to train the one on the other. Its fields are the flags
// of `hone train` and the names of its YAML file. Start from train.Defaults for Args.
type FineTune struct {
	Model         string `help:"Model to start from: a name on the Hub such as gpt2, or a folder in Hugging Face layout." placeholder:"NAME"`
	ModelRevision string `help:"A branch, tag or commit of the model on the Hub." placeholder:"REV"`
	FromScratch   string `help:"Start from random weights of the architecture in this config.json; the tokenizer is that of --tokenizer or --model." placeholder:"FILE"`
	Tokenizer     string `help:"Tokenizer, if it is not the model's: a name on the Hub or a folder." placeholder:"NAME"`

	Dataset string `help:"Data set: a name on the Hub such as rotten_tomatoes, or a file or folder of JSONL, JSON, CSV, TSV, Parquet or text." placeholder:"NAME"`
	Columns
	TrainSplit      string  `help:"Split to train on." default:"train" placeholder:"NAME"`
	EvalSplit       string  `help:"Split to evaluate on; if not given, validation, else test; \"none\" for none." placeholder:"NAME"`
	TestSize        float64 `help:"Share of the training split to hold out for evaluation, where there is no split for it." placeholder:"X"`
	MaxTrainSamples int     `help:"Train on N rows drawn at random only, to try things out." placeholder:"N"`
	MaxEvalSamples  int     `help:"Evaluate on N rows drawn at random only." placeholder:"N"`

	Template   string   `help:"How a text and its label become one text to learn; {label} comes last. The default is the tutorial's {text}{eos}{label}." placeholder:"TEXT"`
	LabelWords []string `help:"What stands for each class in the template, in the order of the classes; the class names if not given." placeholder:"WORD,…"`
	MaxLength  int      `help:"Most tokens of an example; longer texts lose their beginning. 0 means what the model has positions for, at most 1024." default:"0" placeholder:"N"`

	LoraOptions
	train.Args `embed:""`
}

// A Watch is how a job is followed. Every field may be nil.
type Watch struct {
	Hub      *hub.Client                      // nil: as the environment says
	Device   compute.Device                   // nil: this machine's processor
	Say      func(format string, args ...any) // one line for people
	Encoding func(split string, rows int)     // before a split is tokenized
	Planned  func(*Job) error                 // before the first step; an error ends the job
	Hooks    []train.Hooks
}

// A Job is a FineTune with everything read, checked and tokenized: ready for the first step.
type Job struct {
	FineTune
	Base      string // folder of the model that training starts from; "" from scratch
	Data      dataset.Dict
	Task      dataset.Task
	Tokenizer *tokenizer.Tokenizer
	Model     *model.Model
	Adapter   *lora.Adapter // what is trained of Model; nil for all of it
	Train     []collate.Example
	Stats     collate.Stats
	Evaluator eval.Evaluator // nil without a split to evaluate on

	coder    coder
	evalName string
	evalRows *dataset.Dataset
	watch    Watch
}

// An Outcome is what a job achieved.
type Outcome struct {
	State   *train.State
	Metrics train.Row    // what all_results.json says: train_loss, eval_loss, eval_accuracy …
	Report  *eval.Report // of a classifier; nil otherwise
}

// Run does the whole job: it reads the model, the data set and the tokenizer, tokenizes, trains with evaluations
// and checkpoints, evaluates at the end, and leaves the model in OutputDir for any tool to load. A cancelled ctx
// ends training after a checkpoint.
func (f FineTune) Run(ctx context.Context, w Watch) (*Outcome, error) {
	job, err := f.Prepare(ctx, w)
	if err != nil {
		return nil, err
	}
	if w.Planned != nil {
		if err := w.Planned(job); err != nil {
			return nil, err
		}
	}
	return job.Run(ctx)
}

// Prepare does all that comes before the first step, so that every mistake in names, files and settings shows
// before anything is computed.
func (f FineTune) Prepare(ctx context.Context, w Watch) (*Job, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := w.defaults(); err != nil {
		return nil, err
	}
	if f.TrainSplit == "" {
		f.TrainSplit = "train"
	}
	j := &Job{FineTune: f, watch: w}
	for _, step := range []func(context.Context) error{j.hub, j.dataset, j.tokenizer, j.collate, j.model} {
		if err := step(ctx); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return j, nil
}

func (f *FineTune) check() error {
	switch {
	case f.Dataset == "":
		return fmt.Errorf("hone: no data set: give --dataset, such as --dataset rotten_tomatoes or --dataset reviews.jsonl")
	case f.Model == "" && f.FromScratch == "":
		return fmt.Errorf("hone: no model: give --model, such as --model gpt2, or --from_scratch config.json")
	case f.FromScratch != "" && f.Model == "" && f.Tokenizer == "":
		return fmt.Errorf("hone: --from_scratch needs a tokenizer: give --tokenizer, or --model to take that model's")
	case f.TestSize < 0 || f.TestSize >= 1:
		return fmt.Errorf("hone: test_size is %g; expected a share from 0 to less than 1", f.TestSize)
	}
	if err := f.Args.Check(); err != nil {
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
	if w.Encoding == nil {
		w.Encoding = func(string, int) {}
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
	j.watch.Say("%s: %s", j.FineTune.Dataset, sizes(j.Data))
	j.watch.Say("%s", j.Task.Why)
	return nil
}

// splits returns the rows to train on and those to evaluate on, nil for none.
func (j *Job) splits() (rows, held *dataset.Dataset, err error) {
	rows = j.Data.Split(j.TrainSplit)
	if rows == nil {
		return nil, nil, fmt.Errorf("hone: %s has no split %q to train on; it has %s", j.FineTune.Dataset, j.TrainSplit, strings.Join(j.Data.Names(), ", "))
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
			return nil, nil, fmt.Errorf("hone: %s has no split %q to evaluate on; it has %s", j.FineTune.Dataset, j.evalName, strings.Join(j.Data.Names(), ", "))
		}
	case j.TestSize > 0:
		if rows, held, err = rows.TrainTestSplit(j.TestSize, uint64(j.Seed)); err != nil {
			return nil, nil, err
		}
		j.evalName = "held out"
	}
	if j.MaxTrainSamples > 0 {
		rows = sample(rows, j.MaxTrainSamples, j.Seed)
	}
	if held != nil && j.MaxEvalSamples > 0 {
		held = sample(held, j.MaxEvalSamples, j.Seed)
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
	j.watch.Encoding(j.TrainSplit, rows.Len())
	if j.Train, j.Stats, err = j.coder.encode(rows); err != nil {
		return err
	}
	if held == nil || held.Len() == 0 {
		if j.EvalStrategy != "no" {
			return fmt.Errorf("hone: eval_strategy is %s, but %s has no split to evaluate on: give --eval_split, or hold some rows out with --test_size 0.1", j.EvalStrategy, j.FineTune.Dataset)
		}
		return nil
	}
	j.watch.Encoding(j.evalName, held.Len())
	j.evalRows = held
	j.Evaluator, err = j.coder.evaluator(held)
	return err
}

// model loads the model, or draws one, with room for every token.
func (j *Job) model(context.Context) (err error) {
	if j.FromScratch != "" {
		config, err := model.LoadConfig(j.FromScratch)
		if err != nil {
			return err
		}
		if j.Model, err = model.New(config, uint64(j.Seed)); err != nil {
			return err
		}
	} else if j.Model, err = model.Load(j.Base); err != nil {
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
	}
	for _, e := range j.Train {
		if err := j.Model.Check(e.IDs); err != nil {
			return err
		}
	}
	return j.attach()
}

// save writes all that a folder needs to be a model: weights, or those of the adapter, config, tokenizer, and the
// label words of a classifier.
func (j *Job) save(dir string) error {
	weights := j.Model.Save
	if j.Adapter != nil {
		weights = j.Adapter.Save
	}
	for _, save := range []func(string) error{weights, j.Tokenizer.Save, j.coder.save} {
		if err := save(dir); err != nil {
			return err
		}
	}
	return nil
}

// Run trains, evaluates and saves.
func (j *Job) Run(ctx context.Context) (*Outcome, error) {
	t := &train.Trainer{
		Model: j.Model, Args: j.Args, Device: j.watch.Device,
		Train: j.Train, Eval: j.Evaluator,
		Save: j.save, Hooks: j.watch.Hooks,
	}
	if j.Adapter != nil {
		t.Trainable, t.Load = j.Adapter.Trainable, j.Adapter.LoadWeights
	}
	state, err := t.Run(ctx)
	if err != nil {
		return nil, err
	}
	o := &Outcome{State: state}
	if err := j.measure(ctx, o); err != nil {
		return nil, err
	}
	if o.Metrics, err = results(j.OutputDir); err != nil {
		return nil, err
	}
	return o, j.card(o)
}

// measure evaluates the weights that training ended with, unless it has done so itself, and adds the result to
// output_dir's files.
func (j *Job) measure(ctx context.Context, o *Outcome) error {
	if j.Evaluator == nil {
		return nil
	}
	if !j.measured(o.State) {
		began := time.Now()
		result, err := j.Evaluator.Evaluate(ctx, j.Model.NewRun(j.watch.Device), j.progress)
		if err != nil {
			return err
		}
		row := train.Row{"epoch": o.State.Epoch}
		for name, v := range result.Metrics {
			row["eval_"+name] = v
		}
		seconds := time.Since(began).Seconds()
		row["eval_runtime"] = seconds
		row["eval_samples_per_second"] = float64(result.Examples) / seconds
		row["eval_steps_per_second"] = float64(result.Steps) / seconds
		if err := train.SaveMetrics(j.OutputDir, "eval", row); err != nil {
			return err
		}
	}
	if c, ok := j.Evaluator.(*classEvaluator); ok {
		o.Report = c.report
	}
	return nil
}

// measured reports whether the last row of the history but the summary is an evaluation of the final weights.
func (j *Job) measured(s *train.State) bool {
	if j.LoadBestModelAtEnd {
		return false
	}
	for _, row := range s.LogHistory {
		if _, ok := row["eval_loss"]; ok && row["step"] == float64(s.GlobalStep) {
			return true
		}
	}
	return false
}

// results reads what all_results.json says.
func results(dir string) (train.Row, error) {
	path := filepath.Join(dir, "all_results.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("hone: %w", err)
	}
	var r train.Row
	if err := r.UnmarshalJSON(b); err != nil { // which reads NaN, as Python writes it
		return nil, fmt.Errorf("hone: %s: %w", path, err)
	}
	return r, nil
}

// card writes the model card.
func (j *Job) card(o *Outcome) error {
	c := train.Card{Version: Version()}
	if name := j.FineTune.Model; j.FromScratch == "" && onHub(name) {
		c.BaseModel = name
	}
	if name := j.FineTune.Dataset; onHub(name) {
		c.Datasets = []string{name}
	}
	return train.WriteCard(c, &j.Args, o.State)
}

func (j *Job) progress(done, total int) {
	for _, h := range j.watch.Hooks {
		if h.Eval != nil {
			h.Eval(done, total)
		}
	}
}

// sizes lists the splits of d with their rows.
func sizes(d dataset.Dict) string {
	parts := make([]string, len(d))
	for i, s := range d {
		parts[i] = fmt.Sprintf("%s %d", s.Name, s.Len())
	}
	return strings.Join(parts, ", ") + " rows"
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
