package generate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// A Generator runs prompts through a model. It is for one goroutine at a time, as its Run is.
type Generator struct {
	Run       *model.Run
	Tokenizer *tokenizer.Tokenizer // may be nil where neither text nor stop strings are wanted
	// Config is what the model says itself, as Load reads it. What callers set goes before it.
	Config Config
	// CacheBytes bounds the memory of keys and values; 0 means 1 GiB. Prompts that don't fit at once wait.
	CacheBytes int64
}

// Generate continues each prompt and returns its answers, num_return_sequences of them. The answers are the same
// as those to the prompt alone. When ctx ends, its error is returned with what has been generated so far.
func (g *Generator) Generate(ctx context.Context, prompts [][]int32, c Config) ([][]*Sequence, error) {
	requests := make([]Request, len(prompts))
	for i, p := range prompts {
		requests[i] = Request{Prompt: p, Config: c}
	}
	return g.Answer(ctx, requests)
}

// Stream continues one prompt and yields each token as it comes. Breaking out of the loop ends the work.
func (g *Generator) Stream(ctx context.Context, r Request) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		r.Config = r.Config.Or(g.Config)
		if n := value(r.Config.NumReturnSequences, 1); n > 1 {
			yield(Token{}, fmt.Errorf("generate: num_return_sequences is %d, but a stream has one answer", n))
			return
		}
		var came []Token
		emit := r.Emit
		r.Emit = func(s *Sequence, t Token) {
			came = append(came, t)
			if emit != nil {
				emit(s, t)
			}
		}
		b := NewBatch(g.Run, g.Tokenizer, g.tokens([]Request{r}))
		all, err := b.Add(ctx, r)
		if err != nil {
			yield(Token{}, err)
			return
		}
		for b.Len() > 0 {
			b.Step()
			for _, t := range came {
				if !yield(t, nil) {
					return
				}
			}
			came = came[:0]
		}
		if err := all[0].Err; err != nil {
			yield(Token{}, err)
		}
	}
}

// Answer is Generate for requests that differ in more than their prompts. Each answers with its sequences.
func (g *Generator) Answer(ctx context.Context, requests []Request) ([][]*Sequence, error) {
	requests = slices.Clone(requests)
	for i := range requests {
		requests[i].Config = requests[i].Config.Or(g.Config)
	}
	b := NewBatch(g.Run, g.Tokenizer, g.tokens(requests))
	answers := make([][]*Sequence, len(requests))
	for i, r := range requests {
		var err error
		if answers[i], err = b.Add(ctx, r); err != nil {
			return nil, of(i, len(requests), err)
		}
	}
	for b.Len() > 0 {
		b.Step()
	}
	for i, all := range answers {
		for _, s := range all {
			if errors.Is(s.Err, context.Canceled) || errors.Is(s.Err, context.DeadlineExceeded) {
				return answers, s.Err
			}
			if s.Err != nil {
				return answers, of(i, len(requests), s.Err)
			}
		}
	}
	return answers, nil
}

// of names the prompt that an error is of, if there are several.
func of(i, n int, err error) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("prompt %d of %d: %w", i+1, n, err)
}

// tokens returns how large a cache the requests can use.
func (g *Generator) tokens(requests []Request) int {
	limit := g.CacheBytes
	if limit == 0 {
		limit = 1 << 30
	}
	most := int(limit / CacheBytes(g.Run.Config, 1))
	sum := 0
	for _, r := range requests {
		n := max(len(r.Prompt), 1)
		room, err := r.Config.room(n, g.Run.Config)
		if err != nil {
			continue // Add will tell
		}
		for range min(value(r.Config.NumReturnSequences, 1), maxPassSeqs) {
			sum = min(sum+n+min(room, most), most)
		}
	}
	return max(sum, 1)
}
