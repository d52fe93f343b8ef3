package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// settings are training_args.json: the arguments, and by the names of transformers and TRL what the model and the pairs
// bring that changes the arithmetic too.
type settings struct {
	Args
	Dtype          string   `json:"dtype"` // how the matrices of the blocks are held
	LossType       string   `json:"loss_type,omitempty"`
	Beta           *float64 `json:"beta,omitempty"`
	LabelSmoothing *float64 `json:"label_smoothing,omitempty"`
}

func (l *loop) settings() *settings {
	s := &settings{Args: l.args, Dtype: l.Model.Storage().String()}
	if p := l.Pairs; p != nil {
		d := p.DPO
		s.LossType, s.Beta, s.LabelSmoothing = d.LossType, &d.Beta, &d.LabelSmoothing
	}
	return s
}

// trainableAsHeld refuses to train weights that are held so that they can't be written to.
func trainableAsHeld(m *model.Model, trainable func(*nn.Param) bool) error {
	for _, p := range m.Params {
		if p.Stored != nil && !m.BF16() && trainable(p) {
			return fmt.Errorf("train: %s is held frozen, in %v, and can't be trained: load the model with weights of its own, or train an adapter", p.Name, p.Storage())
		}
	}
	return nil
}

// differing lists the settings that change the arithmetic of a run and differ between a and b, those that move the
// data apart from the others.
func (a *settings) differing(b *settings) (data, other []string) {
	add := func(list *[]string, name string, x, y any) {
		if x != y {
			*list = append(*list, fmt.Sprintf("%s was %v and is now %v", name, y, x))
		}
	}
	add(&data, "per_device_train_batch_size", a.PerDeviceTrainBatchSize, b.PerDeviceTrainBatchSize)
	add(&data, "gradient_accumulation_steps", a.GradientAccumulationSteps, b.GradientAccumulationSteps)
	add(&data, "data seed", a.dataSeed(), b.dataSeed())
	add(&data, "train_sampling_strategy", a.TrainSamplingStrategy, b.TrainSamplingStrategy)
	add(&data, "dataloader_drop_last", a.DataloaderDropLast, b.DataloaderDropLast)

	add(&other, "seed", a.Seed, b.Seed)
	add(&other, "max_steps", a.MaxSteps, b.MaxSteps)
	add(&other, "num_train_epochs", a.NumTrainEpochs, b.NumTrainEpochs)
	add(&other, "learning_rate", a.LearningRate, b.LearningRate)
	add(&other, "lr_scheduler_type", a.LRSchedulerType, b.LRSchedulerType)
	add(&other, "lr_scheduler_kwargs", fmt.Sprint(a.LRSchedulerKwargs), fmt.Sprint(b.LRSchedulerKwargs))
	add(&other, "optim in 8 bits", a.in8Bits(), b.in8Bits())
	add(&other, "warmup_steps", a.WarmupSteps, b.WarmupSteps)
	add(&other, "adam_beta1", a.AdamBeta1, b.AdamBeta1)
	add(&other, "adam_beta2", a.AdamBeta2, b.AdamBeta2)
	add(&other, "adam_epsilon", a.AdamEpsilon, b.AdamEpsilon)
	add(&other, "weight_decay", a.WeightDecay, b.WeightDecay)
	add(&other, "max_grad_norm", a.MaxGradNorm, b.MaxGradNorm)
	add(&other, "bf16", a.BF16, b.BF16)
	add(&other, "neftune_noise_alpha", deref(a.NeftuneNoiseAlpha), deref(b.NeftuneNoiseAlpha))
	add(&other, "freeze", strings.Join(a.Freeze, ","), strings.Join(b.Freeze, ","))
	add(&other, "layer_lr_decay", a.LayerLRDecay, b.LayerLRDecay)
	add(&other, "label_smoothing_factor", a.LabelSmoothingFactor, b.LabelSmoothingFactor)
	add(&other, "dtype", a.Dtype, b.Dtype)
	add(&other, "loss_type", a.LossType, b.LossType)
	add(&other, "beta", deref(a.Beta), deref(b.Beta))
	add(&other, "label_smoothing", deref(a.LabelSmoothing), deref(b.LabelSmoothing))
	return slices.Clip(data), other
}
