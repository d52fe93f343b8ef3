package tokenizer

import (
	"encoding/json"
	"fmt"
	"log"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// asGGUF describes the tokenizer of testdata/name as a GGUF file would, as far as that can.
func asGGUF(t testing.TB, name, model, pre string) GGUF {
	t.Helper()
	var j struct {
		Added []AddedToken `json:"added_tokens"`
		Model struct {
			Vocab  map[string]int32
			Merges [][2]string
		}
	}
	readJSON(t, filepath.Join("testdata", name, "tokenizer.json"), &j)
	tok := loadShape(t, name)
	g := GGUF{Model: model, Pre: pre, BOS: tok.BOS(), EOS: tok.EOS(), Unknown: tok.UNK(), AddBOS: name == "llama3" || name == "llama2", AddSpacePrefix: true}
	n := tok.VocabSize() + 2 // and two fillers
	g.Tokens, g.Types, g.Scores = make([]string, n), slices.Repeat([]int64{ggufUnused}, n), make([]float64, n)
	for i := range g.Tokens {
		g.Tokens[i] = fmt.Sprintf("[PAD%d]", i)
	}
	for token, id := range j.Model.Vocab {
		g.Tokens[id], g.Types[id] = token, ggufNormal
		if model == "llama" && len(token) == 6 && strings.HasPrefix(token, "<0x") {
			g.Types[id] = ggufByte
		}
	}
	for _, a := range j.Added {
		g.Tokens[a.ID], g.Types[a.ID] = a.Content, ggufUser
		if a.Special {
			g.Types[a.ID] = ggufControl
		}
	}
	for rank, m := range j.Model.Merges {
		g.Merges = append(g.Merges, m[0]+" "+m[1])
		g.Scores[j.Model.Vocab[m[0]+m[1]]] = -float64(rank)
	}
	return g
}

// Rebuilt from what a GGUF file says, tokenizers find the tokens that the official library finds.
func TestGGUF(t *testing.T) {
	for name, pre := range map[string]string{"gpt2": "gpt-2", "llama3": "llama-bpe", "qwen2": "qwen2", "smollm2": "smollm", "llama2": ""} {
		t.Run(name, func(t *testing.T) {
			model := "gpt2"
			if name == "llama2" {
				model = "llama"
			}
			b, err := asGGUF(t, name, model, pre).JSON()
			if err != nil {
				t.Fatal(err)
			}
			tok, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}})
			if err != nil {
				t.Fatal(err)
			}
			var f fixture
			readJSON(t, filepath.Join("testdata", name, "cases.json"), &f)
			for _, c := range f.Cases {
				// whether an added token must stand alone is lost
				if name == "qwen2" && strings.Contains(c.Text, "word") {
					continue
				}
				e, err := tok.Encode(c.Text, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(e.IDs, c.Special) {
					t.Errorf("%q:\n got %v\nwant %v", c.Text, e.IDs, c.Special)
				}
				if got := tok.Decode(e.IDs, true); got != c.Skip {
					t.Errorf("%q decodes as %q, want %q", c.Text, got, c.Skip)
				}
			}
		})
	}
}

func TestGGUFSpecial(t *testing.T) {
	g := GGUF{Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a", "b", "", "<e>"}, BOS: -1, EOS: 3, Unknown: -1, Special: []int32{3}, AddBOS: true, AddEOS: true}
	b, err := g.JSON()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := tok.Encode("ab<e>a", Options{})
	if err != nil || !slices.Equal(e.IDs, []int32{0, 1, 3, 0, 3}) {
		t.Errorf("%v %v", e.IDs, err)
	}
	if got := tok.Decode(e.IDs, true); got != "aba" {
		t.Errorf("%q", got)
	}
}

// SentencePiece merges by score; control tokens and bytes are never what a merge makes.
func TestGGUFScores(t *testing.T) {
	g := GGUF{Model: "llama", Tokens: []string{"<s>", "a", "b", "c", "ab", "bc", "abc", "<", "s>"}, Scores: []float64{0, -9, -9, -9, -2, -1, -3, -9, -9},
		Types: []int64{3, 1, 1, 1, 1, 1, 1, 1, 1}, BOS: 0, EOS: -1, Unknown: -1}
	merges, err := g.scoredMerges()
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{"b", "c"}, {"a", "b"}, {"ab", "c"}, {"a", "bc"}}
	if !reflect.DeepEqual(merges, want) {
		t.Errorf("%v, want %v", merges, want)
	}
}

func TestGGUFErrors(t *testing.T) {
	base := GGUF{Model: "llama", Tokens: []string{"a", "b"}, Scores: []float64{0, 1}, BOS: -1, EOS: -1, Unknown: -1}
	for want, change := range map[string]func(*GGUF){
		`tokenizer.ggml.model "wpm" is not supported`: func(g *GGUF) { g.Model = "wpm" },
		`tokenizer.ggml.pre "x" is not supported`:     func(g *GGUF) { g.Model, g.Pre = "gpt2", "x" },
		`tokens is empty`:                 func(g *GGUF) { g.Tokens = nil },
		`only unused tokens`:              func(g *GGUF) { g.Types = []int64{5, 5} },
		`token_type has 3 entries`:        func(g *GGUF) { g.Types = []int64{1, 1, 1} },
		`scores has 1 entries`:            func(g *GGUF) { g.Scores = g.Scores[:1] },
		`"a" is both token 0 and token 1`: func(g *GGUF) { g.Tokens = []string{"a", "a"} },
		`special token has id 2`:          func(g *GGUF) { g.EOS = 2 },
		`token 1 has 5000 bytes`:          func(g *GGUF) { g.Tokens = []string{"a", strings.Repeat("b", 5000)} },
	} {
		g := base
		change(&g)
		if _, err := g.JSON(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What JSON accepts, LoadFS reads or refuses; nothing panics.
func FuzzGGUF(f *testing.F) {
	f.Add(true, "a b ab <s>", "a b", []byte{1, 1, 1, 3}, int8(3), true)
	f.Add(false, "a b ab <s>", "", []byte{1, 1, 6, 3}, int8(-1), false)
	f.Fuzz(func(t *testing.T, bytes bool, tokens, merges string, types []byte, id int8, add bool) {
		g := GGUF{Model: "llama", Pre: "llama-bpe", Tokens: strings.Split(tokens, " "), Merges: strings.Split(merges, "\n"),
			BOS: int32(id), EOS: int32(id), Unknown: int32(id), AddBOS: add, AddEOS: !add, AddSpacePrefix: add}
		if bytes {
			g.Model = "gpt2"
		}
		for i, b := range types {
			g.Types, g.Scores = append(g.Types, int64(b)), append(g.Scores, float64(i))
		}
		b, err := g.JSON()
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("not JSON: %s", b)
		}
		if tok, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}}); err == nil {
			tok.Decode(tok.Append(nil, tokens+merges), true)
		}
	})
}

func ExampleGGUF() {
	g := GGUF{Model: "gpt2", Pre: "gpt-2", Tokens: []string{"h", "i", "hi", "<|endoftext|>"}, Types: []int64{1, 1, 1, 3}, Merges: []string{"h i"}, BOS: -1, EOS: 3, Unknown: -1}
	b, err := g.JSON()
	if err != nil {
		log.Fatal(err)
	}
	tok, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tok.Append(nil, "hi<|endoftext|>"))
	// Output: [2 3]
}
