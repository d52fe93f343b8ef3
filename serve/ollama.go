package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hone-ml/hone/generate"
)

// ollama adds the routes of Ollama's API.
func (s *Server) ollama() {
	s.route("POST /api/generate", s.ollamaGenerate)
	s.route("POST /api/chat", s.ollamaChat)
	s.route("GET /api/tags", s.ollamaTags)
	s.route("POST /api/show", s.ollamaShow)
	s.route("GET /api/version", s.ollamaVersion)
}

// ollamaOptions are the settings that Ollama calls options. Those of its own machinery, such as num_ctx, are ignored.
type ollamaOptions struct {
	NumPredict       *int     `json:"num_predict"`
	Temperature      *float64 `json:"temperature"`
	TopK             *int     `json:"top_k"`
	TopP             *float64 `json:"top_p"`
	MinP             *float64 `json:"min_p"`
	TypicalP         *float64 `json:"typical_p"`
	RepeatPenalty    *float64 `json:"repeat_penalty"`
	PresencePenalty  float64  `json:"presence_penalty"`
	FrequencyPenalty float64  `json:"frequency_penalty"`
	Seed             *int64   `json:"seed"`
	Stop             texts    `json:"stop"`
}

// An ollamaRequest is the body of POST /api/generate and /api/chat.
type ollamaRequest struct {
	Model    string          `json:"model"`
	Prompt   string          `json:"prompt"`
	System   string          `json:"system"`
	Raw      bool            `json:"raw"`
	Messages []message       `json:"messages"`
	Stream   *bool           `json:"stream"`
	Options  ollamaOptions   `json:"options"`
	Format   json.RawMessage `json:"format"`
	Images   json.RawMessage `json:"images"`
	Tools    json.RawMessage `json:"tools"`
	Suffix   string          `json:"suffix"`
	Template string          `json:"template"`
}

func (q *ollamaRequest) model() string { return q.Model }

func (q *ollamaRequest) check() error {
	q.Model = strings.TrimSuffix(q.Model, ":latest")
	for _, f := range []struct {
		name string
		set  bool
	}{{"format", given(q.Format) && string(q.Format) != `""`}, {"images", given(q.Images)}, {"tools", given(q.Tools)}, {"suffix", q.Suffix != ""}, {"template", q.Template != ""}} {
		if f.set {
			return bad(f.name, "is not available here: leave it out")
		}
	}
	return nil
}

// request returns what the model is asked, with Ollama's defaults, and the most tokens that may be generated.
func (o *ollamaOptions) request(m *served) (generate.Request, *int, error) {
	like := sampling{Temperature: o.Temperature, TopP: o.TopP, TopK: o.TopK, MinP: o.MinP, RepetitionPenalty: o.RepeatPenalty,
		PresencePenalty: o.PresencePenalty, FrequencyPenalty: o.FrequencyPenalty, Stop: o.Stop}
	if o.Seed != nil && *o.Seed != 0 { // 0 is its way to say any
		like.Seed = o.Seed
	}
	own := m.parts.Generation
	if like.Temperature == nil && own.Temperature == nil {
		like.Temperature = new(0.8)
	}
	if like.TopK == nil && own.TopK == nil {
		like.TopK = new(40)
	}
	if like.TopP == nil && own.TopP == nil {
		like.TopP = new(0.9)
	}
	r, err := like.request(m)
	r.Config.TypicalP = o.TypicalP
	most := o.NumPredict
	if most != nil && *most < 1 { // -1 and -2 mean as much as there is room for
		most = nil
	}
	return r, most, err
}

// ollamaAnswer is one line of an answer, or all of it.
type ollamaAnswer struct {
	Model     string         `json:"model"`
	CreatedAt time.Time      `json:"created_at"`
	Response  *string        `json:"response,omitempty"`
	Message   *ollamaMessage `json:"message,omitempty"`
	Done      bool           `json:"done"`
	*ollamaEnd
}

type ollamaMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// ollamaEnd is what the last line has more; durations are in nanoseconds.
type ollamaEnd struct {
	DoneReason         any           `json:"done_reason"`
	TotalDuration      time.Duration `json:"total_duration"`
	LoadDuration       time.Duration `json:"load_duration"`
	PromptEvalCount    int           `json:"prompt_eval_count"`
	PromptEvalDuration time.Duration `json:"prompt_eval_duration"`
	EvalCount          int           `json:"eval_count"`
	EvalDuration       time.Duration `json:"eval_duration"`
}

func (s *Server) ollamaGenerate(w http.ResponseWriter, r *http.Request) error {
	return s.ollamaText(w, r, func(q *ollamaRequest, m *served) ([]int32, error) {
		if q.Raw || m.parts.Template == nil {
			return one(m.inputs("prompt", inputs{texts: texts{q.Prompt}}))
		}
		messages := []message{{"user", content(q.Prompt)}}
		if q.System != "" {
			messages = append([]message{{"system", content(q.System)}}, messages...)
		}
		return m.chatPrompt(messages)
	}, func(text string) ollamaAnswer { return ollamaAnswer{Response: &text} })
}

func (s *Server) ollamaChat(w http.ResponseWriter, r *http.Request) error {
	return s.ollamaText(w, r, func(q *ollamaRequest, m *served) ([]int32, error) {
		return m.chatPrompt(q.Messages)
	}, func(text string) ollamaAnswer { return ollamaAnswer{Message: &ollamaMessage{"assistant", text}} })
}

func one(all [][]int32, err error) ([]int32, error) {
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ollamaText answers a request for text: prompt makes its tokens, wrap puts text into an answer.
func (s *Server) ollamaText(w http.ResponseWriter, r *http.Request, prompt func(*ollamaRequest, *served) ([]int32, error), wrap func(string) ollamaAnswer) error {
	var q ollamaRequest
	m, ctx, done, err := s.begin(w, r, &q)
	if err != nil {
		return err
	}
	defer done()
	answer := func(text string) ollamaAnswer {
		a := wrap(text)
		a.Model, a.CreatedAt = m.name, time.Now().UTC()
		return a
	}
	if q.Prompt == "" && len(q.Messages) == 0 { // asks for the model to be loaded
		a := answer("")
		a.Done, a.ollamaEnd = true, &ollamaEnd{DoneReason: "load"}
		return writeJSON(w, http.StatusOK, a)
	}
	ids, err := prompt(&q, m)
	if err != nil {
		return err
	}
	g, most, err := q.Options.request(m)
	if err != nil {
		return err
	}
	callOf(r).prompt = len(ids)
	a, err := s.generate(ctx, m, [][]int32{ids}, g, most)
	if err != nil {
		return err
	}
	if q.Stream != nil && !*q.Stream {
		return ollamaWhole(ctx, w, r, a, answer)
	}
	return ollamaLines(ctx, lineStream(w, r), r, a, answer)
}

// ollamaWhole writes the answer at its end.
func ollamaWhole(ctx context.Context, w http.ResponseWriter, r *http.Request, a *answers, answer func(string) ollamaAnswer) error {
	var text strings.Builder
	for {
		pieces, err := a.next(ctx)
		if err == nil && len(pieces) == 0 {
			err = errClosed
		}
		if err != nil {
			return err
		}
		for _, p := range pieces {
			callOf(r).generated++
			text.WriteString(p.Text)
			if p.Finish != "" {
				v := answer(text.String())
				v.end(callOf(r), a, p.Finish)
				return writeJSON(w, http.StatusOK, v)
			}
		}
	}
}

// ollamaLines writes a line for each piece of text, and one at the end.
func ollamaLines(ctx context.Context, out *stream, r *http.Request, a *answers, answer func(string) ollamaAnswer) error {
	for {
		pieces, err := a.next(ctx)
		if err == nil && len(pieces) == 0 {
			err = errClosed
		}
		if err != nil {
			return out.fail(err)
		}
		for _, p := range pieces {
			callOf(r).generated++
			if p.Text != "" {
				out.send(answer(p.Text))
			}
			if p.Finish != "" {
				v := answer("")
				v.end(callOf(r), a, p.Finish)
				out.send(v)
				out.flush()
				return nil
			}
		}
		if out.flush(); out.err != nil {
			return nil // the client is gone
		}
	}
}

// end adds what the last line has.
func (v *ollamaAnswer) end(c *call, a *answers, f generate.Finish) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Done = true
	v.ollamaEnd = &ollamaEnd{DoneReason: finishReason(f), TotalDuration: time.Since(c.start), PromptEvalCount: c.prompt,
		PromptEvalDuration: a.first.Sub(a.started), EvalCount: c.generated, EvalDuration: a.last.Sub(a.first)}
}

// ollamaDetails tell what a model is made of.
func (s *Server) ollamaDetails(m *served) map[string]any {
	c := m.about.Config
	level := strings.ToUpper(c.Dtype())
	switch s.config.Dtype {
	case "int8":
		level = "Q8_0"
	case "int4":
		level = "Q4_0"
	case "bfloat16":
		level = "BF16"
	case "float32":
		level = "F32"
	}
	return map[string]any{"parent_model": "", "format": "safetensors", "family": c.ModelType, "families": []string{c.ModelType},
		"parameter_size": size(c.NumParams()), "quantization_level": level}
}

// size is a number of parameters as people say it.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.2fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1fK", float64(n)/1e3)
}

func (s *Server) ollamaTags(w http.ResponseWriter, r *http.Request) error {
	models := []any{}
	for _, name := range s.names() {
		m := s.model(name)
		if m == nil {
			continue
		}
		models = append(models, map[string]any{"name": name, "model": name, "modified_at": m.created.UTC(), "size": 4 * m.about.Config.NumParams(),
			"digest": m.digest(), "details": s.ollamaDetails(m)})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"models": models})
}

func (s *Server) ollamaShow(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Model string `json:"model"`
		Name  string `json:"name"` // its older name
	}
	if err := s.read(w, r, &q); err != nil {
		return err
	}
	name := strings.TrimSuffix(q.Model, ":latest")
	if name == "" {
		name = strings.TrimSuffix(q.Name, ":latest")
	}
	m := s.model(name)
	if m == nil {
		return refusal(http.StatusNotFound, invalid, "model_not_found", "model %.200q not found", name)
	}
	c := m.about.Config
	return writeJSON(w, http.StatusOK, map[string]any{
		"modelfile": "FROM " + m.name + "\n", "parameters": "", "template": m.about.ChatTemplate, "details": s.ollamaDetails(m), "modified_at": m.created.UTC(),
		"capabilities": []string{"completion"},
		"model_info": map[string]any{"general.architecture": c.ModelType, "general.parameter_count": c.NumParams(),
			c.ModelType + ".context_length": s.config.context(c), c.ModelType + ".embedding_length": c.HiddenSize, c.ModelType + ".block_count": c.Layers},
	})
}

func (s *Server) ollamaVersion(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"version": ollamaVersion})
}

// ollamaVersion is the release of Ollama whose answers these are like: clients ask for what they may use.
const ollamaVersion = "0.9.0"
