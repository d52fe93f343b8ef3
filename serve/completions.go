package serve

import (
	"context"
	"net/http"
	"unicode/utf8"

	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/tokenizer"
)

// A completionRequest is the body of POST /v1/completions.
type completionRequest struct {
	Model  string `json:"model"`
	Prompt inputs `json:"prompt"`
	sampling
	MaxTokens *int   `json:"max_tokens"`
	Logprobs  *int   `json:"logprobs"`
	Echo      bool   `json:"echo"`
	Suffix    string `json:"suffix"`
	BestOf    *int   `json:"best_of"`
}

func (q *completionRequest) model() string { return q.Model }

func (q *completionRequest) check() error {
	least := 1
	if q.Echo {
		least = 0 // the prompt alone, for its likelihood
	}
	switch {
	case q.Suffix != "":
		return bad("suffix", "text can't be inserted before other text here")
	case q.BestOf != nil && *q.BestOf != q.n():
		return bad("best_of", "all answers are given, so that it must be n, %d", q.n())
	case q.Logprobs != nil && (*q.Logprobs < 0 || *q.Logprobs > maxTop):
		return bad("logprobs", "%d is out of range; expected 0 to %d", *q.Logprobs, maxTop)
	}
	return positive("max_tokens", q.MaxTokens, least)
}

// defaultMaxTokens is OpenAI's for /v1/completions.
const defaultMaxTokens = 16

func (s *Server) completions(w http.ResponseWriter, r *http.Request) error {
	var q completionRequest
	m, ctx, done, err := s.begin(w, r, &q)
	if err != nil {
		return err
	}
	defer done()
	prompts, err := m.inputs("prompt", q.Prompt)
	if err != nil {
		return err
	}
	g, err := q.request(m)
	if err != nil {
		return err
	}
	if q.Logprobs != nil {
		g.LogProbs, g.TopLogProbs = true, *q.Logprobs
	}
	most := defaultMaxTokens
	if q.MaxTokens != nil {
		most = *q.MaxTokens
	}
	out := s.reply(w, r, m, completionForm(m.parts.Tokenizer, q.Logprobs != nil), q.sampling, prompts)
	out.logprobs = q.Logprobs != nil
	if q.Echo {
		if err := m.echo(ctx, out, prompts, q.Prompt.texts, q.Logprobs); err != nil {
			return err
		}
	}
	if most == 0 {
		for _, c := range out.choices {
			c.finish = "length"
		}
		return out.write(ctx, nil)
	}
	a, err := s.generate(ctx, m, prompts, g, &most)
	if err != nil {
		return err
	}
	return out.write(ctx, a)
}

// inputs returns the tokens of each input.
func (m *served) inputs(param string, in inputs) ([][]int32, error) {
	if n := in.len(); n == 0 || n > maxInputs {
		return nil, bad(param, "has %d inputs; expected 1 to %d", n, maxInputs)
	}
	all := in.ids
	for _, t := range in.texts {
		ids, err := m.prompts.TextPrompt(t, generate.Options{})
		if err != nil {
			return nil, bad(param, "%s", plain(err))
		}
		all = append(all, ids)
	}
	for _, ids := range all {
		if err := m.engine.check(ids, 0); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// maxInputs is the most inputs of one request, as OpenAI has it.
const maxInputs = 2048

// echo begins each choice with its prompt, and with the likelihood of that if it is wanted.
func (m *served) echo(ctx context.Context, out *reply, prompts [][]int32, texts []string, top *int) error {
	echoed := make([][]echo, len(prompts))
	if top != nil {
		var err error
		if echoed, err = m.likelihoods(ctx, prompts, *top); err != nil {
			return err
		}
	}
	n := len(out.choices) / len(prompts)
	for i, c := range out.choices {
		if c.echoed = echoed[i/n]; texts != nil {
			c.text = texts[i/n]
		} else {
			c.text = m.parts.Tokenizer.Decode(prompts[i/n], false)
		}
	}
	return nil
}

// completionForm writes text; answers and the parts of a stream look the same.
func completionForm(tok *tokenizer.Tokenizer, logprobs bool) form {
	choice := func(c *choice) any {
		var scores any
		if logprobs {
			scores = completionLogProbs(tok, c)
		}
		return map[string]any{"text": c.text, "index": c.index, "logprobs": scores, "finish_reason": c.finish}
	}
	return form{prefix: "cmpl-", whole: "text_completion", part: "text_completion", choice: choice, delta: choice}
}

// completionLogs is how completions show tokens: lists with an element for each.
type completionLogs struct {
	Tokens        []string             `json:"tokens"`
	TokenLogProbs []*float64           `json:"token_logprobs"` // nil for the first of a prompt, which nothing predicts
	TopLogProbs   []map[string]float64 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"` // in characters
}

func completionLogProbs(tok *tokenizer.Tokenizer, c *choice) completionLogs {
	l := completionLogs{Tokens: []string{}, TokenLogProbs: []*float64{}, TopLogProbs: []map[string]float64{}, TextOffset: []int{}}
	at := c.offset
	add := func(id int32, logprob *float64, top []generate.Alternative) {
		t := tokenText(tok.TokenBytes(id))
		l.Tokens, l.TokenLogProbs, l.TextOffset = append(l.Tokens, t), append(l.TokenLogProbs, logprob), append(l.TextOffset, at)
		at += utf8.RuneCountInString(t)
		var best map[string]float64
		if top != nil {
			best = map[string]float64{}
			for _, a := range top {
				name := tokenText(tok.TokenBytes(a.ID))
				if _, ok := best[name]; !ok { // parts of characters look alike
					best[name] = finite(a.LogProb)
				}
			}
		}
		l.TopLogProbs = append(l.TopLogProbs, best)
	}
	for _, e := range c.echoed {
		add(e.id, e.logprob, e.top)
	}
	for _, t := range c.tokens {
		add(t.ID, new(finite(t.LogProb)), t.Top)
	}
	return l
}
