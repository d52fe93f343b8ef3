package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/hone-ml/hone/generate"
)

// openAI adds the routes of OpenAI's API.
func (s *Server) openAI() {
	s.route("GET /v1/models", s.listModels)
	s.route("GET /v1/models/{id...}", s.showModel)
	s.route("POST /v1/chat/completions", s.chatCompletions)
	s.route("POST /v1/completions", s.completions)
	s.route("POST /v1/embeddings", s.embeddings)
}

// usage counts tokens.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// A completion is the answer to a request for text, or a part of it.
type completion struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Model   string `json:"model"`
	Choices []any  `json:"choices"`
	Usage   any    `json:"usage,omitempty"`
}

// A choice is one of the answers as far as it has come.
type choice struct {
	index  int
	text   string // all of it, or what is new in a stream
	offset int    // in characters: where text begins
	tokens []generate.Token
	echoed []echo // of the prompt, if they are wanted too
	first  bool   // nothing was sent of it yet
	finish any    // a text at the end, else nil
}

// A form is how one of the two routes for text writes its answers.
type form struct {
	prefix, whole, part string              // of the id; object's value of an answer and of a part of a stream
	choice              func(c *choice) any // of an answer
	delta               func(c *choice) any // of a stream
}

// finishReason is OpenAI's word for why an answer ended.
func finishReason(f generate.Finish) any {
	switch f {
	case "":
		return nil
	case generate.FinishLength:
		return "length"
	}
	return "stop"
}

// A reply writes the answers to one request.
type reply struct {
	form
	w       http.ResponseWriter
	r       *http.Request
	head    completion
	choices []*choice
	prompt  int // tokens
	sampling
	logprobs bool // are wanted
}

// reply prepares the answer to a request of n answers to each of the prompts.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, m *served, f form, o sampling, prompts [][]int32) *reply {
	p := &reply{form: f, w: w, r: r, sampling: o, head: completion{ID: randomID(f.prefix), Object: f.whole, Created: time.Now().Unix(), Model: m.name}}
	for i := range len(prompts) * o.n() {
		p.choices = append(p.choices, &choice{index: i, first: true})
	}
	for _, ids := range prompts {
		p.prompt += len(ids)
	}
	callOf(r).prompt = p.prompt
	return p
}

func (p *reply) usage() usage {
	n := callOf(p.r).generated
	return usage{p.prompt, n, p.prompt + n}
}

// take adds a token to its choice.
func (p *reply) take(t piece) *choice {
	c := p.choices[t.index]
	c.text += t.Text
	if p.logprobs {
		c.tokens = append(c.tokens, t.Token)
	}
	c.finish = finishReason(t.Finish)
	callOf(p.r).generated++
	return c
}

// write writes what comes, as a stream or at the end; a nil a means that all of it is in the choices already.
func (p *reply) write(ctx context.Context, a *answers) error {
	if p.Stream {
		return p.stream(ctx, a)
	}
	for a != nil {
		pieces, err := a.next(ctx)
		if err != nil {
			return err
		}
		if len(pieces) == 0 {
			break
		}
		for _, t := range pieces {
			p.take(t)
		}
	}
	for _, c := range p.choices {
		p.head.Choices = append(p.head.Choices, p.choice(c))
	}
	p.head.Usage = p.usage()
	return writeJSON(p.w, http.StatusOK, p.head)
}

// stream writes an event for each token, one with the usage if it is wanted, and [DONE].
func (p *reply) stream(ctx context.Context, a *answers) error {
	out := eventStream(p.w, p.r)
	p.head.Object = p.part
	send := func(c *choice) {
		p.head.Choices = append(p.head.Choices[:0], p.delta(c))
		out.send(p.head)
		c.offset += len([]rune(c.text))
		c.first, c.text, c.tokens, c.echoed = false, "", c.tokens[:0], nil
	}
	for _, c := range p.choices {
		if a == nil || c.text != "" {
			send(c)
		}
	}
	for a != nil {
		pieces, err := a.next(ctx)
		if err != nil {
			return out.fail(err)
		}
		if len(pieces) == 0 {
			break
		}
		for _, t := range pieces {
			if c := p.take(t); c.first || c.text != "" || c.finish != nil || p.logprobs {
				send(c)
			}
		}
		if out.flush(); out.err != nil {
			return nil // the client is gone
		}
	}
	if p.StreamOptions.IncludeUsage {
		p.head.Choices, p.head.Usage = []any{}, p.usage()
		out.send(p.head)
	}
	out.raw("data: [DONE]\n\n")
	out.flush()
	return nil
}
