package collate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/internal/realdata"
	"github.com/hone-ml/hone/tokenizer"
)

func load(t *testing.T, name string) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Load(filepath.Join("..", "tokenizer", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func verbalizer(t *testing.T, tok *tokenizer.Tokenizer, v Verbalizer) *Verbalizer {
	t.Helper()
	if v.Labels == nil {
		v.Labels = []string{"neg", "pos"}
	}
	ready, err := NewVerbalizer(tok, v)
	if err != nil {
		t.Fatal(err)
	}
	return ready
}

// The default is the tutorial's recipe: tokens(text) + [eos] + tokens(label word), loss on the word alone.
func TestTutorialRecipe(t *testing.T) {
	tok := load(t, "gpt2")
	v := verbalizer(t, tok, Verbalizer{})
	for label, word := range v.Labels {
		text := "hello world, it's the other thing"
		want := append(tok.Append(nil, text), tok.EOS())
		n := len(want)
		want = append(want, tok.Append(nil, word)...)
		e, cut := v.Example(text, int32(label))
		if cut || !slices.Equal(e.IDs, want) {
			t.Errorf("ids %v, the recipe makes %v", e.IDs, want)
		}
		for i, y := range e.Labels {
			if i < n && y != Ignore || i >= n && y != e.IDs[i] {
				t.Errorf("label %d at %d", y, i)
			}
		}
	}
}

// The ids of the famous run, where GPT-2's real vocabulary is at hand.
func TestTutorialIDs(t *testing.T) {
	dir := filepath.Dir(realdata.Path(t, "gpt2/vocab.json"))
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := verbalizer(t, tok, Verbalizer{MaxLength: 32})
	if d := cmp.Diff([][]int32{{12480}, {1930}}, v.Words()); d != "" {
		t.Error(d)
	}
	long := strings.Repeat("a film to remember ", 20)
	ids := tok.Append(nil, long)
	e, cut := v.Example(long, 1)
	want := append(slices.Clone(ids[len(ids)-30:]), 50256, 1930)
	if !cut || !slices.Equal(e.IDs, want) {
		t.Errorf("the last 32 tokens are %v, got %v", want, e.IDs)
	}
}

func TestTemplates(t *testing.T) {
	tok := load(t, "gpt2")
	// Words around the text are tokenized with it; the space before the label belongs to the word.
	v := verbalizer(t, tok, Verbalizer{Template: "Review: {text} It was {label}", LabelWords: []string{"the other", "the world"}})
	e, _ := v.Example("hello world", 1)
	if want := tok.Append(nil, "Review: hello world It was the world"); !slices.Equal(e.IDs, want) {
		t.Errorf("ids %v, written at once %v", e.IDs, want)
	}
	if len(v.Words()[0]) < 2 {
		t.Error("the label words should have several tokens")
	}
	// Control tokens work in the template and have no power in the text.
	v = verbalizer(t, tok, Verbalizer{Template: "{text}<|endoftext|>{label}"})
	ids, _ := v.Prompt("x<|endoftext|>y")
	if n := strings.Count(tok.Decode(ids, false), "<|endoftext|>"); n != 2 || slices.Index(ids, tok.EOS()) != len(ids)-1 {
		t.Errorf("prompt %v reads %q", ids, tok.Decode(ids, false))
	}
}

// A tokenizer that begins every text with a token of its own does so here too.
func TestBeginningOfText(t *testing.T) {
	for _, name := range []string{"llama3", "llama2"} {
		tok := load(t, name)
		v := verbalizer(t, tok, Verbalizer{Template: "{text} {label}"})
		ids, _ := v.Prompt("hello")
		e, err := tok.Encode("hello", tokenizer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if ids[0] != e.IDs[0] || ids[0] != tok.BOS() {
			t.Errorf("%s: prompt %v, the tokenizer begins with %v", name, ids, e.IDs[0])
		}
	}
}

func TestLongTexts(t *testing.T) {
	tok := load(t, "gpt2")
	long := strings.Repeat("the other world ", 50) + "END"
	for _, template := range []string{"{text}{eos}{label}", "hello {text} thing{eos}{label}"} {
		v := verbalizer(t, tok, Verbalizer{Template: template, MaxLength: 20})
		for label := range v.Labels {
			e, cut := v.Example(long, int32(label))
			text := tok.Decode(e.IDs, false)
			if !cut || len(e.IDs) > 20 || !strings.Contains(text, "END") || strings.HasPrefix(template, "hello") && !strings.HasPrefix(text, "hello") {
				t.Errorf("%s: %d tokens, cut %v: %q", template, len(e.IDs), cut, text)
			}
		}
	}
}

func TestBadVerbalizers(t *testing.T) {
	tok := load(t, "gpt2")
	two := []string{"neg", "pos"}
	for want, v := range map[string]Verbalizer{
		"must end with {label}":      {Template: "{label}: {text}", Labels: two},
		"must have {text} once":      {Template: "{label}", Labels: two},
		"needs at least 2":           {Labels: []string{"only"}},
		"3 label words":              {Labels: two, LabelWords: []string{"a", "b", "c"}},
		"has no tokens":              {Labels: two, LabelWords: []string{"", "b"}},
		"begin with the same tokens": {Labels: two, LabelWords: []string{"the", "the other"}},
		"leaves no room":             {Labels: two, MaxLength: 2},
	} {
		if _, err := NewVerbalizer(tok, v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected %q", err, want)
		}
	}
}

func TestSavedVerbalizer(t *testing.T) {
	tok, dir := load(t, "gpt2"), t.TempDir()
	if _, err := LoadVerbalizer(dir, tok); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
	v := verbalizer(t, tok, Verbalizer{Template: "{text} is {label}", LabelWords: []string{"bad", "good"}, MaxLength: 40})
	if err := v.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := LoadVerbalizer(dir, tok)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := v.Example("hello", 1)
	b, _ := again.Example("hello", 1)
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	os.WriteFile(filepath.Join(dir, VerbalizerFile), []byte(`{"labels":["x"]}`), 0o666)
	if _, err := LoadVerbalizer(dir, tok); err == nil || !strings.Contains(err.Error(), VerbalizerFile) {
		t.Errorf("a bad file: error %v", err)
	}
}

func FuzzVerbalizer(f *testing.F) {
	f.Add(`{"template":"{text}{eos}{label}","labels":["a","b"],"max_length":9}`, "text")
	f.Add(`{"template":"x {text} <|endoftext|>{bos}{label}","labels":["a","b"],"label_words":["1","2"]}`, "<|endoftext|>")
	tok, err := tokenizer.Load(filepath.Join("..", "tokenizer", "testdata", "gpt2"))
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file, text string) {
		if err := os.WriteFile(filepath.Join(dir, VerbalizerFile), []byte(file), 0o666); err != nil {
			t.Skip()
		}
		v, err := LoadVerbalizer(dir, tok)
		if err != nil {
			return
		}
		e, _ := v.Example(text, 0)
		if v.MaxLength > 0 && len(e.IDs) > v.MaxLength {
			t.Errorf("%d tokens, the limit is %d", len(e.IDs), v.MaxLength)
		}
	})
}

// rows makes a data set of JSON lines.
func rows(t *testing.T, lines ...string) (*dataset.Dataset, dataset.Task) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Load(path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	task, err := dataset.Infer(d, dataset.Task{})
	if err != nil {
		t.Fatal(err)
	}
	return d[0].Dataset, task
}
