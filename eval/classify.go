package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// A Classifier tells classes apart by the label word that a language model expects after a prompt (Schick and
// Schütze's verbalizer, 2021).
type Classifier struct {
	// Words are the tokens of each class's label word. Where all have one token, a class costs nothing. Longer
	// words are read after a prompt that is computed once. A word's log-probability is the sum of its tokens',
	// whatever their number.
	Words [][]int32
	// Tokens bounds the prompt tokens of one pass, hence memory; 0 means 2048. A longer prompt has its own.
	Tokens int

	scored func(rows int) // told how many more prompts are computed; may be nil
}

// A Prediction is what a Classifier finds for one prompt.
type Prediction struct {
	Row      int       // of the prompts
	Class    int       // the likeliest, the first among equals
	LogProbs []float64 // of each class's label word after the prompt, over the whole vocabulary
	Probs    []float64 // of each class, given that one of the label words comes

	// uniform is what LogProbs would be if every token of the vocabulary were right to the same part.
	uniform []float64
}

// check reports label words and prompts that can't be scored.
func (c *Classifier) check(run *model.Run, prompts [][]int32) error {
	if len(c.Words) < 2 {
		return fmt.Errorf("eval: %d label words; a classifier needs at least 2", len(c.Words))
	}
	for i, w := range c.Words {
		if len(w) == 0 {
			return fmt.Errorf("eval: the label word of class %d has no tokens", i)
		}
		for j := range i {
			if slices.Equal(w, c.Words[j]) {
				return fmt.Errorf("eval: classes %d and %d have the same label word, tokens %v", j, i, w)
			}
		}
		if err := run.Check(w); err != nil {
			return fmt.Errorf("eval: the label word of class %d: %w", i, err)
		}
	}
	longest, limit := c.longest(), run.Config.MaxPositions
	for i, p := range prompts {
		if len(p) == 0 {
			return fmt.Errorf("eval: prompt %d is empty: the label word needs at least one token to follow, such as the end-of-text token", i)
		}
		if err := run.Check(p); err != nil {
			return fmt.Errorf("eval: prompt %d: %w", i, err)
		}
		if run.Wpe != nil && len(p)+longest-1 > limit {
			return fmt.Errorf("eval: prompt %d has %d tokens, which with a label word of %d are too long for the model's %d positions: shorten it", i, len(p), longest, limit)
		}
	}
	return nil
}

// Limits of the work at hand. Results don't depend on them.
const (
	maxLogits = 64   // rows of logits held at once
	window    = 4096 // predictions are kept until those before them are there
)

// prompts returns how many prompts a pass may have so that its logits, one row for each token of a word, stay few.
func (c *Classifier) prompts() int { return max(maxLogits/max(c.longest()-1, 1), 1) }

// longest returns the number of tokens of the longest label word.
func (c *Classifier) longest() (n int) {
	for _, w := range c.Words {
		n = max(n, len(w))
	}
	return n
}

// Predict yields the classes of prompts, which are token ids up to where the label word comes, in their order. An
// error ends the sequence. Prompts of similar length are computed together, the longest of some thousands first.
func (c *Classifier) Predict(ctx context.Context, run *model.Run, prompts [][]int32) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		if err := c.check(run, prompts); err != nil {
			yield(Prediction{}, err)
			return
		}
		k := len(c.Words)
		for start := 0; start < len(prompts); start += window {
			part := prompts[start:min(start+window, len(prompts))]
			all := make([]Prediction, len(part))
			for i := range all {
				f := make([]float64, 3*k)
				all[i] = Prediction{Row: start + i, LogProbs: f[:k:k], Probs: f[k : 2*k : 2*k], uniform: f[2*k:]}
			}
			passes := plan(len(part), cmp.Or(c.Tokens, defaultTokens), c.prompts(), func(i int) int { return len(part[i]) })
			for _, pass := range passes {
				if err := ctx.Err(); err != nil {
					yield(Prediction{}, err)
					return
				}
				c.score(run, part, pass, all)
				if c.scored != nil {
					c.scored(len(pass))
				}
			}
			for _, p := range all {
				p.decide()
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// decide fills in what follows from the log-probabilities.
func (p *Prediction) decide() {
	var sum float64
	top := slices.Max(p.LogProbs)
	for i, s := range p.LogProbs {
		if s > p.LogProbs[p.Class] {
			p.Class = i
		}
		p.Probs[i] = math.Exp(s - top)
		sum += p.Probs[i]
	}
	for i := range p.Probs {
		p.Probs[i] /= sum
	}
}

// add takes in the logits where the token target of word k is due.
func (p *Prediction) add(k int, target int32, logits []nn.Float, lse, mean float64) {
	p.LogProbs[k] += float64(logits[target]) - lse
	p.uniform[k] += mean - lse
}

// score adds up the log-probability of every word after the prompts of one pass.
func (c *Classifier) score(run *model.Run, prompts [][]int32, pass []int, out []Prediction) {
	longest := c.longest()
	var x input
	var room []int
	for _, i := range pass {
		x.add(prompts[i], 0)
		x.kept = append(x.kept, int32(len(x.ids)-1))
		room = append(room, len(prompts[i])+longest-1)
	}
	var cache *nn.Cache
	if longest > 1 {
		cache = nn.NewCache(&run.Stack, room)
	}
	logits := run.Logits(run.Hidden(x.ids, x.seqs, x.kept, cache))
	for r, i := range pass {
		lse, mean := norms(logits.Row(r))
		for k, w := range c.Words {
			out[i].add(k, w[0], logits.Row(r), lse, mean)
		}
	}
	// Each word is fed in the same place behind the prompt: attention doesn't look past a token's position, so
	// that what an earlier word left there is never read.
	for k, w := range c.Words {
		if len(w) == 1 {
			continue
		}
		x = input{}
		for _, i := range pass {
			x.add(w[:len(w)-1], len(prompts[i]))
		}
		logits := run.Logits(run.Hidden(x.ids, x.seqs, nil, cache))
		for r, i := range pass {
			for j, target := range w[1:] {
				next := logits.Row(r*(len(w)-1) + j)
				lse, mean := norms(next)
				out[i].add(k, target, next, lse, mean)
			}
		}
	}
}

// input is what a pass reads.
type input struct {
	ids, kept []int32
	seqs      nn.Seqs
}

// add appends a sequence whose first token is at position pos.
func (x *input) add(ids []int32, pos int) {
	if x.seqs.Cu == nil {
		x.seqs.Cu = []int32{0}
	}
	for j := range ids {
		x.seqs.Pos = append(x.seqs.Pos, int32(pos+j))
	}
	x.ids = append(x.ids, ids...)
	x.seqs.Cu = append(x.seqs.Cu, int32(len(x.ids)))
}

// norms returns log Σ exp(row) and the mean of row.
func norms(row []nn.Float) (lse, mean float64) {
	top := slices.Max(row)
	var sum, total float64
	for _, s := range row {
		sum += math.Exp(float64(s - top))
		total += float64(s)
	}
	return float64(top) + math.Log(sum), total / float64(len(row))
}

// A Row is a prompt and the class that it should get.
type Row struct {
	Prompt []int32
	Label  int
}

// Rows reads examples whose only labelled tokens are a label word, as the classification recipe makes them.
func Rows(examples []collate.Example, words [][]int32) ([]Row, error) {
	rows := make([]Row, len(examples))
	for i, e := range examples {
		from := slices.IndexFunc(e.Labels, func(y int32) bool { return y != collate.Ignore })
		if from <= 0 {
			return nil, fmt.Errorf("eval: example %d has no label word after a prompt", i)
		}
		to := from
		for to < len(e.Labels) && e.Labels[to] != collate.Ignore {
			to++
		}
		class := slices.IndexFunc(words, func(w []int32) bool { return slices.Equal(w, e.Labels[from:to]) })
		if class < 0 {
			return nil, fmt.Errorf("eval: example %d has the label tokens %v, which are no label word", i, e.Labels[from:to])
		}
		rows[i] = Row{e.IDs[:from], class}
	}
	return rows, nil
}

// A Classify evaluates a Classifier on rows of known class.
type Classify struct {
	Classifier
	Names []string // of the classes; nil means their numbers
	Rows  []Row
	// BatchSize is per_device_eval_batch_size, of which the loss depends if label words have several tokens, as
	// Loss tells; 0 means 8.
	BatchSize int
	Smoothing float64 // label_smoothing_factor: it is in the loss, as Loss has it
	// Each, which may be nil, is called with every prediction, in the order of Rows.
	Each func(Row, Prediction)
}

// Evaluate implements Evaluator. Its metrics are those of Report.Metrics. Progress counts rows.
func (c *Classify) Evaluate(ctx context.Context, run *model.Run, progress func(done, total int)) (Result, error) {
	r, err := c.Report(ctx, run, progress)
	if err != nil {
		return Result{}, err
	}
	n, _ := r.Confusion.Total()
	size := cmp.Or(c.BatchSize, 8)
	return Result{Metrics: r.Metrics(), Examples: n, Steps: (n + size - 1) / size}, nil
}

// Report predicts every row and compares. The loss is the reference's eval_loss of the label words: it comes out
// of the same pass as the classes.
func (c *Classify) Report(ctx context.Context, run *model.Run, progress func(done, total int)) (*Report, error) {
	k := len(c.Words)
	if len(c.Rows) == 0 {
		return nil, errors.New("eval: no rows to evaluate on")
	}
	if c.Names != nil && len(c.Names) != k {
		return nil, fmt.Errorf("eval: %d class names for %d label words", len(c.Names), k)
	}
	prompts := make([][]int32, len(c.Rows))
	for i, r := range c.Rows {
		if r.Label < 0 || r.Label >= k {
			return nil, fmt.Errorf("eval: row %d has class %d; expected 0 to %d", i, r.Label, k-1)
		}
		prompts[i] = r.Prompt
	}
	report := &Report{Classes: c.names(), Confusion: NewConfusion(k)}
	sums := newBatchSums(len(c.Rows), cmp.Or(c.BatchSize, 8))
	var cal calibration
	words := c.Classifier
	if done := 0; progress != nil {
		words.scored = func(rows int) {
			done += rows
			progress(done, len(prompts))
		}
	}
	for p, err := range words.Predict(ctx, run, prompts) {
		if err != nil {
			return nil, err
		}
		row := c.Rows[p.Row]
		report.Confusion[row.Label][p.Class]++
		cal.add(p.Probs[p.Class], p.Class == row.Label)
		loss := (1-c.Smoothing)*p.LogProbs[row.Label] + c.Smoothing*p.uniform[row.Label]
		sums.add(p.Row, -loss, len(c.Words[row.Label]))
		if c.Each != nil {
			c.Each(row, p)
		}
	}
	report.Loss, report.CalibrationError = sums.mean(), cal.error()
	return report, nil
}

func (c *Classify) names() []string {
	if c.Names != nil {
		return slices.Clone(c.Names)
	}
	names := make([]string, len(c.Words))
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	return names
}
