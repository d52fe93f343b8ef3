package collate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// learned returns the tokens that e learns, as text, and those that it only reads.
func (e Example) split() (read, learned []int32) {
	for i, y := range e.Labels {
		if y == Ignore {
			read = append(read, e.IDs[i])
		} else {
			learned = append(learned, y)
		}
	}
	return read, learned
}

func TestClassify(t *testing.T) {
	tok := load(t, "gpt2")
	var lines []string
	for i := range 200 { // more than one block of the parallel encoder
		lines = append(lines, fmt.Sprintf(`{"text": "hello %d", "label": "%s"}`, i, []string{"neg", "pos"}[i%2]))
	}
	d, task := rows(t, lines...)
	v := verbalizer(t, tok, Verbalizer{Labels: task.Names})
	ex, s, err := v.Classify(d, task)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range ex {
		want, _ := v.Example(fmt.Sprintf("hello %d", i), int32(i%2))
		if !slices.Equal(e.IDs, want.IDs) || !slices.Equal(e.Labels, want.Labels) {
			t.Errorf("row %d: %v", i, e)
		}
	}
	if s.Rows != 200 || s.Examples != 200 || s.Cut != 0 || s.Longest == 0 {
		t.Errorf("%+v", s)
	}
}

// Every token of a text is learned; a long one becomes several examples and loses nothing.
func TestText(t *testing.T) {
	tok := load(t, "gpt2")
	long := strings.Repeat("the other world ", 30)
	d, task := rows(t, `{"text": "hello world"}`, `{"text": ""}`, `{"text": "`+long+`"}`)
	ex, s, err := Text{tok, 16}.Encode(d, task)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(tok.Append(nil, "hello world"), tok.EOS()); !slices.Equal(ex[0].IDs, want) || !slices.Equal(ex[0].Labels, want) {
		t.Errorf("%v, expected %v", ex[0], want)
	}
	var all []int32
	for _, e := range ex[1:] {
		if len(e.IDs) > 16 {
			t.Errorf("an example of %d tokens", len(e.IDs))
		}
		all = append(all, e.IDs...)
	}
	whole := append(tok.Append(nil, long), tok.EOS())
	if !slices.Equal(all, whole[:len(all)]) || len(whole)-len(all) > 1 {
		t.Errorf("%d of %d tokens are left", len(all), len(whole))
	}
	if s.Empty != 1 || s.Rows != 3 {
		t.Errorf("%+v", s)
	}
}

// The loss is on the completion and the end-of-text token.
func TestCompletion(t *testing.T) {
	tok := load(t, "gpt2")
	d, task := rows(t, `{"prompt": "hello world", "completion": " the other thing"}`, `{"prompt": "x", "completion": ""}`)
	ex, s, err := Completion{tok, 0}.Encode(d, task)
	if err != nil {
		t.Fatal(err)
	}
	read, learned := ex[0].split()
	if got := tok.Decode(read, false); got != "hello world" {
		t.Errorf("the prompt is %q", got)
	}
	if got := tok.Decode(learned, false); got != " the other thing<|endoftext|>" {
		t.Errorf("learns %q", got)
	}
	if want := append(tok.Append(nil, "hello world the other thing"), tok.EOS()); !slices.Equal(ex[0].IDs, want) {
		t.Errorf("ids %v, written at once %v", ex[0].IDs, want)
	}
	if s.Examples != 1 || s.Empty != 1 {
		t.Errorf("%+v", s)
	}
	// A token that would reach over the seam is not used: the model never sees it after the prompt alone.
	e, _ := Completion{tok, 0}.Example(nil, "hel", "lo")
	if want := append(append(tok.Append(nil, "hel"), tok.Append(nil, "lo")...), tok.EOS()); !slices.Equal(e.IDs, want) {
		t.Errorf("ids %v, expected %v", e.IDs, want)
	}
	// Too long: the prompt loses its beginning first.
	e, cut := Completion{tok, 8}.Example(nil, strings.Repeat("hello ", 20), " world")
	read, learned = e.split()
	if !cut || len(e.IDs) > 8 || len(read) == 0 || tok.Decode(learned, false) != " world<|endoftext|>" {
		t.Errorf("cut %v: reads %q, learns %q", cut, tok.Decode(read, false), tok.Decode(learned, false))
	}
}

// The loss is on the assistant's turns.
func TestDialogue(t *testing.T) {
	for _, name := range []string{"gpt2", "qwen2"} {
		tok := load(t, name)
		c, err := NewDialogue(tok, 0)
		if err != nil {
			t.Fatal(err)
		}
		d, task := rows(t,
			`{"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "world"}, {"role": "user", "content": "the"}, {"role": "assistant", "content": "other"}]}`,
			`{"messages": [{"role": "user", "content": "nobody answers"}]}`)
		ex, s, err := c.Encode(d, task)
		if err != nil {
			t.Fatal(err)
		}
		_, learned := ex[0].split()
		text := tok.Decode(learned, false)
		if !strings.Contains(text, "world") || !strings.Contains(text, "other") || strings.Contains(text, "hello") || strings.Contains(text, "user") {
			t.Errorf("%s: learns %q", name, text)
		}
		if s.Examples != 1 || s.Empty != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestNothingToLearn(t *testing.T) {
	tok := load(t, "gpt2")
	d, task := rows(t, `{"text": ""}`, `{"text": ""}`)
	if _, _, err := (Text{tok, 0}).Encode(d, task); err == nil || !strings.Contains(err.Error(), "none of 2 rows") {
		t.Errorf("error %v", err)
	}
}
