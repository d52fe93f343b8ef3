package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// DPO is direct preference optimization (Rafailov et al., 2023), by the names of TRL's DPOConfig.
type DPO struct {
	LossType       string  // sigmoid ("" too), hinge, ipo or robust
	Beta           float64 // how closely the model is held to its reference
	LabelSmoothing float64 // of robust: the share of pairs that are the wrong way round
}

// Check refuses settings that have no meaning.
func (d DPO) Check() error {
	switch {
	case !slices.Contains([]string{"", "sigmoid", "hinge", "ipo", "robust"}, d.LossType):
		return fmt.Errorf("loss_type is %q; there are sigmoid, hinge, ipo and robust", d.LossType)
	case !(d.Beta > 0) || math.IsInf(d.Beta, 0):
		return fmt.Errorf("beta is %g; expected a positive number such as 0.1", d.Beta)
	case d.LossType == "robust" && !(d.LabelSmoothing >= 0 && d.LabelSmoothing < 0.5):
		return fmt.Errorf("label_smoothing is %g; expected 0 to less than 0.5", d.LabelSmoothing)
	case d.LossType != "robust" && d.LabelSmoothing != 0:
		return fmt.Errorf("label_smoothing is %g, but only the loss_type robust has a use for it", d.LabelSmoothing)
	}
	return nil
}

// Logps are the summed log-probabilities of the two answers of a pair, Tokens how many tokens each has.
type Logps struct {
	Chosen, Rejected float64
	Tokens           [2]int
}

// Loss returns the loss of a pair whose reference log-probabilities are ref, and its derivatives by those of p.
func (d DPO) Loss(p, ref Logps) (loss, chosen, rejected float64) {
	x := d.Beta * (p.Chosen - ref.Chosen - p.Rejected + ref.Rejected)
	slope := 0.0 // of the loss by x
	switch d.LossType {
	case "hinge":
		if loss = max(0, 1-x); loss > 0 {
			slope = -1
		}
	case "ipo":
		nc, nr := float64(max(p.Tokens[0], 1)), float64(max(p.Tokens[1], 1))
		e := (p.Chosen-ref.Chosen)/nc - (p.Rejected-ref.Rejected)/nr - 1/(2*d.Beta)
		return e * e, 2 * e / nc, -2 * e / nr
	case "robust":
		ε := d.LabelSmoothing
		loss = (ε*logSigmoid(-x) - (1-ε)*logSigmoid(x)) / (1 - 2*ε)
		slope = (-ε*sigmoid(x) - (1-ε)*sigmoid(-x)) / (1 - 2*ε)
	default:
		loss, slope = -logSigmoid(x), -sigmoid(-x)
	}
	return loss, d.Beta * slope, -d.Beta * slope
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func logSigmoid(x float64) float64 { return min(x, 0) - math.Log1p(math.Exp(-math.Abs(x))) }

// Rewards are what TRL logs of a batch, by its names without the prefix.
type Rewards struct{ Chosen, Rejected, Accuracies, Margins, LogpsChosen, LogpsRejected float64 }

// Rewards returns the means over pairs with the log-probabilities p and the reference's, ref.
func (d DPO) Rewards(p, ref []Logps) (r Rewards) {
	n := float64(len(p))
	for i := range p {
		c, j := d.Beta*(p[i].Chosen-ref[i].Chosen), d.Beta*(p[i].Rejected-ref[i].Rejected)
		if c > j {
			r.Accuracies += 1 / n
		}
		r.Chosen, r.Rejected, r.Margins = r.Chosen+c/n, r.Rejected+j/n, r.Margins+(c-j)/n
		r.LogpsChosen, r.LogpsRejected = r.LogpsChosen+p[i].Chosen/n, r.LogpsRejected+p[i].Rejected/n
	}
	return r
}

// Add adds the metrics to m.
func (r Rewards) Add(m map[string]float64) {
	m["rewards/chosen"] += r.Chosen
	m["rewards/rejected"] += r.Rejected
	m["rewards/accuracies"] += r.Accuracies
	m["rewards/margins"] += r.Margins
	m["logps/chosen"] += r.LogpsChosen
	m["logps/rejected"] += r.LogpsRejected
}

// SumLogps adds up the cross-entropies nll of the targets of b, which holds the chosen answers of len(dst) pairs and
// behind them the rejected ones.
func SumLogps(dst []Logps, b *collate.Batch, nll []nn.Float) {
	clear(dst)
	for r, loss := range nll {
		if i := int(b.Of[r]); i < len(dst) {
			dst[i].Chosen -= float64(loss)
			dst[i].Tokens[0]++
		} else {
			dst[i-len(dst)].Rejected -= float64(loss)
			dst[i-len(dst)].Tokens[1]++
		}
	}
}

// PairLogps returns the log-probabilities of pairs under run's model as it is, without dropout. Progress counts passes.
func PairLogps(ctx context.Context, run *model.Run, pairs []collate.Pair, progress func(done, total int)) ([]Logps, error) {
	all := make([]Logps, len(pairs))
	passes := plan(len(pairs), defaultTokens, len(pairs), func(i int) int { return len(pairs[i].Chosen.IDs) + len(pairs[i].Rejected.IDs) })
	var b collate.Batch
	for done, pass := range passes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var part []collate.Example
		for _, i := range pass {
			part = append(part, pairs[i].Chosen)
		}
		for _, i := range pass {
			part = append(part, pairs[i].Rejected)
		}
		collate.Pack(&b, part)
		nll, sums := make([]nn.Float, len(b.Targets)), make([]Logps, len(pass))
		run.NLL(nll, &b, 0)
		SumLogps(sums, &b, nll)
		for k, i := range pass {
			all[i] = sums[k]
		}
		if progress != nil {
			progress(done+1, len(passes))
		}
	}
	return all, nil
}

// A Preference evaluates what DPO trains: the loss, and TRL's rewards and log-probabilities, means of the means of
// batches.
type Preference struct {
	Pairs     []collate.Pair
	Reference []Logps // under the reference model
	DPO       DPO
	BatchSize int // per_device_eval_batch_size; 0 means 8
}

// Evaluate implements Evaluator.
func (e *Preference) Evaluate(ctx context.Context, run *model.Run, progress func(done, total int)) (Result, error) {
	if len(e.Pairs) == 0 || len(e.Reference) != len(e.Pairs) {
		return Result{}, errors.New("eval: no pairs to evaluate on, or no log-probabilities of the reference for them")
	}
	logps, err := PairLogps(ctx, run, e.Pairs, progress)
	if err != nil {
		return Result{}, err
	}
	size, sum := cmp.Or(e.BatchSize, 8), map[string]float64{}
	steps := 0
	for lo := 0; lo < len(logps); lo += size {
		hi := min(lo+size, len(logps))
		e.DPO.Rewards(logps[lo:hi], e.Reference[lo:hi]).Add(sum)
		steps++
	}
	for k := range sum {
		sum[k] /= float64(steps)
	}
	var loss float64
	for i, p := range logps {
		l, _, _ := e.DPO.Loss(p, e.Reference[i])
		loss += l
	}
	sum["loss"] = loss / float64(len(logps))
	return Result{Metrics: sum, Examples: len(logps), Steps: steps}, nil
}
