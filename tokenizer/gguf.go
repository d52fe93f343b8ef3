package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// A GGUF is a vocabulary as the metadata of a GGUF file has it, under tokenizer.ggml. Ids of tokens that there are
// not are -1.
type GGUF struct {
	Model  string    // gpt2: byte-level BPE; llama: SentencePiece's BPE
	Pre    string    // gpt2: which pattern splits text
	Tokens []string  // by id
	Types  []int64   // of each token, see below; nil: all are normal
	Merges []string  // gpt2: "a b", in order of rank
	Scores []float64 // llama: of each token; merges that give a greater one come first

	BOS, EOS, Unknown int32
	Special           []int32 // tokens that are special whatever Types says, such as those with a role

	AddBOS, AddEOS bool // each text gets these tokens
	AddSpacePrefix bool // llama: text begins as if there were a space
}

// The types of tokens.
const (
	ggufNormal  = 1
	ggufUnknown = 2
	ggufControl = 3
	ggufUser    = 4
	ggufUnused  = 5
	ggufByte    = 6
)

// maxPiece bounds a token's bytes: the merges of SentencePiece are found by trying every cut of every token.
const maxPiece = 2048

// JSON returns the tokenizer.json that the vocabulary amounts to. It is an error if g names a splitting pattern that
// this package does not know: with another one, text would become plausible but wrong tokens.
func (g GGUF) JSON() ([]byte, error) {
	b, err := g.json()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return b, nil
}

func (g GGUF) json() ([]byte, error) {
	vocab, err := g.vocab()
	if err != nil {
		return nil, err
	}
	o := object{{"version", encode("1.0")}, {"truncation", rawJSON("null")}, {"padding", rawJSON("null")}, {"added_tokens", encode(g.added())}}
	switch g.Model {
	case "gpt2":
		return g.byteLevel(o, vocab)
	case "llama":
		return g.sentencePiece(o, vocab)
	}
	return nil, fmt.Errorf("tokenizer.ggml.model %q is not supported; gpt2 (byte-level BPE) and llama (SentencePiece BPE) are", clip(g.Model))
}

// kind returns the type of a token.
func (g GGUF) kind(id int) int64 {
	if g.Types == nil {
		return ggufNormal
	}
	return g.Types[id]
}

// has reports whether a token can be in text; fillers up to the number of rows of the embedding can't.
func (g GGUF) has(id int) bool { return g.Tokens[id] != "" && g.kind(id) != ggufUnused }

// vocab returns {"token": id, …} in the order of the ids.
func (g GGUF) vocab() (rawJSON, error) {
	switch n := len(g.Tokens); {
	case n == 0:
		return nil, errors.New("tokenizer.ggml.tokens is empty")
	case n > maxID:
		return nil, fmt.Errorf("tokenizer.ggml.tokens has %d tokens, more than %d", n, maxID)
	case g.Types != nil && len(g.Types) != n:
		return nil, fmt.Errorf("tokenizer.ggml.token_type has %d entries, but there are %d tokens", len(g.Types), n)
	}
	for _, id := range append([]int32{g.BOS, g.EOS, g.Unknown}, g.Special...) {
		if id < -1 || int(id) >= len(g.Tokens) {
			return nil, fmt.Errorf("a special token has id %d, but there are %d tokens", id, len(g.Tokens))
		}
	}
	out := make([]byte, 0, 16*len(g.Tokens))
	seen := make(map[string]int, len(g.Tokens))
	for id, token := range g.Tokens {
		if !g.has(id) {
			continue
		}
		if len(token) > maxPiece {
			return nil, fmt.Errorf("tokenizer.ggml.tokens: token %d has %d bytes, more than %d", id, len(token), maxPiece)
		}
		if first, ok := seen[token]; ok {
			return nil, fmt.Errorf("tokenizer.ggml.tokens: %q is both token %d and token %d", clip(token), first, id)
		}
		seen[token] = id
		out = append(append(out, ','), encode(token)...)
		out = fmt.Append(append(out, ':'), id)
	}
	if len(out) == 0 {
		return nil, errors.New("tokenizer.ggml.tokens has only unused tokens")
	}
	out[0] = '{'
	return append(out, '}'), nil
}

// added returns the tokens that are found in text before anything else happens to it.
func (g GGUF) added() []AddedToken {
	list := []AddedToken{}
	for id, token := range g.Tokens {
		kind := g.kind(id)
		special := kind == ggufControl || kind == ggufUnknown || slices.Contains(g.Special, int32(id))
		if (special || kind == ggufUser) && g.has(id) {
			list = append(list, AddedToken{ID: int32(id), Content: token, Special: special})
		}
	}
	return list
}

// byteLevel finishes the tokenizer.json of a gpt2 vocabulary.
func (g GGUF) byteLevel(o object, vocab rawJSON) ([]byte, error) {
	byteLevel := func(regex bool) dict {
		return dict{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex}
	}
	split := func(pattern string) dict {
		return dict{"type": "Sequence", "pretokenizers": []dict{
			{"type": "Split", "pattern": dict{"Regex": pattern}, "behavior": "Isolated", "invert": false}, byteLevel(false)}}
	}
	var normalizer any
	var pre dict
	ignoreMerges := false
	switch g.Pre {
	case "gpt-2":
		pre = byteLevel(true)
	case "smollm", "starcoder", "refact":
		pre = dict{"type": "Sequence", "pretokenizers": []dict{{"type": "Digits", "individual_digits": true}, byteLevel(true)}}
	case "llama-bpe", "llama3", "llama-v3":
		pre, ignoreMerges = split(patternLlama3), true
	case "qwen2", "deepseek-r1-qwen":
		normalizer, pre = dict{"type": "NFC"}, split(patternQwen2)
	default:
		return nil, fmt.Errorf("tokenizer.ggml.pre %q is not supported; gpt-2, smollm, llama-bpe and qwen2 are: take the tokenizer from the original model", clip(g.Pre))
	}
	merges := make([][2]string, len(g.Merges))
	for i, line := range g.Merges {
		left, right, ok := strings.Cut(line, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return nil, fmt.Errorf("tokenizer.ggml.merges: merge %d, %q, is not two tokens with a space between them", i, clip(line))
		}
		merges[i] = [2]string{left, right}
	}
	decoder := dict{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}
	post := encode(dict{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true})
	if t := g.template(); t != nil {
		post = encode(dict{"type": "Sequence", "processors": []any{post, t}})
	}
	return append(o, field{"normalizer", encode(normalizer)}, field{"pre_tokenizer", encode(pre)}, field{"post_processor", post},
		field{"decoder", encode(decoder)}, field{"model", bpeModel(vocab, merges, "", ignoreMerges, false)}).indented(), nil
}

// sentencePiece finishes the tokenizer.json of a llama vocabulary.
func (g GGUF) sentencePiece(o object, vocab rawJSON) ([]byte, error) {
	merges, err := g.scoredMerges()
	if err != nil {
		return nil, err
	}
	normalizers := []dict{{"type": "Replace", "pattern": dict{"String": " "}, "content": "▁"}}
	decoders := []dict{{"type": "Replace", "pattern": dict{"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}}
	if g.AddSpacePrefix {
		normalizers = []dict{{"type": "Prepend", "prepend": "▁"}, normalizers[0]}
		decoders = append(decoders, dict{"type": "Strip", "content": " ", "start": 1, "stop": 0})
	}
	unknown := ""
	if g.Unknown >= 0 && g.has(int(g.Unknown)) {
		unknown = g.Tokens[g.Unknown]
	}
	post := g.template()
	if post == nil {
		post = rawJSON("null")
	}
	fallback := slices.Contains(g.Types, ggufByte)
	return append(o, field{"normalizer", encode(dict{"type": "Sequence", "normalizers": normalizers})},
		field{"pre_tokenizer", rawJSON("null")}, field{"post_processor", post},
		field{"decoder", encode(dict{"type": "Sequence", "decoders": decoders})},
		field{"model", bpeModel(vocab, merges, unknown, false, fallback)}).indented(), nil
}

// template puts bos and eos around a text, where the file says so.
func (g GGUF) template() rawJSON {
	var bos, eos string
	if g.AddBOS && g.BOS >= 0 {
		bos = g.Tokens[g.BOS]
	}
	if g.AddEOS && g.EOS >= 0 {
		eos = g.Tokens[g.EOS]
	}
	if bos == "" && eos == "" {
		return nil
	}
	return surround(bos, eos, map[string]int32{bos: g.BOS, eos: g.EOS})
}

// bpeModel returns the model of a tokenizer.json; unknown is "" where every text has tokens.
func bpeModel(vocab rawJSON, merges [][2]string, unknown string, ignoreMerges, fallback bool) rawJSON {
	unk := rawJSON("null")
	if unknown != "" {
		unk = encode(unknown)
	}
	return object{{"type", encode("BPE")}, {"dropout", rawJSON("null")}, {"unk_token", unk},
		{"continuing_subword_prefix", rawJSON("null")}, {"end_of_word_suffix", rawJSON("null")},
		{"fuse_unk", encode(unknown != "")}, {"byte_fallback", encode(fallback)}, {"ignore_merges", encode(ignoreMerges)},
		{"vocab", vocab}, {"merges", encode(merges)}}.compact()
}

// scoredMerges returns the merges that SentencePiece's scores stand for: every two tokens whose concatenation is a
// token too, the greatest score first and, as transformers orders them, the longest left part first. Tokens that text
// can't become by merging, such as control tokens, have no part in it.
func (g GGUF) scoredMerges() ([][2]string, error) {
	if len(g.Scores) != len(g.Tokens) {
		return nil, fmt.Errorf("tokenizer.ggml.scores has %d entries, but there are %d tokens", len(g.Scores), len(g.Tokens))
	}
	ids := make(map[string]int, len(g.Tokens))
	for id, token := range g.Tokens {
		if g.kind(id) == ggufNormal && token != "" {
			ids[token] = id
		}
	}
	type merge struct {
		left, right string
		score       float64
	}
	var all []merge
	for id, token := range g.Tokens {
		if g.kind(id) != ggufNormal {
			continue
		}
		if math.IsNaN(g.Scores[id]) {
			return nil, fmt.Errorf("tokenizer.ggml.scores: the score of token %d is not a number", id)
		}
		for i := range token {
			left, right := token[:i], token[i:]
			if _, ok := ids[left]; !ok {
				continue
			}
			if _, ok := ids[right]; ok {
				all = append(all, merge{left, right, g.Scores[id]})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b merge) int {
		return cmp.Or(cmp.Compare(b.score, a.score),
			cmp.Compare(utf8.RuneCountInString(b.left), utf8.RuneCountInString(a.left)),
			cmp.Compare(utf8.RuneCountInString(b.right), utf8.RuneCountInString(a.right)),
			cmp.Compare(ids[a.left], ids[b.left]), cmp.Compare(ids[a.right], ids[b.right]))
	})
	merges := make([][2]string, len(all))
	for i, x := range all {
		merges[i] = [2]string{x.left, x.right}
	}
	return merges, nil
}
