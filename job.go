package hone

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/optim"
	"github.com/hone-ml/hone/train"
)

// A Plan is what a job will take. FLOPs and memory are counted by a pass that computes nothing: FLOPs
// over a batch of average length, memory over the largest of the run.
type Plan struct {
	Params        int64   `json:"parameters"`
	Trainable     int64   `json:"trainable_parameters"`
	Steps         int     `json:"steps"`
	Epochs        float64 `json:"epochs"`
	BatchSize     int     `json:"batch_size"` // examples of a step
	FLOPs         int64   `json:"flops_per_step"`
	TotalFLOPs    float64 `json:"total_flops"`
	WeightBytes   int64   `json:"weight_bytes"`
	GradBytes     int64   `json:"gradient_bytes"`
	MomentBytes   int64   `json:"optimizer_bytes"`
	ActBytes      int64   `json:"activation_bytes"` // of the largest batch, or of evaluation if that takes more
	OtherBytes    int64   `json:"other_bytes"`      // code, tokenizer, data, and what products pack their factors into
	Bytes         int64   `json:"peak_bytes"`       // all of these
	DiskBytes     int64   `json:"checkpoint_bytes"` // one checkpoint
	StepSeconds   float64 `json:"step_seconds,omitempty"`
	Seconds       float64 `json:"seconds,omitempty"`
	TokensPerStep float64 `json:"tokens_per_step"` // on average
}

// Steps returns the number of optimizer steps of the whole run.
func (j *Job) Steps() int {
	_, total := j.Args.Steps(len(j.Train))
	return total
}

// Plan tells what the job will take.
func (j *Job) Plan() (Plan, error) {
	perEpoch, steps := j.Args.Steps(len(j.Train))
	p := Plan{Params: j.Model.NumParams(), Steps: steps, Epochs: float64(steps) / float64(perEpoch), BatchSize: j.PerDeviceTrainBatchSize * j.GradientAccumulationSteps}
	checkpointed := j.GradientCheckpointing || j.ActivationCheckpointing
	var b collate.Batch
	collate.Pack(&b, j.typical())
	usual := j.Model.Plan(&b, checkpointed, j.trainable)
	collate.Pack(&b, j.largest())
	most := j.Model.Plan(&b, checkpointed, j.trainable)
	p.Trainable = most.Trained
	p.FLOPs = usual.FLOPs * int64(j.GradientAccumulationSteps)
	p.TotalFLOPs = float64(p.FLOPs) * float64(p.Steps)
	p.WeightBytes, p.GradBytes, p.MomentBytes, p.ActBytes = j.Model.WeightBytes(), most.Gradients, j.momentBytes(), most.Activations
	if e, ok := j.Evaluator.(eval.Planned); ok {
		p.ActBytes = max(p.ActBytes, e.Peak(j.Model))
	}
	p.OtherBytes = j.held() + most.Scratch
	p.Bytes = p.WeightBytes + p.GradBytes + p.MomentBytes + p.ActBytes + p.OtherBytes
	if p.DiskBytes = p.WeightBytes; j.Adapter != nil {
		p.DiskBytes = 4 * p.Trainable
	}
	if !j.SaveOnlyModel {
		p.DiskBytes += p.MomentBytes
	}
	p.TokensPerStep = float64(j.Stats.Tokens) / float64(len(j.Train)) * float64(p.BatchSize)
	return p, nil
}

// held returns the memory that the program takes now, but for the weights.
func (j *Job) held() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	const code = 15 << 20 // as far as it is used, which only the system knows
	return max(0, int64(m.Sys-m.HeapReleased)-j.Model.OwnBytes()) + code
}

// momentBytes returns the memory of the optimizer's state.
func (j *Job) momentBytes() (n int64) {
	var exact func(*nn.Param) bool
	if strings.HasSuffix(j.Optim, "8bit") {
		exact = j.Model.Embeds
	}
	for _, p := range j.Model.Params {
		if j.trainable(p) {
			n += optim.MomentBytes(p, exact)
		}
	}
	return n
}

// trainable reports whether p is trained.
func (j *Job) trainable(p *nn.Param) bool { return j.trained == nil || j.trained(p) }

// typical returns a batch of average length: examples at even distances in the order of length.
func (j *Job) typical() (batch []collate.Example) {
	for _, all := range [][]collate.Example{j.Train, j.rejected()} {
		order := byLength(all)
		n := min(j.PerDeviceTrainBatchSize, len(order))
		for i := range n {
			batch = append(batch, order[(2*i+1)*len(order)/(2*n)])
		}
	}
	return batch
}

// limit returns how many tokens go through the model at once.
func (j *Job) limit() int {
	var trained int64
	for _, p := range j.Model.Params {
		if j.trainable(p) {
			trained += int64(p.W.Rows) * int64(p.W.Cols)
		}
	}
	return train.PassTokens(trained, j.Model.NumParams())
}

// largest returns the most examples that go through the model at once.
func (j *Job) largest() (batch []collate.Example) {
	all := [][]collate.Example{j.Train, j.rejected()}
	lengths := make([]int, len(j.Train))
	for _, examples := range all {
		for i, e := range examples {
			lengths[i] += len(e.IDs)
		}
	}
	largest := j.Args.Largest(lengths, j.limit())
	for _, examples := range all {
		if examples != nil {
			for _, i := range largest {
				batch = append(batch, examples[i])
			}
		}
	}
	return batch
}

// TimeStep measures one step of average length, forward and backward, after one to warm up. No weight changes.
func (j *Job) TimeStep(ctx context.Context) (time.Duration, error) {
	var b collate.Batch
	typical := j.typical()
	collate.Pack(&b, typical)
	r := j.Model.NewRun(j.watch.Device)
	r.Checkpoint = j.GradientCheckpointing || j.ActivationCheckpointing
	r.Grads = j.Model.NewGrads(j.trainable, len(b.Targets))
	lengths, batch := make([]int, len(typical)), make([]int32, len(typical))
	for i, e := range typical {
		lengths[i], batch[i] = len(e.IDs), int32(i)
	}
	limit := j.limit()
	var took time.Duration
	for range 2 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r.Grads.Reset()
		r.Dropout = 1
		began := time.Now()
		for lo := 0; lo < len(typical); {
			hi := lo + train.Pass(batch[lo:], lengths, limit)
			collate.Pack(&b, typical[lo:hi])
			r.Loss(&b, 0, 1)
			lo = hi
		}
		took = time.Since(began)
	}
	return took * time.Duration(j.GradientAccumulationSteps), nil
}

// byLength returns the examples in the order of their lengths.
func byLength(ex []collate.Example) []collate.Example {
	ex = slices.Clone(ex)
	slices.SortStableFunc(ex, func(a, b collate.Example) int { return len(a.IDs) - len(b.IDs) })
	return ex
}

// Sample returns the first training example as the model reads it, and the part that it learns to say.
func (j *Job) Sample() (text, learns string) {
	e := j.Train[0]
	var ids []int32
	for _, y := range e.Labels {
		if y != collate.Ignore {
			ids = append(ids, y)
		}
	}
	return j.Tokenizer.Decode(e.IDs, false), j.Tokenizer.Decode(ids, false)
}
