package collate

import (
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/tokenizer"
)

// Stats says what became of a data set's rows.
type Stats struct {
	Rows     int // rows read
	Examples int // examples made of them
	Tokens   int // of all examples
	Longest  int // tokens of the longest example
	Cut      int // rows that lost tokens to max_length
	Blank    int // rows of a class whose text is empty, which are kept
	Empty    int // rows without anything to learn from, left out
}

// Classify encodes the rows of a classification task.
func (v *Verbalizer) Classify(d *dataset.Dataset, t dataset.Task) ([]Example, Stats, error) {
	labels, err := t.Labels(d)
	if err != nil {
		return nil, Stats{}, err
	}
	texts, err := d.Strings(t.Text)
	if err != nil {
		return nil, Stats{}, err
	}
	ex, s, err := encode(d.Len(), func(i int) ([]Example, bool, error) {
		e, cut := v.Example(texts.At(i), labels[i])
		return []Example{e}, cut, nil
	})
	for i := range d.Len() {
		if strings.TrimSpace(texts.At(i)) == "" {
			s.Blank++
		}
	}
	return ex, s, err
}

// Text encodes plain text for language modelling: every token is learned, and the end-of-text token closes each
// row. A row longer than MaxLength becomes several examples, so that nothing is lost.
type Text struct {
	Tokenizer *tokenizer.Tokenizer
	MaxLength int // 0 means no limit
}

// Encode encodes the column t.Text.
func (x Text) Encode(d *dataset.Dataset, t dataset.Task) ([]Example, Stats, error) {
	texts, err := d.Strings(t.Text)
	if err != nil {
		return nil, Stats{}, err
	}
	prefix, eos := bosPrefix(x.Tokenizer), x.Tokenizer.EOS()
	return encode(d.Len(), func(i int) (all []Example, cut bool, err error) {
		ids := append([]int32(nil), prefix...)
		if ids = x.Tokenizer.AppendPlain(ids, texts.At(i)); len(ids) == len(prefix) {
			return nil, false, nil
		}
		if eos >= 0 {
			ids = append(ids, eos)
		}
		for len(ids) > 1 { // one token alone has nothing to predict
			n := len(ids)
			if x.MaxLength > 0 {
				n = min(n, x.MaxLength)
			}
			all = append(all, Example{ids[:n:n], ids[:n:n]})
			ids = ids[n:]
		}
		return all, false, nil
	})
}

// Completion encodes prompts and completions: the loss is on the completion and the end-of-text token behind it.
// What is over MaxLength is cut from the prompt's beginning, and from the completion's end only if that alone is
// too long.
type Completion struct {
	Tokenizer *tokenizer.Tokenizer
	MaxLength int // 0 means no limit
}

// Encode encodes the pairs that t makes of d's rows.
func (c Completion) Encode(d *dataset.Dataset, t dataset.Task) ([]Example, Stats, error) {
	prefix := bosPrefix(c.Tokenizer)
	return encode(d.Len(), func(i int) ([]Example, bool, error) {
		p, q := t.Pair(d.Row(i))
		if q == "" {
			return nil, false, nil
		}
		e, cut := c.Example(prefix, p, q)
		return []Example{e}, cut, nil
	})
}

// Example encodes one pair behind the ids prefix. The prompt's ids are those that it has alone, as when the
// model is asked later; the completion's are those that it has behind the prompt.
func (c Completion) Example(prefix []int32, prompt, completion string) (e Example, cut bool) {
	p := c.Tokenizer.AppendPlain(append([]int32(nil), prefix...), prompt)
	both := c.Tokenizer.AppendPlain(append([]int32(nil), prefix...), prompt+completion)
	q := both[min(len(p), len(both)):]
	for i, id := range p {
		if i >= len(both) || both[i] != id { // a token reaches over the seam
			q = c.Tokenizer.AppendPlain(nil, completion)
			break
		}
	}
	q = append([]int32(nil), q...)
	if eos := c.Tokenizer.EOS(); eos >= 0 {
		q = append(q, eos)
	}
	if over := len(p) + len(q) - c.MaxLength; c.MaxLength > 0 && over > 0 {
		cut = true
		keep := max(len(p)-over, min(len(p), 1))
		p = p[len(p)-keep:]
		q = q[:min(len(q), c.MaxLength-len(p))]
	}
	e.IDs = append(p, q...)
	for range p {
		e.Labels = append(e.Labels, Ignore)
	}
	e.Labels = append(e.Labels, q...)
	return e, cut
}

// encode runs f on every row, on all processors, and gathers the examples in the order of the rows.
func encode(rows int, f func(i int) (e []Example, cut bool, err error)) ([]Example, Stats, error) {
	type result struct {
		e   []Example
		cut bool
		err error
	}
	results := make([]result, rows)
	var wg sync.WaitGroup
	const block = 64
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), rows/block+1) {
		wg.Go(func() {
			for lo := range next {
				for i := lo; i < min(lo+block, rows); i++ {
					r := &results[i]
					r.e, r.cut, r.err = f(i)
				}
			}
		})
	}
	for lo := 0; lo < rows; lo += block {
		next <- lo
	}
	close(next)
	wg.Wait()

	s := Stats{Rows: rows}
	var all []Example
	for _, r := range results {
		if r.err != nil {
			return nil, s, r.err
		}
		if r.cut {
			s.Cut++
		}
		if len(r.e) == 0 {
			s.Empty++
		}
		for _, e := range r.e {
			all = append(all, e)
			s.Tokens += len(e.IDs)
			s.Longest = max(s.Longest, len(e.IDs))
		}
	}
	s.Examples = len(all)
	if s.Examples == 0 {
		return nil, s, fmt.Errorf("collate: none of %d rows has anything to learn from: the text or completion is empty in all of them", rows)
	}
	return all, s, nil
}
