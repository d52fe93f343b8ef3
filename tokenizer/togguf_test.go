package tokenizer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// What GGUF makes of a tokenizer, GGUF.JSON turns back into one with the same ids.
func TestToGGUF(t *testing.T) {
	texts := []string{"", "Hello, world!", " two  spaces\n\n\tand tabs", "It's 1984 and 12345.67; don't", "naïve café 你好 🙂 \u00a0x", "<s>a</s> <|endoftext|>", "'RE 'll aaaa abababab"}
	for _, c := range []struct{ name, model, pre string }{
		{"gpt2", "gpt2", "gpt-2"}, {"smollm2", "gpt2", "smollm"}, {"llama3", "gpt2", "llama-bpe"}, {"qwen2", "gpt2", "qwen2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok, err := Load(filepath.Join("testdata", c.name))
			if err != nil {
				t.Fatal(err)
			}
			rows := int(tok.MaxID()) + 5
			g, err := tok.GGUF(rows)
			if err != nil {
				t.Fatal(err)
			}
			if g.Model != c.model || g.Pre != c.pre || len(g.Tokens) != rows || g.Types[rows-1] != ggufUnused {
				t.Errorf("model %q, pre %q, %d tokens", g.Model, g.Pre, len(g.Tokens))
			}
			b, err := g.JSON()
			if err != nil {
				t.Fatal(err)
			}
			again, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range texts {
				want, err := tok.Encode(text, Options{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := again.Encode(text, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.IDs, want.IDs) {
					t.Errorf("%q: %v, want %v", text, got.IDs, want.IDs)
				}
			}
			if _, err := tok.GGUF(rows - 5); err == nil || !strings.Contains(err.Error(), "has no row") {
				t.Errorf("too few rows: %v", err)
			}
		})
	}
	// llama2 and mistral have merges of another trainer, which leaves some out
	for name, want := range map[string]string{"metaspace": "byte_fallback", "llama2": "SentencePiece would merge", "mistral": "SentencePiece would merge"} {
		tok, err := Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tok.GGUF(1000); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A vocabulary of SentencePiece's kind survives there and back: tokens, types, the order of scores.
func TestToGGUFSentencePiece(t *testing.T) {
	want := GGUF{Model: "llama", BOS: 1, EOS: 2, Unknown: 0, AddBOS: true, AddSpacePrefix: true}
	add := func(token string, kind int64, score float64) {
		want.Tokens, want.Types, want.Scores = append(want.Tokens, token), append(want.Types, kind), append(want.Scores, score)
	}
	add("<unk>", ggufUnknown, 0)
	add("<s>", ggufControl, 0)
	add("</s>", ggufControl, 0)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), ggufByte, 0)
	}
	for i, piece := range []string{"▁t", "he", "▁the", "▁▁", "er"} {
		add(piece, ggufNormal, -float64(i))
	}
	for i, char := range []string{"▁", "t", "h", "e", "r"} {
		add(char, ggufNormal, -10-float64(i))
	}
	b, err := want.JSON()
	if err != nil {
		t.Fatal(err)
	}
	config := `{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}`
	tok, err := LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}, "tokenizer_config.json": {Data: []byte(config)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tok.GGUF(len(want.Tokens))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Tokens, want.Tokens) || !slices.Equal(got.Types, want.Types) || got.BOS != 1 || got.EOS != 2 || got.Unknown != 0 || !got.AddBOS || got.AddEOS || !got.AddSpacePrefix {
		t.Errorf("got %+v", got)
	}
	again, err := got.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(b) {
		t.Errorf("the same merges in another order:\n%s\nwant\n%s", again, b)
	}
}
