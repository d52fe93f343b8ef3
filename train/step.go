package train

import (
	"fmt"
	"math"
	"time"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/optim"
)

// update does update u of epoch e: gradients of its batches, clipping, AdamW.
func (l *loop) update(e, u int, perm []int32) error {
	accumulate := l.args.GradientAccumulationSteps
	from, to := u*accumulate, min((u+1)*accumulate, l.batches)
	items := 0
	for _, i := range perm[l.begin(from):l.begin(to)] {
		items += l.targets[i]
	}
	l.grads.Reset()
	l.lastLoss = 0
	seen := 0
	for b := from; b < to; b++ {
		batch := perm[l.begin(b):l.begin(b+1)]
		l.addLoss(l.backward(batch, l.dropoutKey(e, b), items, to-from))
		l.count(batch)
		seen += tokens(batch, l.lengths)
	}
	l.grads.Finish()

	l.norm = l.optimizer.Norm()
	l.lr = l.schedule.Rate(l.state.GlobalStep)
	l.optimizer.Update(l.lr, optim.Clip(l.norm, l.args.MaxGradNorm))
	l.state.GlobalStep++
	l.state.Epoch = float64(e) + float64(to)/float64(l.batches)
	l.tokens += int64(seen)
	l.checkFinite()
	return l.report(seen)
}

// backward adds the gradient of a batch, part by part, and returns its share of the loss of an update with so many labels and batches.
func (l *loop) backward(batch []int32, key uint64, items, batches int) (loss float64) {
	for rest := batch; len(rest) > 0; key = nn.Mix(key) {
		n := Pass(rest, l.lengths, l.limit)
		part := rest[:n]
		rest = rest[n:]
		l.pack(part)
		l.run.Dropout, l.run.NoiseKey = key, ^key
		// Loss is divided once, by the labels of all batches of the update. Without any it is 0/0, as in the
		// reference, but the gradient is zero.
		if l.Pairs != nil { // the mean of means of batches
			loss += l.prefer(part, 1/float64(len(batch)*batches))
		} else {
			loss += l.run.Loss(&l.batch, l.args.LabelSmoothingFactor, 1/float64(items)) / float64(items)
		}
	}
	if l.Pairs != nil {
		l.preferences.endBatch(l.Pairs.DPO)
	}
	return loss
}

// begin returns where batch b begins in the order of the epoch.
func (l *loop) begin(b int) int { return min(b*l.args.PerDeviceTrainBatchSize, len(l.Train)) }

func (l *loop) pack(examples []int32) {
	l.examples = l.examples[:0]
	for _, i := range examples {
		l.examples = append(l.examples, l.Train[i])
	}
	if l.Pairs != nil {
		for _, i := range examples {
			l.examples = append(l.examples, l.Pairs.Rejected[i])
		}
	}
	collate.Pack(&l.batch, l.examples)
}

// dropoutKey depends on nothing but the seed and the batch's place in the run, so that resuming needs no state.
func (l *loop) dropoutKey(e, b int) uint64 {
	key := nn.Mix(nn.Mix(uint64(l.args.Seed)) + uint64(e)*uint64(l.batches) + uint64(b))
	return max(key, 1) // 0 would mean none
}

// addLoss adds a batch's share of the update's loss to what is logged.
func (l *loop) addLoss(loss float64) {
	l.lastLoss += loss
	if l.args.LoggingNaNInfFilter && (math.IsNaN(loss) || math.IsInf(loss, 0)) {
		loss = l.lossSum / float64(1+l.state.GlobalStep-l.logged)
	}
	l.lossSum += loss
}

// count adds the batch to the counters. The reference counts the padding too: it is what the padded tensors hold.
func (l *loop) count(batch []int32) {
	width, rows := 0, 0
	for _, i := range batch {
		for _, e := range l.sequences(int(i)) {
			width = max(width, len(e.IDs))
			rows++
		}
	}
	padded := width * rows
	l.state.TotalFlos += l.flosPerToken * float64(padded)
	switch l.args.IncludeNumInputTokens {
	case "all":
		l.state.NumInputTokensSeen += int64(padded)
	case "non_padding":
		l.state.NumInputTokensSeen += int64(tokens(batch, l.lengths))
	}
}

// checkFinite warns, once, when the loss or the gradient is no number any more. Training goes on, as the reference's.
func (l *loop) checkFinite() {
	if l.warned || !math.IsNaN(l.norm+l.lastLoss) && !math.IsInf(l.norm+l.lastLoss, 0) {
		return
	}
	l.warned = true
	switch {
	case l.norm == 0:
		l.warn(fmt.Sprintf("step %d has no token to learn: all labels of its examples are %d", l.state.GlobalStep, collate.Ignore))
	default:
		l.warn(fmt.Sprintf("step %d: loss is %v and the gradient's norm is %v. The weights are likely ruined; go back to an earlier checkpoint with a lower learning_rate (now %g), more warmup_steps or a max_grad_norm of 1",
			l.state.GlobalStep, l.lastLoss, l.norm, l.args.LearningRate))
	}
}

// report tells the hooks about the update.
func (l *loop) report(tokens int) error {
	if len(l.Hooks) == 0 {
		return nil
	}
	elapsed := time.Since(l.began)
	training := (elapsed - l.pause).Seconds()
	done := l.state.GlobalStep - l.first
	p := Progress{Step: l.state.GlobalStep, MaxSteps: l.state.MaxSteps, Epoch: l.state.Epoch, Loss: l.lastLoss, GradNorm: l.norm,
		LearningRate: l.lr, Tokens: tokens, TokensPerSecond: float64(l.tokens) / training, Elapsed: elapsed,
		Remaining: elapsed * time.Duration(max(0, l.state.MaxSteps-l.state.GlobalStep)) / time.Duration(done),
		Bytes:     l.bytes() + l.run.Peak()}
	return l.tell(func(h *Hooks) error {
		if h.Step == nil {
			return nil
		}
		return h.Step(p)
	})
}
