package serve

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/tokenizer"
)

// A chatRequest is the body of POST /v1/chat/completions.
type chatRequest struct {
	Model    string    `json:"model"`
	Messages []message `json:"messages"`
	sampling
	MaxTokens           *int `json:"max_tokens"`
	MaxCompletionTokens *int `json:"max_completion_tokens"`
	Logprobs            bool `json:"logprobs"`
	TopLogprobs         int  `json:"top_logprobs"`

	Tools          json.RawMessage `json:"tools"`
	Functions      json.RawMessage `json:"functions"`
	ResponseFormat struct {
		Type string `json:"type"`
	} `json:"response_format"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// given reports whether a field has something in it.
func given(raw json.RawMessage) bool {
	switch strings.Join(strings.Fields(string(raw)), "") {
	case "", "null", "[]", "{}":
		return false
	}
	return true
}

func (q *chatRequest) model() string { return q.Model }

func (q *chatRequest) check() error {
	switch {
	case given(q.Tools) || given(q.Functions):
		return bad("tools", "the server knows no tools: leave them out")
	case q.ResponseFormat.Type != "" && q.ResponseFormat.Type != "text":
		return bad("response_format", "%.40q is not available; answers are text", q.ResponseFormat.Type)
	case q.TopLogprobs < 0 || q.TopLogprobs > maxTop:
		return bad("top_logprobs", "%d is out of range; expected 0 to %d", q.TopLogprobs, maxTop)
	case q.TopLogprobs > 0 && !q.Logprobs:
		return bad("top_logprobs", "is only told where logprobs is true")
	case q.MaxCompletionTokens == nil:
		return positive("max_tokens", q.MaxTokens, 1)
	}
	q.MaxTokens = q.MaxCompletionTokens
	return positive("max_completion_tokens", q.MaxTokens, 1)
}

// chatPrompt returns the tokens of a conversation up to where the model goes on.
func (m *served) chatPrompt(messages []message) ([]int32, error) {
	if m.parts.Template == nil {
		return nil, bad("model", "%s has no chat template, so that it can't chat: use /v1/completions, or a model that was trained on chats", m.name)
	}
	if len(messages) == 0 {
		return nil, bad("messages", "is empty; expected at least one message")
	}
	turns := make([]chat.Message, len(messages))
	for i, x := range messages {
		if x.Role == "" {
			return nil, bad("messages", "message %d has no role; expected system, user or assistant", i)
		}
		if x.Role == "developer" {
			x.Role = "system"
		}
		turns[i] = chat.Message{Role: x.Role, Content: string(x.Content)}
	}
	ids, err := m.prompts.ChatPrompt(turns, generate.Options{})
	if err != nil {
		return nil, bad("messages", "%s", plain(err))
	}
	return ids, nil
}

func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) error {
	var q chatRequest
	m, ctx, done, err := s.begin(w, r, &q)
	if err != nil {
		return err
	}
	defer done()
	ids, err := m.chatPrompt(q.Messages)
	if err != nil {
		return err
	}
	g, err := q.request(m)
	if err != nil {
		return err
	}
	g.LogProbs, g.TopLogProbs = q.Logprobs, q.TopLogprobs
	prompts := [][]int32{ids}
	a, err := s.generate(ctx, m, prompts, g, q.MaxTokens)
	if err != nil {
		return err
	}
	out := s.reply(w, r, m, chatForm(m.parts.Tokenizer, q.Logprobs), q.sampling, prompts)
	out.logprobs = q.Logprobs
	return out.write(ctx, a)
}

// A chatChoice is a choice with a message, or with a delta in a stream.
type chatChoice struct {
	Index        int `json:"index"`
	Message      any `json:"message,omitempty"`
	Delta        any `json:"delta,omitempty"`
	LogProbs     any `json:"logprobs"`
	FinishReason any `json:"finish_reason"`
}

func chatForm(tok *tokenizer.Tokenizer, logprobs bool) form {
	scores := func(c *choice) any {
		if !logprobs {
			return nil
		}
		return map[string]any{"content": chatLogProbs(tok, c.tokens), "refusal": nil}
	}
	return form{
		prefix: "chatcmpl-", whole: "chat.completion", part: "chat.completion.chunk",
		choice: func(c *choice) any {
			message := map[string]any{"role": "assistant", "content": c.text, "refusal": nil}
			return chatChoice{Index: c.index, Message: message, LogProbs: scores(c), FinishReason: c.finish}
		},
		delta: func(c *choice) any {
			delta := map[string]string{}
			if c.first {
				delta["role"] = "assistant"
			}
			if c.first || c.text != "" {
				delta["content"] = c.text
			}
			return chatChoice{Index: c.index, Delta: delta, LogProbs: scores(c), FinishReason: c.finish}
		},
	}
}

// A tokenLogProb is a token as chats show it.
type tokenLogProb struct {
	Token       string         `json:"token"`
	LogProb     float64        `json:"logprob"`
	Bytes       []int          `json:"bytes"`
	TopLogProbs []tokenLogProb `json:"top_logprobs,omitzero"`
}

func chatLogProbs(tok *tokenizer.Tokenizer, tokens []generate.Token) []tokenLogProb {
	one := func(id int32, logprob float64) tokenLogProb {
		b := tok.TokenBytes(id)
		t := tokenLogProb{Token: tokenText(b), LogProb: finite(logprob), Bytes: make([]int, len(b))}
		for i, c := range b {
			t.Bytes[i] = int(c)
		}
		return t
	}
	all := []tokenLogProb{}
	for _, t := range tokens {
		x := one(t.ID, t.LogProb)
		x.TopLogProbs = []tokenLogProb{}
		for _, alt := range t.Top {
			x.TopLogProbs = append(x.TopLogProbs, one(alt.ID, alt.LogProb))
		}
		all = append(all, x)
	}
	return all
}

// tokenText is the text of a token, or what JSON can show of it where it is a part of a character.
func tokenText(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// finite is a log-probability that JSON can show: OpenAI's -9999 for the impossible.
func finite(x float64) float64 { return max(x, -9999) }
