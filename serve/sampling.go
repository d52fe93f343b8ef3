package serve

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/hone-ml/hone/generate"
)

// sampling is what OpenAI's requests for text have in common, and some settings that other servers take beside it.
type sampling struct {
	N                 *int               `json:"n"`
	Temperature       *float64           `json:"temperature"`
	TopP              *float64           `json:"top_p"`
	TopK              *int               `json:"top_k"`
	MinP              *float64           `json:"min_p"`
	RepetitionPenalty *float64           `json:"repetition_penalty"`
	PresencePenalty   float64            `json:"presence_penalty"`
	FrequencyPenalty  float64            `json:"frequency_penalty"`
	LogitBias         map[string]float64 `json:"logit_bias"`
	Seed              *int64             `json:"seed"`
	Stop              texts              `json:"stop"`
	Stream            bool               `json:"stream"`
	StreamOptions     struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// Most of what one request may ask for.
const (
	maxChoices = 128 // answers
	maxStops   = 16
	maxStop    = 256 // bytes of a stop text
	maxTop     = 20  // top_logprobs
)

// within checks a number against its range.
func within(name string, v *float64, lo, hi float64) error {
	if v != nil && !(*v >= lo && *v <= hi) {
		return bad(name, "%g is out of range; expected %g to %g", *v, lo, hi)
	}
	return nil
}

// check reports values that make no sense.
func (o *sampling) check() error {
	for _, err := range []error{
		within("temperature", o.Temperature, 0, 2), within("top_p", o.TopP, 0, 1), within("min_p", o.MinP, 0, 1),
		within("presence_penalty", &o.PresencePenalty, -2, 2), within("frequency_penalty", &o.FrequencyPenalty, -2, 2),
		within("repetition_penalty", o.RepetitionPenalty, 0.01, 100),
	} {
		if err != nil {
			return err
		}
	}
	if n := o.n(); n < 1 || n > maxChoices {
		return bad("n", "%d is out of range; expected 1 to %d", n, maxChoices)
	}
	if len(o.Stop) > maxStops {
		return bad("stop", "has %d texts; at most %d are taken", len(o.Stop), maxStops)
	}
	for _, s := range o.Stop {
		if s == "" || len(s) > maxStop {
			return bad("stop", "has a text of %d bytes; expected 1 to %d", len(s), maxStop)
		}
	}
	return nil
}

func (o *sampling) n() int {
	if o.N == nil {
		return 1
	}
	return *o.N
}

// request returns what the model is asked, but for the prompt. What the request leaves open is as the model's
// generation_config.json says, or else OpenAI's default.
func (o *sampling) request(m *served) (generate.Request, error) {
	if err := o.check(); err != nil {
		return generate.Request{}, err
	}
	c := generate.Config{Temperature: o.Temperature, TopP: o.TopP, TopK: o.TopK, MinP: o.MinP, RepetitionPenalty: o.RepetitionPenalty}
	if o.Seed != nil {
		c.Seed = new(uint64(*o.Seed))
	}
	r := generate.Request{Config: m.settings(c, o.Stop), PresencePenalty: o.PresencePenalty, FrequencyPenalty: o.FrequencyPenalty}
	if n := o.n(); n > 1 {
		if !*r.Config.DoSample {
			return r, bad("n", "%d answers, but at temperature 0 all would be the same", n)
		}
		r.Config.NumReturnSequences = &n
	}
	for name, v := range o.LogitBias {
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil || id < 0 || int(id) >= m.engine.vocab {
			return r, bad("logit_bias", "%.40q is no token id; expected 0 to %d", name, m.engine.vocab-1)
		}
		if !(math.Abs(v) <= 100) {
			return r, bad("logit_bias", "%g for token %d is out of range; expected -100 to 100", v, id)
		}
		if r.LogitBias == nil {
			r.LogitBias = map[int32]float64{}
		}
		r.LogitBias[int32(id)] = v
	}
	return r, nil
}

// settings lays c over the model's own. Temperature 0 is the likeliest token; else tokens are drawn from all there
// are, unless something says otherwise.
func (m *served) settings(c generate.Config, stop []string) generate.Config {
	if t := c.Temperature; t != nil {
		c.DoSample = new(*t > 0)
	}
	own := m.parts.Generation
	c.StopStrings = append(append(generate.Strings{}, stop...), own.StopStrings...)
	c = c.Or(own)
	c.NumReturnSequences = nil
	c.DoSample = cmp.Or(c.DoSample, new(true))
	c.TopK = cmp.Or(c.TopK, new(0))
	if c.Temperature != nil && *c.Temperature == 0 {
		c.Temperature = nil
	}
	return c
}

// generate has the model continue each prompt. The answers end after most tokens, or as the Server's settings have
// it if that is nil, or where the model's context does.
func (s *Server) generate(ctx context.Context, m *served, prompts [][]int32, r generate.Request, most *int) (*answers, error) {
	n := 1
	if p := r.Config.NumReturnSequences; p != nil {
		n = *p
	}
	if n*len(prompts) > maxChoices {
		return nil, bad("n", "%d answers in all; at most %d are given at once", n*len(prompts), maxChoices)
	}
	r.Adapter, r.TrimStop = m.adapter, true
	requests := make([]generate.Request, len(prompts))
	for i, p := range prompts {
		if err := m.engine.check(p, 0); err != nil {
			return nil, err
		}
		if len(p) == 0 && r.Config.BOSTokenID == nil {
			return nil, bad("prompt", "is empty, and the model has no token to begin with")
		}
		want := s.config.MaxTokens
		if most != nil {
			want = *most
		}
		requests[i] = r
		requests[i].Prompt = p
		requests[i].Config.MaxNewTokens = new(min(want, m.engine.context-max(len(p), 1)+1))
	}
	if err := requests[0].Config.Check(); err != nil {
		return nil, bad("", "%s", plain(err))
	}
	return m.engine.generate(ctx, m.parts.Tokenizer, n, requests)
}

// plain is the text of an error without the package that it is of.
func plain(err error) string {
	text := err.Error()
	for _, name := range []string{"generate: ", "chat: ", "tokenizer: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}

// positive checks a number of tokens.
func positive(name string, v *int, least int) error {
	if v != nil && *v < least {
		return bad(name, "%d is out of range; expected at least %d", *v, least)
	}
	return nil
}
