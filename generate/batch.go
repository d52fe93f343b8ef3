package generate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
)

// A Batch generates sequences side by side: each Step is one pass of the model over what the sequences have that
// the model hasn't seen, a whole prompt of those that are new and one token of the others. Sequences come and go
// between steps, and what one generates doesn't depend on the others (but in models whose rotary embeddings scale
// with the longest sequence, and only past their positions). A Batch is for one goroutine.
type Batch struct {
	// Use, which may be nil, is called before a pass with the Adapter of its sequences, so that the model computes
	// with that one. Sequences of different adapters are never in one pass.
	Use func(adapter string)

	run   *model.Run
	tok   *tokenizer.Tokenizer
	cache *nn.Cache // one long row of memory; each sequence has a span of it
	spans spans
	rows  int // most of one pass

	waiting []*Sequence // for room in the cache
	live    []*Sequence
	picker  picker
	copied  []Float // a row of logits for the answers that share a prompt

	// the coming pass; memory is used again
	ids, kept []int32
	seqs      nn.Seqs
	view      nn.Cache
}

// Limits of one pass. They bound its memory and how long a new prompt holds the other sequences up; what is
// generated doesn't depend on them.
const (
	maxPassRows = 1024
	maxPassSeqs = 64
)

// NewBatch returns a Batch whose sequences, prompts included, may have the given number of tokens in all at one
// time; see CacheBytes for the memory. More sequences may be added: they wait. tok makes text of the tokens; it
// may be nil where neither text nor stop strings are wanted.
func NewBatch(run *model.Run, tok *tokenizer.Tokenizer, tokens int) *Batch {
	b := &Batch{run: run, tok: tok, cache: nn.NewCache(&run.Stack, []int{tokens}), spans: newSpans(tokens), rows: maxPassRows}
	b.view = nn.Cache{K: b.cache.K, V: b.cache.V}
	return b
}

// CacheBytes returns the memory that the keys and values of so many tokens take.
func CacheBytes(c *model.Config, tokens int) int64 {
	const size = 4 // of a Float
	return int64(tokens) * int64(c.Layers) * int64(c.KVHeads*c.HeadDim) * 2 * size
}

// Len returns the number of sequences that are not finished.
func (b *Batch) Len() int { return len(b.live) + len(b.waiting) }

// Waiting returns the number of sequences that have no place in the cache yet.
func (b *Batch) Waiting() int { return len(b.waiting) }

// Add takes in a request and returns its sequences, num_return_sequences of them. They leave when they are
// finished or ctx is done. What the request leaves unset has the reference's defaults: the model's own settings go
// under it with Config.Or.
func (b *Batch) Add(ctx context.Context, r Request) ([]*Sequence, error) {
	first, err := b.sequence(ctx, r)
	if err != nil {
		return nil, err
	}
	all := []*Sequence{first}
	for i := 1; i < value(r.Config.NumReturnSequences, 1); i++ {
		all = append(all, first.fork(i))
	}
	for _, s := range all {
		s.text = newText(cmp.Or(r.Tokenizer, b.tok), s)
	}
	b.waiting = append(b.waiting, all...)
	return all, nil
}

// sequence checks a request.
func (b *Batch) sequence(ctx context.Context, r Request) (*Sequence, error) {
	c, m := &r.Config, b.run.Config
	if err := c.Check(); err != nil {
		return nil, err
	}
	prompt := r.Prompt
	if len(prompt) == 0 {
		if c.BOSTokenID == nil {
			return nil, errors.New("generate: the prompt is empty and there is no bos_token_id to begin with")
		}
		prompt = []int32{*c.BOSTokenID}
	}
	n := len(prompt)
	room, err := c.room(n, m)
	if err != nil {
		return nil, err
	}
	// The last token is never an input, so that it needs no position. An overflow of the sum is too long as well.
	need := n + room - 1
	if limit := m.MaxPositions; b.run.Wpe != nil && (need > limit || need < 0) {
		if n > limit {
			return nil, fmt.Errorf("generate: the prompt has %d tokens, but the model has %d positions: shorten the prompt", n, limit)
		}
		return nil, fmt.Errorf("generate: %d tokens of prompt and %d new ones are too long for the model's %d positions: set max_new_tokens to at most %d or shorten the prompt", n, room, limit, limit-n+1)
	}
	if total := b.spans.size; need > total || need < 0 {
		return nil, fmt.Errorf("generate: %d tokens of prompt and %d new ones don't fit the cache of %d tokens (%d MiB): lower max_new_tokens, shorten the prompt or make the cache larger", n, room, total, CacheBytes(m, total)>>20)
	}
	if err := b.run.Check(prompt); err != nil {
		return nil, err
	}
	if len(c.StopStrings) > 0 && cmp.Or(r.Tokenizer, b.tok) == nil {
		return nil, errors.New("generate: stop_strings need a tokenizer")
	}
	return newSequence(ctx, r, prompt, n+room), nil
}

// Step generates the next token of the sequences whose prompts have been read and gives each to its Emit. It is one
// pass of the model for each adapter.
func (b *Batch) Step() {
	b.drop()
	b.admit()
	for _, adapter := range b.adapters() {
		b.pass(adapter)
	}
	b.drop()
}

// adapters returns the adapters of the live sequences, each once.
func (b *Batch) adapters() (names []string) {
	for _, s := range b.live {
		if !slices.Contains(names, s.req.Adapter) {
			names = append(names, s.req.Adapter)
		}
	}
	return names
}

// pass takes the sequences of one adapter a step further.
func (b *Batch) pass(adapter string) {
	if b.Use != nil {
		b.Use(adapter)
	}
	asking := b.gather(adapter)
	h := b.run.Hidden(b.ids, b.seqs, b.kept, &b.view)
	if len(asking) == 0 {
		return
	}
	logits := b.run.Logits(h)
	for i, s := range asking {
		b.next(s, logits.Row(i))
	}
}

// drop lets finished sequences leave the batch.
func (b *Batch) drop() {
	keep := func(list []*Sequence) []*Sequence {
		n := 0
		for _, s := range list {
			if err := s.ctx.Err(); err != nil && s.Finish == "" {
				s.fail(err)
			}
			if s.Finish == "" {
				list[n], n = s, n+1
				continue
			}
			if s.span.n > 0 {
				b.spans.free(s.span)
				s.span = span{}
			}
			for _, f := range s.forks { // s ended before it read the prompt for them
				f.shared = false
			}
			s.forks = nil
		}
		clear(list[n:])
		return list[:n]
	}
	b.live, b.waiting = keep(b.live), keep(b.waiting)
}

// admit gives waiting sequences their place, first come, first served. Answers to one prompt that get in together
// share the work on it.
func (b *Batch) admit() {
	for len(b.waiting) > 0 && len(b.live) < maxPassSeqs {
		s := b.waiting[0]
		at, ok := b.spans.take(s.limit - 1)
		if !ok {
			return
		}
		s.span = at
		b.waiting = b.waiting[1:]
		if p := s.parent; p != nil && p.fed == 0 && p.Finish == "" && p.span.n > 0 {
			s.shared = true
			p.forks = append(p.forks, s)
		}
		b.live = append(b.live, s)
	}
}

// gather lays out the coming pass and returns the sequences whose next token comes of it, one for each kept row.
func (b *Batch) gather(adapter string) (asking []*Sequence) {
	b.ids, b.kept = b.ids[:0], b.kept[:0]
	b.seqs.Cu, b.seqs.Pos = append(b.seqs.Cu[:0], 0), b.seqs.Pos[:0]
	b.view.Start = b.view.Start[:0]
	// Sequences that only need one row go first, so that long prompts don't hold them up.
	budget := b.rows
	for _, long := range []bool{false, true} {
		for _, s := range b.live {
			todo := s.ids[s.fed:]
			if s.req.Adapter != adapter || s.shared || (len(todo) > 1) != long || budget == 0 {
				continue
			}
			n := min(len(todo), budget)
			budget -= n
			for i := range n {
				b.seqs.Pos = append(b.seqs.Pos, int32(s.fed+i))
			}
			b.ids = append(b.ids, todo[:n]...)
			b.seqs.Cu = append(b.seqs.Cu, int32(len(b.ids)))
			b.view.Start = append(b.view.Start, int32(s.span.at))
			s.fed += n
			if n == len(todo) {
				asking = append(asking, s)
				b.kept = append(b.kept, int32(len(b.ids)-1))
			}
		}
	}
	switch len(b.kept) {
	case 0: // every prompt goes on in the next pass; one row is kept because passes have at least one
		b.kept = append(b.kept, int32(len(b.ids)-1))
	case len(b.ids):
		b.kept = nil // all of them
	}
	return asking
}

// next chooses the next token of s and of the answers that share its prompt.
func (b *Batch) next(s *Sequence, row []Float) {
	for _, f := range s.forks {
		f.shared = false
		b.share(f, s)
		b.copied = append(b.copied[:0], row...)
		f.next(&b.picker, b.copied)
	}
	s.forks = nil
	s.next(&b.picker, row)
}

// share copies the keys and values of the prompt from s to f.
func (b *Batch) share(f, s *Sequence) {
	rows := func(m compute.Mat, at int) compute.Mat { return m.RowSpan(at, at+s.fed) }
	for l := range b.cache.K {
		rows(b.cache.K[l], f.span.at).Copy(rows(b.cache.K[l], s.span.at))
		rows(b.cache.V[l], f.span.at).Copy(rows(b.cache.V[l], s.span.at))
	}
	f.fed = s.fed
}
