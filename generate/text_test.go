package generate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever pieces the stop string comes in, generation ends with the token that completes it.
func TestStopStrings(t *testing.T) {
	for _, tt := range []struct {
		tokens        string // after the prompt "Q", split at |
		stop          []string
		text, trimmed string
		finish        Finish
	}{
		{"st|op|hi", []string{"stop"}, "stop", "", FinishStop},
		{"st|opera|hi", []string{"stop"}, "stopera", "", FinishStop},
		{"las|topper|hi", []string{"stop"}, "lastopper", "la", FinishStop},
		{"s|to|pper|hi", []string{"stop"}, "stopper", "", FinishStop},
		{"yes|st|hi|op", []string{"stop"}, "yessthiop", "yessthiop", FinishEOS},
		{"yes|st", []string{"stop"}, "yesst", "yesst", FinishEOS},
		{"yes| the|st|op", []string{"never", "es t"}, "yes the", "y", FinishStop},
		{"yes|hi|st", []string{"sh", "ye"}, "yes", "", FinishStop},
		{"hi|st|op", []string{"p", "stop"}, "histop", "hi", FinishStop},
		{"\xe2|\x82|\xac|hi", []string{"€"}, "€", "", FinishStop},
	} {
		tokens := strings.Split(tt.tokens, "|")
		g := scripted(t, chain(t, 'Q', tokens...))
		for _, trim := range []bool{false, true} {
			want := tt.text
			if trim {
				want = tt.trimmed
			}
			var streamed strings.Builder
			var last Finish
			for token, err := range g.Stream(t.Context(), Request{Prompt: []int32{'Q'}, TrimStop: trim, Config: Config{StopStrings: tt.stop, MaxNewTokens: new(20)}}) {
				if err != nil {
					t.Fatal(err)
				}
				streamed.WriteString(token.Text)
				last = token.Finish
			}
			if streamed.String() != want || last != tt.finish {
				t.Errorf("%q until %q, trim %v: %q and %q, expected %q and %q", tt.tokens, tt.stop, trim, streamed.String(), last, want, tt.finish)
			}
		}
	}
}

// As in the reference, a stop string may begin in the prompt, and a special token's own text is one.
func TestStopStringEdges(t *testing.T) {
	ops := []int32{'t', piece(t, "op"), piece(t, "hi"), eos}
	g := scripted(t, ops)
	answer := func(r Request) *Sequence {
		t.Helper()
		a, err := g.Answer(t.Context(), []Request{r})
		if err != nil {
			t.Fatal(err)
		}
		return a[0][0]
	}
	stop := Config{StopStrings: Strings{"stop"}}
	if s := answer(Request{Prompt: []int32{'s', 't'}, Config: stop}); s.Text != "op" || s.Finish != FinishStop {
		t.Errorf("begun in the prompt: %q, %q", s.Text, s.Finish)
	}
	if s := answer(Request{Prompt: []int32{'s', 't'}, Config: stop, TrimStop: true}); s.Text != "ophi" || s.Finish != FinishEOS {
		t.Errorf("begun in the prompt, cut: %q, %q", s.Text, s.Finish)
	}
	g = scripted(t, []int32{'Q', piece(t, "hi"), end, piece(t, "yes"), eos})
	for _, trim := range []bool{false, true} {
		s := answer(Request{Prompt: []int32{'Q'}, Config: Config{StopStrings: Strings{"<|end|>"}}, TrimStop: trim})
		if s.Text != "hi" || s.Finish != FinishStop || len(s.IDs()) != 2 {
			t.Errorf("special token as a stop string: %q, %q, %v", s.Text, s.Finish, s.IDs())
		}
	}
}

// Characters whose bytes come in several tokens come out whole.
func TestStreamUTF8(t *testing.T) {
	text := "né€😀!"
	ids := []int32{'Q'}
	seen := map[byte]bool{}
	for _, b := range []byte(text) {
		if seen[b] {
			t.Fatalf("byte %x twice: a successor table can't say it", b)
		}
		seen[b] = true
		ids = append(ids, int32(b))
	}
	g := scripted(t, append(ids, 0xC3, eos)[:len(ids)])
	var streamed strings.Builder
	n := 0
	for token, err := range g.Stream(t.Context(), Request{Prompt: []int32{'Q'}, Config: Config{MaxNewTokens: new(len(text))}}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; !utf8.ValidString(token.Text) || strings.Contains(token.Text, "\uFFFD") {
			t.Errorf("token %d gives %q", n, token.Text)
		}
		streamed.WriteString(token.Text)
	}
	if streamed.String() != text || n != len(text) {
		t.Errorf("%q in %d tokens", streamed.String(), n)
	}
	// Cut in the middle of a character, what there is comes at the end, as Decode has it.
	s, err := g.Answer(t.Context(), []Request{{Prompt: []int32{'Q'}, Config: Config{MaxNewTokens: new(5)}}})
	if err != nil || s[0][0].Text != g.Tokenizer.Decode(s[0][0].IDs(), true) || !strings.HasPrefix(s[0][0].Text, "né\uFFFD") {
		t.Errorf("%q, %v", s[0][0].Text, err)
	}
}

func TestCancel(t *testing.T) {
	g := scripted(t, []int32{'a', 'b', 'a'})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range g.Stream(ctx, Request{Prompt: []int32{'a'}, Config: Config{MaxNewTokens: new(400)}}) {
		if last = err; err == nil {
			if n++; n == 5 {
				cancel()
			}
		}
	}
	if n != 5 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d tokens, then %v", n, last)
	}
	if _, err := g.Generate(ctx, [][]int32{{'a'}, {'b'}}, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	n = 0
	for range g.Stream(t.Context(), Request{Prompt: []int32{'a'}}) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d tokens after break", n)
	}
}

// One sequence ends in a batch; the others and those that join later go on as if they were alone.
func TestBatchComeAndGo(t *testing.T) {
	g := scripted(t, []int32{'a', 'b', 'c', 'd', 'e', 'f', eos})
	b := NewBatch(g.Run, g.Tokenizer, 26)
	add := func(ctx context.Context, prompt string, n int) *Sequence {
		t.Helper()
		ids := make([]int32, len(prompt))
		for i := range prompt {
			ids[i] = int32(prompt[i])
		}
		s, err := b.Add(ctx, Request{Prompt: ids, Config: Config{MaxNewTokens: &n}.Or(g.Config)})
		if err != nil {
			t.Fatal(err)
		}
		return s[0]
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, gone, second := add(t.Context(), "a", 10), add(ctx, "b", 10), add(t.Context(), "xxd", 2)
	b.Step()
	b.Step()
	if second.Finish != FinishLength || second.Text != "ef" {
		t.Errorf("second: %q %q", second.Text, second.Finish)
	}
	cancel()
	third := add(t.Context(), "yyyyye", 8)
	dropped := add(t.Context(), "a", 3)
	dropped.Cancel()
	for b.Len() > 0 {
		b.Step()
	}
	if first.Text != "bcdef" || first.Finish != FinishEOS || third.Text != "f" || gone.Text != "cd" || gone.Finish != FinishError || !errors.Is(gone.Err, context.Canceled) || dropped.Text != "" {
		t.Errorf("%q %q %q %q %q", first.Text, third.Text, gone.Text, gone.Finish, dropped.Text)
	}
	if len(b.spans.open) != 1 || b.spans.open[0] != (span{0, 26}) {
		t.Errorf("rows of the cache are lost: %v", b.spans.open)
	}
}

// Answers that wait for a prompt to be read don't wait for ever if its reader is cancelled.
func TestForkOfCancelled(t *testing.T) {
	g := scripted(t, []int32{'a', 'b', 'c', eos})
	b := NewBatch(g.Run, g.Tokenizer, 100)
	b.rows = 15
	prompt := make([]int32, 20) // needs two passes
	for i := range prompt {
		prompt[i] = 'a'
	}
	c := Config{MaxNewTokens: new(2), DoSample: new(true), TopK: new(1), NumReturnSequences: new(2)}.Or(g.Config)
	s, err := b.Add(t.Context(), Request{Prompt: prompt, Config: c})
	if err != nil {
		t.Fatal(err)
	}
	b.Step()
	s[0].Cancel()
	for i := 0; b.Len() > 0; i++ {
		if b.Step(); i > 10 {
			t.Fatal("it never ends")
		}
	}
	if s[1].Text != "bc" || s[1].Finish != FinishLength {
		t.Errorf("%q %q", s[1].Text, s[1].Finish)
	}
}

func TestSpans(t *testing.T) {
	s := newSpans(10)
	a, _ := s.take(3)
	b, _ := s.take(0)
	c, ok := s.take(6)
	if !ok || a != (span{0, 3}) || b != (span{3, 1}) || c != (span{4, 6}) {
		t.Fatal(a, b, c)
	}
	if _, ok := s.take(1); ok {
		t.Error("took what isn't there")
	}
	s.free(a)
	s.free(c)
	if d, _ := s.take(4); d != (span{4, 4}) {
		t.Error(d)
	}
	s.free(span{4, 4})
	s.free(b)
	if len(s.open) != 1 || s.open[0] != (span{0, 10}) {
		t.Error(s.open)
	}
}
