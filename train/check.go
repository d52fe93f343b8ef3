package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/optim"
)

// Check fills in what follows from other arguments, as the reference does (eval_steps, metric_for_best_model,
// greater_is_better, ~ in output_dir), and returns an error that names argument, value and remedy if the
// arguments don't fit together.
func (a *Args) Check() error {
	for _, f := range []func() error{a.checkWords, a.checkNumbers, a.derive, a.checkSteps, a.checkBest} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Args) checkWords() error {
	if a.LRSchedulerType == "greedy" {
		return fmt.Errorf("train: lr_scheduler_type greedy is not supported; reduce_lr_on_plateau follows a metric too")
	}
	for _, e := range []struct {
		name, value string
		words       []string
	}{
		{"lr_scheduler_type", a.LRSchedulerType, optim.Schedules},
		{"optim", a.Optim, []string{"adamw_torch_fused", "adamw_torch", "adamw_8bit", "adamw_bnb_8bit"}},
		{"train_sampling_strategy", a.TrainSamplingStrategy, []string{"random", "sequential", "group_by_length"}},
		{"logging_strategy", a.LoggingStrategy, []string{"no", "steps", "epoch"}},
		{"eval_strategy", a.EvalStrategy, []string{"no", "steps", "epoch"}},
		{"save_strategy", a.SaveStrategy, []string{"no", "steps", "epoch", "best"}},
		{"include_num_input_tokens_seen", a.IncludeNumInputTokens, []string{"no", "all", "non_padding"}},
		{"report_to", a.ReportTo, []string{"none", "tensorboard"}},
	} {
		if err := oneOf(e.name, e.value, e.words); err != nil {
			return err
		}
	}
	return nil
}

func (a *Args) checkNumbers() error {
	for _, c := range []struct {
		ok    bool
		name  string
		value any
		want  string
	}{
		{a.PerDeviceTrainBatchSize >= 1, "per_device_train_batch_size", a.PerDeviceTrainBatchSize, "1 or more"},
		{a.PerDeviceEvalBatchSize >= 1, "per_device_eval_batch_size", a.PerDeviceEvalBatchSize, "1 or more"},
		{a.GradientAccumulationSteps >= 1, "gradient_accumulation_steps", a.GradientAccumulationSteps, "1 or more"},
		{a.MaxSteps == -1 || a.MaxSteps > 0, "max_steps", a.MaxSteps, "a positive number, or -1 to count by num_train_epochs"},
		{a.MaxSteps > 0 || a.NumTrainEpochs > 0 && a.NumTrainEpochs < 1e9, "num_train_epochs", a.NumTrainEpochs, "a positive number"},
		{a.LearningRate >= 0 && !math.IsInf(a.LearningRate, 0), "learning_rate", a.LearningRate, "0 or more; 5e-5 is usual"},
		{a.WarmupSteps >= 0, "warmup_steps", a.WarmupSteps, "0 or more; below 1 it is a share of all updates"},
		{a.AdamBeta1 >= 0 && a.AdamBeta1 < 1, "adam_beta1", a.AdamBeta1, "0 to less than 1"},
		{a.AdamBeta2 >= 0 && a.AdamBeta2 < 1, "adam_beta2", a.AdamBeta2, "0 to less than 1"},
		{a.AdamEpsilon >= 0, "adam_epsilon", a.AdamEpsilon, "0 or more"},
		{a.WeightDecay >= 0, "weight_decay", a.WeightDecay, "0 or more"},
		{a.MaxGradNorm >= 0, "max_grad_norm", a.MaxGradNorm, "0 or more; 0 switches clipping off"},
		{deref(a.NeftuneNoiseAlpha) >= 0 && !math.IsInf(deref(a.NeftuneNoiseAlpha), 0), "neftune_noise_alpha", deref(a.NeftuneNoiseAlpha), "0 or more; 5 is usual"},
		{a.LayerLRDecay > 0 && a.LayerLRDecay <= 1, "layer_lr_decay", a.LayerLRDecay, "more than 0 to 1; 0.9 is usual"},
		{a.LabelSmoothingFactor >= 0 && a.LabelSmoothingFactor < 1, "label_smoothing_factor", a.LabelSmoothingFactor, "0 to less than 1"},
		{a.LoggingSteps >= 0, "logging_steps", a.LoggingSteps, "0 or more"},
		{a.EvalSteps == nil || *a.EvalSteps >= 0, "eval_steps", deref(a.EvalSteps), "0 or more"},
		{a.SaveSteps >= 0, "save_steps", a.SaveSteps, "0 or more"},
		{a.EvalDelay >= 0, "eval_delay", a.EvalDelay, "0 or more"},
		{a.SaveTotalLimit == nil || *a.SaveTotalLimit >= 1, "save_total_limit", deref(a.SaveTotalLimit), "1 or more; leave it out to keep all checkpoints"},
		{a.EarlyStoppingPatience >= 0, "early_stopping_patience", a.EarlyStoppingPatience, "0 or more"},
		{a.EarlyStoppingThreshold >= 0, "early_stopping_threshold", a.EarlyStoppingThreshold, "0 or more"},
	} {
		if !c.ok {
			return fmt.Errorf("train: %s is %v; expected %s", c.name, c.value, c.want)
		}
	}
	return nil
}

// in8Bits reports whether the optimizer's state is held in 8 bits.
func (a *Args) in8Bits() bool { return strings.HasSuffix(a.Optim, "8bit") }

// derive sets arguments that follow from others.
func (a *Args) derive() error {
	if a.OutputDir == "" {
		a.OutputDir = "trainer_output"
	}
	if rest, ok := strings.CutPrefix(a.OutputDir, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("train: output_dir %s: %w", a.OutputDir, err)
		}
		a.OutputDir = filepath.Join(home, rest)
	}
	if a.EvalStrategy == "steps" && deref(a.EvalSteps) == 0 {
		if a.LoggingSteps == 0 {
			return fmt.Errorf("train: eval_strategy steps needs eval_steps or logging_steps above 0")
		}
		steps := a.LoggingSteps
		a.EvalSteps = &steps
	}
	if a.MetricForBestModel == "" && (a.LoadBestModelAtEnd || a.LRSchedulerType == "reduce_lr_on_plateau") {
		a.MetricForBestModel = "loss"
	}
	if a.GreaterIsBetter == nil && a.MetricForBestModel != "" {
		greater := !strings.HasSuffix(a.MetricForBestModel, "loss")
		a.GreaterIsBetter = &greater
	}
	return nil
}

func (a *Args) checkSteps() error {
	if a.LoggingStrategy == "steps" && a.LoggingSteps == 0 {
		return fmt.Errorf("train: logging_steps is 0 with logging_strategy steps; give a number above 0, or logging_strategy no")
	}
	for _, s := range []struct {
		strategy, name string
		steps          float64
	}{
		{a.LoggingStrategy, "logging_steps", a.LoggingSteps}, {a.EvalStrategy, "eval_steps", deref(a.EvalSteps)}, {a.SaveStrategy, "save_steps", a.SaveSteps},
	} {
		if s.strategy == "steps" && s.steps > 1 && s.steps != math.Trunc(s.steps) {
			return fmt.Errorf("train: %s is %g; above 1 it must be a whole number (below 1 it is a share of all updates)", s.name, s.steps)
		}
	}
	return nil
}

// checkBest checks what finding the best model needs.
func (a *Args) checkBest() error {
	if a.LRSchedulerType == "reduce_lr_on_plateau" && a.EvalStrategy == "no" {
		return fmt.Errorf("train: lr_scheduler_type reduce_lr_on_plateau needs evaluations to follow; set eval_strategy to steps or epoch")
	}
	if a.SaveStrategy == "best" && a.MetricForBestModel == "" {
		return fmt.Errorf("train: save_strategy best needs metric_for_best_model, such as loss")
	}
	if a.EarlyStoppingPatience > 0 && (a.EvalStrategy == "no" || a.MetricForBestModel == "") {
		return fmt.Errorf("train: early_stopping_patience is %d, which needs eval_strategy steps or epoch and metric_for_best_model (or load_best_model_at_end)", a.EarlyStoppingPatience)
	}
	if !a.LoadBestModelAtEnd || a.SaveStrategy == "best" {
		return nil
	}
	if a.EvalStrategy != a.SaveStrategy || a.EvalStrategy == "no" {
		return fmt.Errorf("train: load_best_model_at_end needs eval_strategy and save_strategy to match, but they are %q and %q; set both to epoch or both to steps", a.EvalStrategy, a.SaveStrategy)
	}
	if a.EvalStrategy != "steps" {
		return nil
	}
	eval, save := *a.EvalSteps, a.SaveSteps
	if (eval < 1) != (save < 1) {
		return fmt.Errorf("train: load_best_model_at_end needs save_steps (%g) and eval_steps (%g) to be both counts or both shares", save, eval)
	}
	if eval < 1 { // whole millionths, so that 0.3 is a multiple of 0.1
		eval, save = math.Round(eval*1e6), math.Round(save*1e6)
	}
	if math.Mod(save, eval) != 0 {
		return fmt.Errorf("train: load_best_model_at_end needs save_steps (%g) to be a multiple of eval_steps (%g), so that every best model has been evaluated", a.SaveSteps, *a.EvalSteps)
	}
	return nil
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
