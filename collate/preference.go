package collate

import (
	"fmt"
	"reflect"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/tokenizer"
)

// A Pair is two answers to one prompt, of which the first is preferred. The labels are on the answers alone.
type Pair struct{ Chosen, Rejected Example }

// Preference encodes rows with a chosen and a rejected answer as TRL's DPOTrainer does: texts, to which the
// end-of-text token is added, or lists of messages in the chat template. Where there is no prompt of
// the same kind, it is what both answers begin with.
type Preference struct {
	Tokenizer *tokenizer.Tokenizer
	Dialogue  *Dialogue // renders messages; may be nil for text
	MaxLength int       // 0 means no limit; longer sequences lose their end
}

// Encode encodes the answers that t finds in d's rows. Rows whose prompt leaves no room for an answer are left out.
func (c Preference) Encode(d *dataset.Dataset, t dataset.Task) ([]Pair, Stats, error) {
	ex, s, err := encode(d.Len(), func(i int) ([]Example, bool, error) {
		p, cut, err := c.pair(d.Row(i), t)
		if err != nil || !learns(p.Chosen) || !learns(p.Rejected) {
			return nil, cut, err
		}
		return []Example{p.Chosen, p.Rejected}, cut, nil
	})
	if err != nil {
		return nil, s, err
	}
	pairs := make([]Pair, len(ex)/2)
	for i := range pairs {
		pairs[i] = Pair{ex[2*i], ex[2*i+1]}
	}
	s.Examples = len(pairs)
	return pairs, s, nil
}

func (c Preference) pair(r dataset.Row, t dataset.Task) (p Pair, cut bool, err error) {
	var prompt, chosen, rejected []int32
	if _, text := r.Value(t.Chosen).(string); text {
		prompt, chosen, rejected = c.texts(r, t)
	} else if prompt, chosen, rejected, err = c.turns(r, t); err != nil {
		return p, false, err
	}
	n := min(common(prompt, chosen), common(prompt, rejected)) // where a token reaches over the seam, it is the answer's
	p = Pair{c.answer(chosen, n), c.answer(rejected, n)}
	return p, len(p.Chosen.IDs) < len(chosen) || len(p.Rejected.IDs) < len(rejected), nil
}

// texts returns the ids of the prompt alone and in front of each answer.
func (c Preference) texts(r dataset.Row, t dataset.Task) (prompt, chosen, rejected []int32) {
	good, bad := r.Text(t.Chosen), r.Text(t.Rejected)
	before := r.Text(t.Prompt)
	if t.Prompt == "" {
		a, b := []rune(good), []rune(bad)
		n := implicit(min(len(a), len(b)), func(i int) bool { return a[i] == b[i] })
		if n > 0 && n < len(a) && n < len(b) && a[n] != b[n] && a[n-1] == ' ' {
			n--
		}
		before, good, bad = string(a[:n]), string(a[n:]), string(b[n:])
	}
	ids := func(text string) []int32 { return c.Tokenizer.AppendPlain(bosPrefix(c.Tokenizer), text) }
	prompt, chosen, rejected = ids(before), ids(before+good), ids(before+bad)
	if eos := c.Tokenizer.EOS(); eos >= 0 {
		chosen, rejected = append(chosen, eos), append(rejected, eos)
	}
	return prompt, chosen, rejected
}

// turns is texts for lists of messages.
func (c Preference) turns(r dataset.Row, t dataset.Task) (prompt, chosen, rejected []int32, err error) {
	read := func(column string) (m []chat.Message) {
		if err == nil {
			var turns []dataset.Message
			turns, err = dataset.Task{Messages: column}.Dialogue(r)
			m = messages(turns)
		}
		return m
	}
	good, bad := read(t.Chosen), read(t.Rejected)
	var before []chat.Message
	if _, list := r.Value(t.Prompt).([]any); list {
		before = read(t.Prompt)
	} else {
		n := implicit(min(len(good), len(bad)), func(i int) bool { return reflect.DeepEqual(good[i], bad[i]) })
		before, good, bad = good[:n:n], good[n:], bad[n:]
	}
	if err != nil {
		return nil, nil, nil, err
	}
	ids := func(m []chat.Message, generate bool) (ids []int32) {
		if err == nil {
			var text string
			text, err = c.Dialogue.Template.Render(m, chat.Options{AddGenerationPrompt: generate, SpecialTokens: c.Tokenizer.Config().SpecialTokens})
			ids = c.Tokenizer.Append(nil, text)
		}
		return ids
	}
	before = before[:len(before):len(before)]
	prompt, chosen, rejected = ids(before, true), ids(append(before, good...), false), ids(append(before, bad...), false)
	if err != nil {
		err = fmt.Errorf("collate: %s: %w", r.Where(), err)
	}
	return prompt, chosen, rejected, err
}

// answer is ids, of which the first n are the prompt, cut to MaxLength.
func (c Preference) answer(ids []int32, n int) Example {
	if c.MaxLength > 0 {
		ids = ids[:min(len(ids), c.MaxLength)]
	}
	e := Example{IDs: ids, Labels: make([]int32, len(ids))}
	for i, id := range ids {
		if e.Labels[i] = id; i < n {
			e.Labels[i] = Ignore
		}
	}
	return e
}

// implicit returns where the prompt ends that two answers of at least n elements begin with: before the first
// difference, and before the last element at the latest.
func implicit(n int, equal func(i int) bool) int {
	for i := range n {
		if !equal(i) {
			return i
		}
	}
	return max(n-1, 0)
}

// common returns how many elements a and b begin with together.
func common(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
