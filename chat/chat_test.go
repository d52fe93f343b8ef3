package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type fixtures struct {
	Vars  map[string]json.RawMessage
	Chats map[string]map[string]json.RawMessage
	Cases []struct {
		Template, File, Chat string
		Text, Error          string
		Spans                [][2]int
	}
}

func readFixtures(t testing.TB, path string) (f fixtures) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// options are the arguments that a fixture was rendered with.
func options(t testing.TB, kwargs map[string]json.RawMessage) (messages []Message, o Options) {
	t.Helper()
	o = Options{Vars: map[string]any{}, Now: time.Date(2024, 7, 5, 9, 3, 7, 0, time.UTC)}
	for k, v := range kwargs {
		var err error
		switch k {
		case "messages":
			err = json.Unmarshal(v, &messages)
		case "tools":
			o.Tools = v
		case "add_generation_prompt":
			err = json.Unmarshal(v, &o.AddGenerationPrompt)
		default:
			o.Vars[k] = v
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return messages, o
}

// What transformers renders is rendered; what it refuses is refused.
func TestFixtures(t *testing.T) { checkFixtures(t, readFixtures(t, "testdata/fixtures.json")) }

// TestCompare reads what testdata/compare.py wrote.
func TestCompare(t *testing.T) {
	path := os.Getenv("HONE_CHAT_COMPARE")
	if path == "" {
		t.Skip("run by testdata/compare.py")
	}
	checkFixtures(t, readFixtures(t, path))
}

func checkFixtures(t *testing.T, f fixtures) {
	t.Helper()
	for _, c := range f.Cases {
		name := c.Template
		src := c.Template
		messages, o := options(t, f.Vars)
		if c.Chat != "" {
			name = c.File + " " + c.Chat
			messages, o = options(t, f.Chats[c.Chat])
			o.SpecialTokens = map[string]string{"bos_token": "<s>", "eos_token": "</s>"}
		}
		if c.File != "" && c.Template == "" {
			b, err := os.ReadFile(filepath.Join("testdata/templates", c.File))
			if err != nil {
				t.Fatal(err)
			}
			src = string(b)
		}
		tmpl, err := Parse(src)
		var got string
		var spans []Span
		if err == nil {
			got, spans, err = tmpl.render(messages, o)
		}
		switch {
		case c.Error != "" && err == nil:
			t.Errorf("%s\n got %q\nwant error %s", name, got, c.Error)
		case c.Error == "" && err != nil:
			t.Errorf("%s\n got %v\nwant %q", name, err, c.Text)
		case c.Error != "":
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 {
				t.Errorf("%s: error %v has no place", name, err)
			}
			if raised := strings.HasPrefix(c.Error, "TemplateError: "); raised && (!e.Raised || "TemplateError: "+e.Msg != c.Error) {
				t.Errorf("%s\n got %v\nwant %s", name, err, c.Error)
			}
		case got != c.Text:
			t.Errorf("%s\n got %q\nwant %q", name, got, c.Text)
		default:
			if !slices.EqualFunc(spans, c.Spans, func(a Span, b [2]int) bool { return a.Start == b[0] && a.End == b[1] }) {
				t.Errorf("%s: spans %v, want %v", name, spans, c.Spans)
			}
		}
	}
}
