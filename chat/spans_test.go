package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var conversation = []Message{
	{Role: "user", Content: "Hi"}, {Role: "assistant", Content: "Hello."},
	{Role: "user", Content: "Bye"}, {Role: "assistant", Content: "Good-bye."},
}

func mustParse(t testing.TB, src string) *Template {
	t.Helper()
	tmpl, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func cut(text string, spans []Span) (out []string) {
	for _, s := range spans {
		out = append(out, text[s.Start:s.End])
	}
	return out
}

// With and without generation blocks, the assistant's turns are found.
func TestRenderSpans(t *testing.T) {
	plain := strings.NewReplacer("{% generation %}", "", "{% endgeneration %}", "").Replace(ChatML)
	for src, want := range map[string][]string{
		ChatML: {"Hello.<|im_end|>", "Good-bye.<|im_end|>"},
		plain:  {"Hello.<|im_end|>\n", "Good-bye.<|im_end|>\n"},
	} {
		tmpl := mustParse(t, src)
		text, spans, err := tmpl.RenderSpans(conversation, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := cut(text, spans); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if again, err := tmpl.Render(conversation, Options{}); err != nil || again != text {
			t.Errorf("Render gives %q, %v", again, err)
		}
	}
}

// A template that forgets earlier thoughts cannot be taken apart by prefixes, and says so.
func TestRenderSpansRefuses(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata/templates/thinking.jinja"))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := mustParse(t, string(b))
	thoughtful := slices.Clone(conversation)
	thoughtful[1].Content = "<think>\nhm\n</think>\n\nHello."
	if _, _, err := tmpl.RenderSpans(thoughtful, Options{}); err == nil || !strings.Contains(err.Error(), "message 1") {
		t.Errorf("error %v", err)
	}
	nested := mustParse(t, "{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}")
	if _, _, err := nested.RenderSpans(conversation, Options{}); err == nil {
		t.Error("a generation block in a macro is no error")
	}
}

func TestErrors(t *testing.T) {
	for src, want := range map[string]string{
		"a\n{{ x.y.z }}":                     "line 2, column 7: attribute y is undefined",
		"é{{ 1 +":                            "line 1, column 2: tag is not closed",
		"{% if true %}\n":                    "line 1, column 4: block is not closed: {% endif %} is missing",
		"\n\n  {{ raise_exception('bad') }}": "line 3, column 21: bad",
		"{{ 'abc }}":                         "string is not closed",
		"{{ (1] }}":                          `unexpected "]"`,
		"{% for x in 5 %}{% endfor %}":       "int cannot be looped over",
		"{% import 'os' %}":                  `statement "import"`,
		"{# ":                                "comment is not closed",
		"{{ a b }}":                          `expected the end of the tag, found "b"`,
	} {
		tmpl, err := Parse(src)
		if err == nil {
			_, err = tmpl.Render(nil, Options{Vars: map[string]any{"x": map[string]any{}}})
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
}

// No template runs for ever or eats the machine.
func TestLimits(t *testing.T) {
	for name, src := range map[string]string{
		"loops":     "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
		"quiet":     "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
		"range":     "{{ range(1000000000) }}",
		"repeat":    "{{ 'aaaa' * 1000000000000 }}",
		"double":    "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for a in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"nested":    "{% set ns = namespace(s=[]) %}{% for a in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
		"equal":     "{% set ns = namespace(s=[]) %}{% for a in range(100000) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s == [1] }}{{ ns.s|tojson }}",
		"bush":      "{% set ns = namespace(s=[1]) %}{% for a in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
		"twins":     "{% set ns = namespace(s=[1], t=[1]) %}{% for a in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
		"macro":     "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"recursive": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
		"brackets":  "{{ " + strings.Repeat("[", 100000),
		"not":       "{{ " + strings.Repeat("not ", 100000) + "x }}",
		"minus":     "{{ " + strings.Repeat("-", 100000) + "1 }}",
		"blocks":    strings.Repeat("{% if true %}", 100000),
		"ladder":    "{{ " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000) + " }}",
		"join":      "{% set l = ['a' * 1000000] * 1000 %}{{ l|join|length }}",
		"center":    "{{ 'x'.center(1000000000) }}",
		"indent":    "{{ ('a\n' * 100000)|indent(100000) }}",
		"replace":   "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
		"lists":     "{% set ns = namespace(l=[0] * 1000) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
		"strings":   "{{ range(100000)|sort|map('string')|map('center', 100000)|list|length }}",
		"tojson":    "{{ [[1]]|tojson(indent=2000000000) }}",
	} {
		t.Run(name, func(t *testing.T) {
			tmpl, err := Parse(src)
			if err == nil {
				_, err = tmpl.Render(nil, Options{})
			}
			if err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestMessageJSON(t *testing.T) {
	const in = `{"content":"hi","role":"user","extra":[1,2]}`
	var m Message
	if err := json.Unmarshal([]byte(in), &m); err != nil {
		t.Fatal(err)
	}
	if m.Role != "user" || m.Content != "hi" {
		t.Errorf("%+v", m)
	}
	if out, err := json.Marshal(m); err != nil || string(out) != in {
		t.Errorf("%s, %v", out, err)
	}
	got, err := mustParse(t, "{{ messages[0]|tojson }}").Render([]Message{m}, Options{})
	if want := `{"content": "hi", "role": "user", "extra": [1, 2]}`; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzRender(f *testing.F) {
	paths, _ := filepath.Glob("testdata/templates/*.jinja")
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b), `[{"role":"user","content":"x"},{"role":"assistant","content":[1,{"a":null}]}]`)
	}
	for _, c := range readFixtures(f, "testdata/fixtures.json").Cases {
		if c.Template != "" {
			f.Add(c.Template, `[{"role":"user","content":"x","tool_calls":[{"function":{"name":"f","arguments":{"a":1.5}}}]}]`)
		}
	}
	f.Fuzz(func(t *testing.T, src, messages string) {
		tmpl, err := Parse(src)
		if err != nil {
			return
		}
		var list []Message
		if json.Unmarshal([]byte(messages), &list) != nil {
			list = conversation
		}
		o := Options{Vars: map[string]any{"n": 3, "s": "ab", "d": map[string]any{"b": 1}, "words": []string{"x", "Y"}}, AddGenerationPrompt: true}
		text, spans, err := tmpl.render(list, o)
		if err != nil {
			return
		}
		for _, s := range spans {
			if s.Start < 0 || s.Start > s.End || s.End > len(text) {
				t.Errorf("span %v of %d bytes", s, len(text))
			}
		}
		_, _, _ = tmpl.RenderSpans(list, o)
	})
}

func ExampleTemplate_Render() {
	t, err := Parse(ChatML)
	if err != nil {
		panic(err)
	}
	text, err := t.Render([]Message{{Role: "user", Content: "Hi"}}, Options{AddGenerationPrompt: true})
	if err != nil {
		panic(err)
	}
	fmt.Print(text)
	// Output:
	// <|im_start|>user
	// Hi<|im_end|>
	// <|im_start|>assistant
}

func ExampleTemplate_RenderSpans() {
	t, err := Parse(ChatML)
	if err != nil {
		panic(err)
	}
	text, spans, err := t.RenderSpans([]Message{{Role: "user", Content: "Hi"}, {Role: "assistant", Content: "Hello."}}, Options{})
	if err != nil {
		panic(err)
	}
	for _, s := range spans {
		fmt.Printf("%q\n", text[s.Start:s.End])
	}
	// Output: "Hello.<|im_end|>"
}
