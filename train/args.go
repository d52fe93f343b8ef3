// Package train fine-tunes a model as Hugging Face's Trainer does: the same arguments, the same order of the data,
// the same arithmetic, the same files.
//
// It differs on purpose in these points:
//   - Resuming is exact. The reference forgets the losses since its last log, what was due at the end of the epoch
//     and its early stopping; here a resumed run ends as the unbroken one would have, and train_loss is that of the
//     whole run.
//   - Dropout is drawn from the seed and the place of a batch in the run, not from a global generator.
//   - Arguments that change where the data stands may not change when a run is resumed; others that change the
//     arithmetic are warned of. Intervals such as save_steps are those given, not those of the checkpoint.
//   - An update without any label has a zero gradient, where the reference's is NaN and ruins the weights.
//   - Early stopping is two arguments, early_stopping_patience and early_stopping_threshold.
//   - A checkpoint is whole or not there; the trained model, its metrics and state are written at the end without
//     being asked for.
package train

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hone-ml/hone/internal/spell"
)

// Args are Hugging Face's TrainingArguments, with the names and defaults of transformers 5. The same names serve
// the command line (kong), YAML and JSON. Start from Defaults, and call Check before use.
type Args struct {
	OutputDir string `json:"output_dir" yaml:"output_dir" name:"output_dir" default:"trainer_output" help:"Folder for checkpoints, logs and the trained model."`

	PerDeviceTrainBatchSize   int     `json:"per_device_train_batch_size" yaml:"per_device_train_batch_size" name:"per_device_train_batch_size" default:"8" help:"Examples in one forward and backward pass; larger is faster per example but needs more memory."`
	PerDeviceEvalBatchSize    int     `json:"per_device_eval_batch_size" yaml:"per_device_eval_batch_size" name:"per_device_eval_batch_size" default:"8" help:"Examples per batch when evaluating; results depend on it only in that eval_loss is a mean of batch means."`
	GradientAccumulationSteps int     `json:"gradient_accumulation_steps" yaml:"gradient_accumulation_steps" name:"gradient_accumulation_steps" default:"1" help:"Batches whose gradients are added before one update: a larger batch without more memory."`
	NumTrainEpochs            float64 `json:"num_train_epochs" yaml:"num_train_epochs" name:"num_train_epochs" default:"3" help:"Passes over the training data; 2.5 stops in the middle of the third."`
	MaxSteps                  int     `json:"max_steps" yaml:"max_steps" name:"max_steps" default:"-1" help:"Updates to do, whatever num_train_epochs says; -1 leaves it to the epochs."`

	LearningRate      float64 `json:"learning_rate" yaml:"learning_rate" name:"learning_rate" default:"5e-5" help:"Peak size of a step; too high and the loss jumps or turns NaN, too low and nothing is learnt."`
	LRSchedulerType   string  `json:"lr_scheduler_type" yaml:"lr_scheduler_type" name:"lr_scheduler_type" default:"linear" help:"How the learning rate changes over training: linear, cosine, constant, constant_with_warmup, polynomial, inverse_sqrt, reduce_lr_on_plateau …"`
	LRSchedulerKwargs Kwargs  `json:"lr_scheduler_kwargs" yaml:"lr_scheduler_kwargs" name:"lr_scheduler_kwargs" help:"Arguments of the schedule as a JSON object, such as {\"num_cycles\": 2}."`
	WarmupSteps       float64 `json:"warmup_steps" yaml:"warmup_steps" name:"warmup_steps" default:"0" help:"Updates in which the learning rate rises from 0; below 1 it is a share of all updates."`
	Optim             string  `json:"optim" yaml:"optim" name:"optim" default:"adamw_torch_fused" help:"The optimizer: adamw_torch_fused or adamw_torch, which compute the same, or adamw_8bit (adamw_bnb_8bit), which holds its state in a quarter of the memory."`
	AdamBeta1         float64 `json:"adam_beta1" yaml:"adam_beta1" name:"adam_beta1" default:"0.9" help:"How slowly the mean of the gradients forgets."`
	AdamBeta2         float64 `json:"adam_beta2" yaml:"adam_beta2" name:"adam_beta2" default:"0.999" help:"How slowly the mean of the squared gradients forgets."`
	AdamEpsilon       float64 `json:"adam_epsilon" yaml:"adam_epsilon" name:"adam_epsilon" default:"1e-8" help:"Keeps AdamW from dividing by zero."`
	WeightDecay       float64 `json:"weight_decay" yaml:"weight_decay" name:"weight_decay" default:"0" help:"Pulls all weights but biases and norms towards zero; 0.01 to 0.1 curbs overfitting."`
	MaxGradNorm       float64 `json:"max_grad_norm" yaml:"max_grad_norm" name:"max_grad_norm" default:"1" help:"Longest gradient an update may use, which tames outliers; 0 switches clipping off."`

	NeftuneNoiseAlpha *float64 `json:"neftune_noise_alpha" yaml:"neftune_noise_alpha" name:"neftune_noise_alpha" help:"NEFTune: noise on the embeddings in training, often 5 to 15, so that answers follow the form of the examples less slavishly."`
	Freeze            []string `json:"freeze" yaml:"freeze" name:"freeze" help:"Weights not to train: embeddings, a number N for the first N blocks, or a regular expression found in their names. Not of transformers."`
	LayerLRDecay      float64  `json:"layer_lr_decay" yaml:"layer_lr_decay" name:"layer_lr_decay" default:"1" help:"Each block's learning rate is this times that of the block above it; the embeddings have the lowest. Not of transformers."`

	LabelSmoothingFactor    float64 `json:"label_smoothing_factor" yaml:"label_smoothing_factor" name:"label_smoothing_factor" default:"0" help:"Share of the target probability spread over the whole vocabulary, against overconfidence."`
	BF16                    bool    `json:"bf16" yaml:"bf16" name:"bf16" default:"false" help:"Multiplies in bfloat16, with sums and weights in float32: nearly twice as fast on processors that can, and losses that differ in the third digit."`
	GradientCheckpointing   bool    `json:"gradient_checkpointing" yaml:"gradient_checkpointing" name:"gradient_checkpointing" default:"false" help:"Computes activations again in the backward pass: much less memory for about a third more time."`
	ActivationCheckpointing bool    `json:"activation_checkpointing" yaml:"activation_checkpointing" name:"activation_checkpointing" default:"false" help:"The newer name of gradient_checkpointing; either switches it on."`

	Seed                  int64  `json:"seed" yaml:"seed" name:"seed" default:"42" help:"Start of all random numbers; the same seed gives the same run."`
	DataSeed              *int64 `json:"data_seed" yaml:"data_seed" name:"data_seed" help:"Seed of the order of the data alone; seed if not given."`
	TrainSamplingStrategy string `json:"train_sampling_strategy" yaml:"train_sampling_strategy" name:"train_sampling_strategy" default:"random" help:"Order of the data: random, sequential, or group_by_length, which batches examples of like length."`
	DataloaderDropLast    bool   `json:"dataloader_drop_last" yaml:"dataloader_drop_last" name:"dataloader_drop_last" default:"false" help:"Leaves out the last batch of an epoch if it is not full."`

	LoggingStrategy       string  `json:"logging_strategy" yaml:"logging_strategy" name:"logging_strategy" default:"steps" help:"When to log: no, steps or epoch."`
	LoggingSteps          float64 `json:"logging_steps" yaml:"logging_steps" name:"logging_steps" default:"500" help:"Updates between two logs; below 1 it is a share of all updates. hone train logs about 20 times in a short run if not told otherwise."`
	LoggingFirstStep      bool    `json:"logging_first_step" yaml:"logging_first_step" name:"logging_first_step" default:"false" help:"Logs the first update too."`
	LoggingNaNInfFilter   bool    `json:"logging_nan_inf_filter" yaml:"logging_nan_inf_filter" name:"logging_nan_inf_filter" default:"true" negatable:"" help:"Keeps NaN and infinite losses out of the logged mean; training itself is not changed."`
	IncludeNumInputTokens string  `json:"include_num_input_tokens_seen" yaml:"include_num_input_tokens_seen" name:"include_num_input_tokens_seen" default:"no" help:"Counts input tokens in the logs: no, all (with padding) or non_padding."`
	ReportTo              string  `json:"report_to" yaml:"report_to" name:"report_to" default:"none" help:"Where logs go besides trainer_state.json: none or tensorboard."`

	EvalStrategy string   `json:"eval_strategy" yaml:"eval_strategy" name:"eval_strategy" default:"no" help:"When to evaluate during training: no, steps or epoch. hone train evaluates each epoch if not told otherwise and there is something to evaluate on."`
	EvalSteps    *float64 `json:"eval_steps" yaml:"eval_steps" name:"eval_steps" help:"Updates between two evaluations; logging_steps if not given; below 1 it is a share of all updates."`
	EvalDelay    float64  `json:"eval_delay" yaml:"eval_delay" name:"eval_delay" default:"0" help:"Updates or epochs, as eval_strategy counts, to wait before the first evaluation."`
	EvalOnStart  bool     `json:"eval_on_start" yaml:"eval_on_start" name:"eval_on_start" default:"false" help:"Evaluates before the first update, to see where the model starts from."`

	SaveStrategy   string  `json:"save_strategy" yaml:"save_strategy" name:"save_strategy" default:"steps" help:"When to save a checkpoint: no, steps, epoch, or best (at every new best metric)."`
	SaveSteps      float64 `json:"save_steps" yaml:"save_steps" name:"save_steps" default:"500" help:"Updates between two checkpoints; below 1 it is a share of all updates."`
	SaveTotalLimit *int    `json:"save_total_limit" yaml:"save_total_limit" name:"save_total_limit" help:"Most checkpoints to keep; the oldest go first, the newest and the best always stay."`
	SaveOnlyModel  bool    `json:"save_only_model" yaml:"save_only_model" name:"save_only_model" default:"false" help:"Leaves optimizer state out of checkpoints: a third of the size, but resuming starts the moments at zero."`

	LoadBestModelAtEnd     bool    `json:"load_best_model_at_end" yaml:"load_best_model_at_end" name:"load_best_model_at_end" default:"false" help:"Ends with the weights of the best evaluation instead of the last ones."`
	MetricForBestModel     string  `json:"metric_for_best_model" yaml:"metric_for_best_model" name:"metric_for_best_model" default:"" help:"Metric that tells the best model, such as loss or accuracy; loss if load_best_model_at_end needs one."`
	GreaterIsBetter        *bool   `json:"greater_is_better" yaml:"greater_is_better" name:"greater_is_better" help:"Whether that metric should be large; if not given, it should unless its name ends in loss."`
	EarlyStoppingPatience  int     `json:"early_stopping_patience" yaml:"early_stopping_patience" name:"early_stopping_patience" default:"0" help:"Stops after so many evaluations in a row without a better metric; 0 never stops early."`
	EarlyStoppingThreshold float64 `json:"early_stopping_threshold" yaml:"early_stopping_threshold" name:"early_stopping_threshold" default:"0" help:"How much better a metric must be to count as better for early stopping."`

	ResumeFromCheckpoint Resume `json:"resume_from_checkpoint" yaml:"resume_from_checkpoint" name:"resume_from_checkpoint" help:"Goes on from a checkpoint folder, or from the last one in output_dir if true."`
	IgnoreDataSkip       bool   `json:"ignore_data_skip" yaml:"ignore_data_skip" name:"ignore_data_skip" default:"false" help:"When resuming, starts the epoch's data anew instead of going on where it stopped."`
}

// Defaults returns the reference's defaults: those of the tags.
func Defaults() Args {
	var a Args
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("default")
		if tag == "" {
			continue
		}
		var err error
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(tag)
		case reflect.Bool:
			var b bool
			b, err = strconv.ParseBool(tag)
			f.SetBool(b)
		case reflect.Int, reflect.Int64:
			var n int64
			n, err = strconv.ParseInt(tag, 10, 64)
			f.SetInt(n)
		case reflect.Float64:
			var x float64
			x, err = strconv.ParseFloat(tag, 64)
			f.SetFloat(x)
		}
		if err != nil {
			panic(err) // a wrong tag above
		}
	}
	return a
}

// Kwargs are named arguments, written as a JSON object on a command line.
type Kwargs map[string]any

// UnmarshalText reads a JSON object.
func (k *Kwargs) UnmarshalText(b []byte) error {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf(`%q is not a JSON object such as {"num_cycles": 2}`, b)
	}
	*k = m
	return nil
}

// UnmarshalJSON reads a JSON object, or a string that holds one.
func (k *Kwargs) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil && s != "" {
		b = []byte(s)
	}
	return k.UnmarshalText(b)
}

// UnmarshalYAML reads a mapping.
func (k *Kwargs) UnmarshalYAML(unmarshal func(any) error) error {
	var m map[string]any
	if err := unmarshal(&m); err != nil {
		return err
	}
	*k = m
	return nil
}

// Resume says where to go on: a checkpoint's folder, "true" for the last one in output_dir, or "" (or "false")
// for a fresh start.
type Resume string

// UnmarshalJSON reads a string, a boolean or null.
func (r *Resume) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	return r.set(v)
}

// UnmarshalYAML reads a string, a boolean or null.
func (r *Resume) UnmarshalYAML(unmarshal func(any) error) error {
	var v any
	if err := unmarshal(&v); err != nil {
		return err
	}
	return r.set(v)
}

func (r *Resume) set(v any) error {
	switch v := v.(type) {
	case nil:
		*r = ""
	case bool:
		*r = Resume(strconv.FormatBool(v))
	case string:
		*r = Resume(v)
	default:
		return fmt.Errorf("resume_from_checkpoint is %v; expected a checkpoint's folder, true or false", v)
	}
	return nil
}

// warmup returns get_warmup_steps of the reference.
func (a *Args) warmup(maxSteps int) int {
	if a.WarmupSteps >= 1 {
		return int(a.WarmupSteps)
	}
	return int(math.Ceil(float64(maxSteps) * a.WarmupSteps))
}

// Steps returns the updates of an epoch over so many examples and of the whole run, as the reference counts them.
// The only batch of an epoch is not dropped even if it is short.
func (a *Args) Steps(examples int) (perEpoch, total int) {
	perEpoch = (a.batches(examples) + a.GradientAccumulationSteps - 1) / a.GradientAccumulationSteps
	if a.MaxSteps > 0 {
		return perEpoch, a.MaxSteps
	}
	return perEpoch, int(math.Ceil(a.NumTrainEpochs * float64(perEpoch)))
}

// batches returns the batches of an epoch.
func (a *Args) batches(examples int) int {
	n := examples / a.PerDeviceTrainBatchSize
	if examples%a.PerDeviceTrainBatchSize != 0 && (!a.DataloaderDropLast || n == 0) {
		n++
	}
	return n
}

// every turns a number of steps into a count; below 1 it is a share of all steps.
func every(steps float64, maxSteps int) int {
	if steps < 1 {
		return int(math.Ceil(float64(maxSteps) * steps))
	}
	return int(steps)
}

// dataSeed returns the seed of the order of the data.
func (a *Args) dataSeed() int64 {
	if a.DataSeed != nil {
		return *a.DataSeed
	}
	return a.Seed
}

// metric returns the prefixed name of the metric that tells the best model, or "".
func (a *Args) metric() string {
	if a.MetricForBestModel == "" || strings.HasPrefix(a.MetricForBestModel, "eval_") {
		return a.MetricForBestModel
	}
	return "eval_" + a.MetricForBestModel
}

// better reports whether metric x beats y.
func (a *Args) better(x, y float64) bool {
	if a.GreaterIsBetter != nil && *a.GreaterIsBetter {
		return x > y
	}
	return x < y
}

// oneOf returns an error, with a suggestion, unless value is one of words.
func oneOf(name, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	hint := "choose one of " + strings.Join(words, ", ")
	if near := spell.Nearest(value, words); near != "" {
		hint = fmt.Sprintf("did you mean %q? (%s)", near, strings.Join(words, ", "))
	}
	return fmt.Errorf("train: %s %q is not known; %s", name, value, hint)
}
