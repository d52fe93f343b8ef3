package hone

import (
	"context"
	"sync"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
	"github.com/hone-ml/hone/train"
)

// FineTune is the whole job: a model, a data set, and how to train the one on the other. Its fields are the flags
// of `hone train` and the names of its YAML file. Start from train.Defaults for Args.
type FineTune struct {
	Model         string `help:"Model to start from: a name on the Hub such as gpt2, or a folder in Hugging Face layout." placeholder:"NAME"`
	ModelRevision string `help:"A branch, tag or commit of the model on the Hub." placeholder:"REV"`
	FromScratch   string `help:"Start from random weights of the architecture in this config.json; the tokenizer is that of --tokenizer or --model." placeholder:"FILE"`
	Dtype         string `help:"How weights are held while they are trained: float32, or bfloat16, which takes half the memory; updates are then rounded stochastically, as with torchao's bf16_stochastic_round, and the trained model is saved in bfloat16. An adapter's base has base_dtype." default:"float32" placeholder:"TYPE"`
	Tokenizer     string `help:"Tokenizer, if it is not the model's: a name on the Hub or a folder." placeholder:"NAME"`

	Dataset string `help:"Data set: a name on the Hub such as rotten_tomatoes, or a file or folder of JSONL, JSON, CSV, TSV, Parquet or text." placeholder:"NAME"`
	Columns
	TrainSplit      string  `help:"Split to train on." default:"train" placeholder:"NAME"`
	EvalSplit       string  `help:"Split to evaluate on; if not given, validation, else test; \"none\" for none." placeholder:"NAME"`
	TestSize        float64 `help:"Share of the training split to hold out for evaluation, where there is no split for it." placeholder:"X"`
	MaxTrainSamples int     `help:"Train on N rows drawn at random only, to try things out." placeholder:"N"`
	MaxEvalSamples  int     `help:"Evaluate on N rows drawn at random only." placeholder:"N"`

	Template   string   `help:"How a text and its label become one text to learn; {label} comes last. The default is the tutorial's {text}{eos}{label}." placeholder:"TEXT"`
	LabelWords []string `help:"What stands for each class in the template, in the order of the classes; the class names if not given." placeholder:"WORD"`
	MaxLength  int      `help:"Most tokens of an example; longer texts lose their beginning. 0 means what the model has positions for, at most 1024." default:"0" placeholder:"N"`

	LoraOptions
	PreferenceOptions
	train.Args `embed:""`
}

// A Watch is how a job is followed. Every field may be nil.
type Watch struct {
	Hub    *hub.Client                      // nil: as the environment says
	Device compute.Device                   // nil: this machine's processor
	Say    func(format string, args ...any) // one line for people
	Hooks  []train.Hooks
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

	load     func() (*model.Model, error) // weights, begun before they are needed; nil in a job after another
	coder    coder
	trained  func(*nn.Param) bool // which weights are trained
	evalName string
	drawn    int64 // seed of the rows that are held out or drawn
	resized  bool  // the model has another vocabulary than its file
	watch    Watch
}

// An Outcome is what a job achieved.
type Outcome struct {
	State   *train.State
	Metrics train.Row    // what all_results.json says: train_loss, eval_loss, eval_accuracy …
	Report  *eval.Report // of a classifier; nil otherwise
	Right   []bool       // of a classifier: which rows of the split it got right
}

// Run does the whole job: it reads the model, the data set and the tokenizer, tokenizes, trains with evaluations
// and checkpoints, evaluates at the end, and leaves the model in OutputDir for any tool to load. A cancelled ctx
// ends training after a checkpoint.
func (f FineTune) Run(ctx context.Context, w Watch) (*Outcome, error) {
	job, err := f.Prepare(ctx, w)
	if err != nil {
		return nil, err
	}
	return job.Run(ctx)
}

// Prepare does all that comes before the first step, so that every mistake in names, files and settings shows
// before anything is computed.
func (f FineTune) Prepare(ctx context.Context, w Watch) (*Job, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if err := w.defaults(); err != nil {
		return nil, err
	}
	if f.BF16 {
		w.Device = w.Device.BF16()
		if !fastBF16() {
			w.Say("this processor doesn't multiply bfloat16 faster than float32: --bf16 rounds as it does elsewhere, but is slower than going without")
		}
	}
	if f.TrainSplit == "" {
		f.TrainSplit = "train"
	}
	j := &Job{FineTune: f, watch: w, drawn: f.Seed}
	if err := j.do(ctx, j.hub); err != nil {
		return nil, err
	}
	j.load = sync.OnceValues(j.weights)
	go j.load() // while rows are read and tokenized
	if err := j.do(ctx, j.dataset, j.tokenizer, j.collate, j.model); err != nil {
		return nil, err
	}
	return j, nil
}

// do takes steps until one fails or ctx is cancelled.
func (j *Job) do(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
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
	if err := j.prefer(ctx, t); err != nil {
		return nil, err
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
