package generate

import (
	"math"
	"slices"

	"github.com/hone-ml/hone/compute"
)

// Float is the type of logits.
type Float = compute.Float

var minusInf = Float(math.Inf(-1))

// process applies the settings that forbid or penalise tokens to a row of logits, in the reference's order
// (transformers, GenerationMixin._get_logits_processor). ids is the prompt and what followed it, prompt its length.
func (p *picker) process(row []Float, ids []int32, prompt int, c *Config) {
	if penalty := value(c.RepetitionPenalty, 1); penalty != 1 {
		p.penalise(row, ids, Float(penalty))
	}
	if n := value(c.NoRepeatNgramSize, 0); n > 0 {
		banRepeats(row, ids, n)
	}
	for _, word := range c.BadWordsIDs {
		banWord(row, ids, word, c.EOSTokenID)
	}
	if len(ids)-prompt < c.minNew(prompt) {
		ban(row, c.EOSTokenID...)
	}
	ban(row, c.SuppressTokens...)
}

// bias applies OpenAI's settings to a row of logits, given what has been generated.
func (r *Request) bias(row []Float, ids []int32) {
	if r.PresencePenalty != 0 || r.FrequencyPenalty != 0 {
		counts := make(map[int32]int, len(ids))
		for _, id := range ids {
			counts[id]++
		}
		for id, n := range counts {
			row[id] -= Float(r.PresencePenalty + float64(n)*r.FrequencyPenalty)
		}
	}
	for id, b := range r.LogitBias {
		if id >= 0 && int(id) < len(row) {
			row[id] += Float(b)
		}
	}
}

// penalise divides the score of every token of ids once, or multiplies it if it is negative (Keskar et al., 2019).
func (p *picker) penalise(row []Float, ids []int32, penalty Float) {
	if p.seen == nil {
		p.seen = make([]uint64, len(row))
	}
	p.round++
	for _, id := range ids {
		if int(id) >= len(row) || p.seen[id] == p.round {
			continue
		}
		p.seen[id] = p.round
		if row[id] < 0 {
			row[id] *= penalty
		} else {
			row[id] /= penalty
		}
	}
}

// banRepeats bans every token that would complete n tokens which ids already has in a row.
func banRepeats(row []Float, ids []int32, n int) {
	if len(ids) < n {
		return
	}
	last := ids[len(ids)-(n-1):]
	for i := 0; i+n <= len(ids); i++ {
		if slices.Equal(ids[i:i+n-1], last) {
			ban(row, ids[i+n-1])
		}
	}
}

// banWord bans the last token of word where the others have just come. A word that is an end-of-sequence token
// is not banned.
func banWord(row []Float, ids, word []int32, eos []int32) {
	before, last := word[:len(word)-1], word[len(word)-1]
	if len(before) == 0 && slices.Contains(eos, last) || len(before) > len(ids) {
		return
	}
	if slices.Equal(before, ids[len(ids)-len(before):]) {
		ban(row, last)
	}
}

func ban(row []Float, ids ...int32) {
	for _, id := range ids {
		if id >= 0 && int(id) < len(row) {
			row[id] = minusInf
		}
	}
}

// logSumExp returns log Σ exp(row).
func logSumExp(row []Float) float64 {
	top := slices.Max(row)
	var sum float64
	for _, s := range row {
		sum += math.Exp(float64(s - top))
	}
	return float64(top) + math.Log(sum)
}

// An Alternative is a token and its log-probability.
type Alternative struct {
	ID      int32
	LogProb float64
}

// likeliest returns the n likeliest tokens of a row of logits, best first, given the row's log-sum-exp.
func (p *picker) likeliest(row []Float, n int, lse float64) []Alternative {
	best := p.top(row, min(n, len(row)))
	slices.SortStableFunc(best, func(a, b candidate) int { return order(a, b) })
	out := make([]Alternative, min(n, len(best)))
	for i := range out {
		out[i] = Alternative{best[i].id, float64(best[i].key) - lse}
	}
	return out
}
