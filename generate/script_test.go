package generate

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// The tokens of the scripted model beside single bytes, which come first: pieces of words, then special tokens.
var (
	pieces   = []string{"st", "op", "pper", "to", "opera", "las", "topper", " the", "hi", "yes"}
	specials = []string{"<s>", "</s>", "<|end|>"}
)

const (
	bos = 266
	eos = 267
	end = 268
)

// letter returns the sign for a byte in GPT-2's byte-level alphabet.
func letter(b byte) rune {
	shift := rune(256)
	for c := range 256 {
		printable := c >= '!' && c <= '~' || c >= 0xA1 && c <= 0xAC || c >= 0xAE
		if c == int(b) {
			if printable {
				return rune(b)
			}
			return shift
		}
		if !printable {
			shift++
		}
	}
	panic("unreachable")
}

// toks returns a byte-level tokenizer: the token of every byte is its value. Pieces are never merged, so text is
// read as bytes; they only come out of the model.
func toks(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	vocab := map[string]int{}
	for b := range 256 {
		vocab[string(letter(byte(b)))] = b
	}
	for i, p := range pieces {
		vocab[strings.ReplaceAll(p, " ", string(letter(' ')))] = 256 + i
	}
	var added []any
	for i, s := range specials {
		added = append(added, map[string]any{"id": bos + i, "content": s, "special": true})
	}
	file, err := json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": added, "normalizer": nil,
		"pre_tokenizer":  map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
		"post_processor": map[string]any{"type": "TemplateProcessing", "single": []any{map[string]any{"SpecialToken": map[string]any{"id": "<s>", "type_id": 0}}, map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}}, "pair": []any{map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}, map[string]any{"Sequence": map[string]any{"id": "B", "type_id": 1}}}, "special_tokens": map[string]any{"<s>": map[string]any{"id": "<s>", "ids": []int{bos}, "tokens": []string{"<s>"}}}},
		"decoder":        map[string]any{"type": "ByteLevel"},
		"model":          map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.LoadFS(fstest.MapFS{
		"tokenizer.json":        {Data: file},
		"tokenizer_config.json": {Data: []byte(`{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<s>","eos_token":"</s>"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// scripted returns a generator whose model continues the last token of each chain's predecessor with the next: it
// is a table of successors. Greedy decoding follows it; eos ends a text.
func scripted(t testing.TB, chains ...[]int32) *Generator {
	t.Helper()
	const size = 270
	c, err := model.ParseConfig([]byte(`{"model_type":"llama","vocab_size":270,"hidden_size":270,"intermediate_size":8,
		"num_attention_heads":1,"num_hidden_layers":1,"max_position_embeddings":512,"hidden_act":"silu"}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params {
		if strings.HasSuffix(p.Name, "o_proj.weight") || strings.HasSuffix(p.Name, "down_proj.weight") {
			p.W.Zero() // what is left is the embedding, which the head reads
		}
	}
	m.Wte.W.Zero()
	m.Head.W.W.Zero()
	for i := range size {
		m.Wte.W.Row(i)[i] = 1
	}
	for _, chain := range chains {
		for i, id := range chain[1:] {
			m.Head.W.W.Row(int(id))[chain[i]] = 1
		}
	}
	return &Generator{Run: m.NewRun(compute.Ref{}), Tokenizer: toks(t), Config: Config{BOSTokenID: new(int32(bos)), EOSTokenID: IDs{eos}}}
}

// piece returns the token of a piece of a word.
func piece(t testing.TB, s string) int32 {
	t.Helper()
	for i, p := range pieces {
		if p == s {
			return int32(256 + i)
		}
	}
	if len(s) != 1 {
		t.Fatalf("no token %q", s)
	}
	return int32(s[0])
}

// chain is a prompt byte, the tokens given and the end.
func chain(t testing.TB, prompt byte, tokens ...string) []int32 {
	c := []int32{int32(prompt)}
	for _, s := range tokens {
		c = append(c, piece(t, s))
	}
	return append(c, eos)
}
