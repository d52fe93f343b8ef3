package generate

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/tokenizer"
)

// The whole way from text or chat to answer gives what the reference's pipeline gives (testdata/make_pipeline.py).
func TestPipelineEqualsReference(t *testing.T) {
	tok, err := tokenizer.Load("testdata/pipeline")
	if err != nil {
		t.Fatal(err)
	}
	jinja, err := chat.Parse(tok.Config().ChatTemplate())
	if err != nil {
		t.Fatal(err)
	}
	m, _ := load(t, "llama")
	g := generator(m)
	g.Tokenizer = tok
	if g.Config, err = Load(fixtures.Dir(t, "llama"), m.Config); err != nil {
		t.Fatal(err)
	}
	p := &Pipeline{Generator: *g, Template: func(turns []Message, prompt bool) (string, error) {
		return jinja.Render(turns, chat.Options{AddGenerationPrompt: prompt, SpecialTokens: tok.Config().SpecialTokens})
	}}
	b, err := os.ReadFile("testdata/pipeline/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Input, Options json.RawMessage
		Want           any
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var o Options
		if err := json.Unmarshal(c.Options, &o); err != nil {
			t.Fatal(err)
		}
		answers, err := p.Call(t.Context(), c.Input, o)
		if err != nil {
			t.Errorf("%s %s: %v", c.Input, c.Options, err)
			continue
		}
		var got any
		b, _ := json.Marshal(answers)
		json.Unmarshal(b, &got)
		if d := cmp.Diff(c.Want, got); d != "" {
			t.Errorf("%s %s: %s", c.Input, c.Options, d)
		}
	}
}

// template writes <s>role: content per message.
func template(messages []Message, prompt bool) (string, error) {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "<s>%s: %s", m.Role, m.Content)
	}
	if prompt {
		b.WriteString("<s>assistant: ")
	}
	return b.String(), nil
}

func pipeline(t testing.TB, chains ...[]int32) *Pipeline {
	return &Pipeline{Generator: *scripted(t, chains...), Template: template}
}

// Every input gives the reference's shape.
func TestPipelineShapes(t *testing.T) {
	p := pipeline(t, chain(t, 'Q', "st", "op"), chain(t, ' ', "yes"), chain(t, 'k', "hi"))
	greedy := Options{Config: Config{DoSample: new(false)}}
	short := greedy
	short.ReturnFullText = new(false)
	two := Options{Config: Config{TopK: new(1), NumReturnSequences: new(2)}}
	for _, tt := range []struct {
		input string
		o     Options
		want  string
	}{
		{`"a Q"`, greedy, `[{"generated_text":"a Qstop"}]`},
		{`["a Q","k"]`, greedy, `[[{"generated_text":"a Qstop"}],[{"generated_text":"khi"}]]`},
		{`"a Q"`, short, `[{"generated_text":"stop"}]`},
		{`"Q"`, two, `[{"generated_text":"Qstop"},{"generated_text":"Qstop"}]`},
		{`[{"role":"user","content":"k"}]`, greedy, `[{"generated_text":[{"role":"user","content":"k"},{"content":"yes","role":"assistant"}]}]`},
		{`[{"role":"user","content":"k"}]`, short, `[{"generated_text":"yes"}]`},
		{`[[{"role":"user","content":"k"}]]`, greedy, `[[{"generated_text":[{"role":"user","content":"k"},{"content":"yes","role":"assistant"}]}]]`},
		{`[{"role":"user","content":"x"},{"role":"assistant","content":"k"}]`, greedy, `[{"generated_text":[{"role":"user","content":"x"},{"content":"khi","role":"assistant"}]}]`},
		{`[{"role":"user","content":"x"},{"role":"assistant","content":"k"}]`, Options{Config: greedy.Config, ContinueFinalMessage: new(false)},
			`[{"generated_text":[{"role":"user","content":"x"},{"role":"assistant","content":"k"},{"content":"yes","role":"assistant"}]}]`},
		{`"Q"`, Options{Config: greedy.Config, SkipSpecialTokens: new(false)}, `[{"generated_text":"Qstop</s>"}]`},
		{`"Q"`, Options{Config: greedy.Config, StopSequence: Strings{"t"}}, `[{"generated_text":"Qst"}]`},
		{`[{"role":"user","content":"k","name":"Ann"}]`, greedy, `[{"generated_text":[{"role":"user","content":"k","name":"Ann"},{"content":"yes","role":"assistant"}]}]`},
		{`[]`, greedy, `[]`},
	} {
		got, err := p.Call(t.Context(), []byte(tt.input), tt.o)
		if err != nil {
			t.Errorf("%s: %v", tt.input, err)
			continue
		}
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(got); err != nil || b.String() != tt.want+"\n" {
			t.Errorf("%s: %s, %v; expected %s", tt.input, b.String(), err, tt.want)
		}
	}
}

func TestPipelineErrors(t *testing.T) {
	p := pipeline(t, chain(t, 'Q', "hi"))
	bare := *p
	bare.Template = nil
	trimming := *p
	trimming.Template = func(m []Message, prompt bool) (string, error) { return "nothing", nil }
	for _, tt := range []struct {
		p     *Pipeline
		input string
		want  string
	}{
		{p, `7`, "expected a text"},
		{p, `[{"content":"x"}]`, "message 1 of the chat has no role"},
		{p, `[["x"],[]]`, "expected a text"},
		{p, `[{"role":"assistant","content":[{"type":"text","text":"k"}]}]`, "is not a text"},
		{&bare, `[{"role":"user","content":"k"}]`, "chat template, and there is none"},
		{&trimming, `[{"role":"assistant","content":"k"}]`, "set continue_final_message to false"},
		{&Pipeline{}, `"x"`, "needs a tokenizer"},
	} {
		if _, err := tt.p.Call(t.Context(), []byte(tt.input), Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected %q", tt.input, err, tt.want)
		}
	}
}

// The pipeline's own defaults stand below the caller's and the model's settings.
func TestPipelineDefaults(t *testing.T) {
	p := pipeline(t, chain(t, 'Q', "hi"))
	p.Config = Config{}
	for _, tt := range []struct {
		model, call string
		want        string
	}{
		{`{}`, `{}`, `{"max_new_tokens":256,"do_sample":true,"temperature":0.7}`},
		{`{"do_sample":false}`, `{}`, `{"max_new_tokens":256,"do_sample":false}`},
		{`{"max_length":30,"temperature":0.2}`, `{}`, `{"max_length":30,"do_sample":true,"temperature":0.2}`},
		{`{"max_new_tokens":9}`, `{"temperature":0.3}`, `{"max_new_tokens":9,"do_sample":true,"temperature":0.3}`},
		{`{"top_k":5}`, `{"do_sample":false,"max_new_tokens":1}`, `{"max_new_tokens":1,"do_sample":false,"top_k":5}`},
		{`{}`, `{"stop_sequence":"x"}`, `{"max_new_tokens":256,"do_sample":true,"temperature":0.7,"stop_strings":["x"]}`},
	} {
		p.Config = parse(t, []byte(tt.model))
		var o Options
		if err := json.Unmarshal([]byte(tt.call), &o); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(p.config(3, o))
		if d := cmp.Diff(tt.want, string(b)); d != "" {
			t.Errorf("%s under %s: %s", tt.model, tt.call, d)
		}
	}
	gpt2, _ := load(t, "gpt2") // 64 learned positions: the default shrinks, a caller's number doesn't
	q := &Pipeline{Generator: *generator(gpt2)}
	if n := *q.config(60, Options{}).MaxNewTokens; n != 5 {
		t.Errorf("%d new tokens after 60 in 64 positions", n)
	}
}
