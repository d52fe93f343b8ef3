package generate

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/hone-ml/hone/tokenizer"
)

// A Request asks for the continuation of a prompt.
type Request struct {
	Prompt []int32 // token ids; empty means the bos token alone
	Config Config
	// Tokenizer makes text of the tokens where the Batch's does not fit, as that of another adapter.
	Tokenizer *tokenizer.Tokenizer
	// Adapter names what the Batch's model computes with; see Batch.Use.
	Adapter string
	// LogProbs adds to each token its log-probability and those of the TopLogProbs likeliest tokens, as the model
	// has them before any setting bears on them.
	LogProbs    bool
	TopLogProbs int
	// TrimStop ends the text before the stop string, as servers do. The reference's text, which is the default,
	// includes the stop string and whatever else its last token has.
	TrimStop bool
	// OpenAI's ways to bear on the scores, which the reference doesn't have. PresencePenalty is taken once from every
	// token that the answer has already, FrequencyPenalty as often as it has it; LogitBias is added, by token.
	PresencePenalty, FrequencyPenalty float64
	LogitBias                         map[int32]float64
	// Emit, which may be nil, is called with each token as it comes.
	Emit func(*Sequence, Token)
}

// Finish says why a sequence ended.
type Finish string

// The reasons to finish. A Sequence that goes on has "".
const (
	FinishEOS    Finish = "eos"    // an end-of-sequence token came
	FinishStop   Finish = "stop"   // a stop string came
	FinishLength Finish = "length" // max_new_tokens or max_length is reached
	FinishError  Finish = "error"  // see Sequence.Err
)

// A Token is one generated token.
type Token struct {
	ID int32
	// Text is what can be shown now, often nothing: the bytes of a character may come in several tokens, and with
	// TrimStop what may be the beginning of a stop string is held back.
	Text    string
	LogProb float64
	Top     []Alternative
	Finish  Finish // of the sequence, at its last token
}

// A Sequence is a prompt and what has been generated after it.
type Sequence struct {
	Index  int    // among the answers to its prompt
	Text   string // what has been given out, special tokens left out
	Finish Finish
	Err    error   // of a Sequence that finished with FinishError
	Tokens []Token // if log-probabilities were asked for

	ctx    context.Context
	req    *Request
	ids    []int32 // prompt and output
	prompt int     // tokens of the prompt
	limit  int     // most tokens of ids
	fed    int     // tokens whose keys and values are in the cache
	span   span
	rand   *rand.Rand
	text   *text
	parent *Sequence   // whose prompt is the same
	forks  []*Sequence // that wait for the prompt to be read
	shared bool        // it waits so
}

func newSequence(ctx context.Context, r Request, prompt []int32, limit int) *Sequence {
	s := &Sequence{ctx: ctx, req: &r, ids: slices.Clone(prompt), prompt: len(prompt), limit: limit}
	if r.Config.Seed == nil {
		r.Config.Seed = new(rand.Uint64())
	}
	s.rand = rand.New(rand.NewPCG(*r.Config.Seed, 0))
	return s
}

// fork returns answer number i to the same request.
func (s *Sequence) fork(i int) *Sequence {
	f := *s
	f.Index, f.ids, f.parent = i, slices.Clone(s.ids), s
	f.rand = rand.New(rand.NewPCG(*s.req.Config.Seed, uint64(i)))
	return &f
}

// IDs returns the generated tokens, an end-of-sequence token included.
func (s *Sequence) IDs() []int32 { return s.ids[s.prompt:] }

// PromptIDs returns the tokens of the prompt.
func (s *Sequence) PromptIDs() []int32 { return s.ids[:s.prompt] }

// Seed returns the seed that the answer was drawn with.
func (s *Sequence) Seed() uint64 { return *s.req.Config.Seed }

// Cancel ends the sequence; it leaves the batch at the next step.
func (s *Sequence) Cancel() { s.fail(context.Canceled) }

func (s *Sequence) fail(err error) {
	if s.Finish == "" {
		s.Finish, s.Err = FinishError, err
	}
}

// next chooses the token that follows, given the logits after ids, which it overwrites.
func (s *Sequence) next(p *picker, row []Float) {
	if s.Finish != "" {
		return // cancelled in this step
	}
	t, err := s.choose(p, row)
	if err != nil {
		s.fail(err)
		return
	}
	s.ids = append(s.ids, t.ID)
	stopped := false
	if s.text != nil {
		t.Text, stopped = s.text.next(t.ID)
	}
	switch {
	case slices.Contains(s.req.Config.EOSTokenID, t.ID):
		s.Finish = FinishEOS
	case stopped:
		s.Finish = FinishStop
	case len(s.ids) >= s.limit:
		s.Finish = FinishLength
	}
	if s.Finish != "" && s.text != nil {
		t.Text += s.text.flush(stopped)
	}
	t.Finish = s.Finish
	s.Text += t.Text
	if s.req.LogProbs {
		s.Tokens = append(s.Tokens, t)
	}
	if s.req.Emit != nil {
		s.req.Emit(s, t)
	}
}

func (s *Sequence) choose(p *picker, row []Float) (t Token, err error) {
	r := s.req
	var raw []Float
	var lse float64
	if r.LogProbs {
		lse = logSumExp(row)
		if r.TopLogProbs > 0 {
			t.Top = p.likeliest(row, r.TopLogProbs, lse)
		}
		p.raw = append(p.raw[:0], row...)
		raw = p.raw
	}
	r.bias(row, s.IDs())
	p.process(row, s.ids, s.prompt, &r.Config)
	if r.Config.samples() {
		t.ID, err = p.sample(row, &r.Config, s.rand)
	} else {
		t.ID, err = greedy(row)
	}
	if err == nil && r.LogProbs {
		t.LogProb = float64(raw[t.ID]) - lse
	}
	return t, err
}
