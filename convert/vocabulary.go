package convert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/tokenizer"
)

// A vocabulary is what a GGUF file says about its tokenizer.
type vocabulary struct {
	files     map[string][]byte // tokenizer.json, tokenizer_config.json
	title     string            // for people: "byte-level BPE (smollm), 49152 tokens"
	template  string            // the chat template, or ""
	bos, pad  int32             // or -1
	eos       []int32           // what ends a text or a turn
	roleTexts map[string]string // by role, such as bos_token
}

// prefix of all keys here.
const prefix = "tokenizer.ggml."

// readVocabulary builds the tokenizer's files. The embedding has rows for so many tokens, the model reads length of
// them at once.
func readVocabulary(f *gguf.File, arch string, rows, length int) (*vocabulary, error) {
	g, err := readTokens(f, arch)
	if err != nil {
		return nil, err
	}
	if n := len(g.Tokens); n > rows {
		return nil, fmt.Errorf("%stokens has %d tokens, but token_embd.weight has rows for %d", prefix, n, rows)
	}
	v := &vocabulary{files: map[string][]byte{}, roleTexts: map[string]string{}}
	if err := v.readRoles(f, &g); err != nil {
		return nil, err
	}
	if f.Has("tokenizer.huggingface.json") {
		whole, err := f.String("tokenizer.huggingface.json")
		if err != nil {
			return nil, err
		}
		v.files["tokenizer.json"] = []byte(whole)
	} else if v.files["tokenizer.json"], err = g.JSON(); err != nil {
		return nil, err
	}
	c := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": length, "clean_up_tokenization_spaces": false}
	for role, token := range v.roleTexts {
		c[role] = token
	}
	if err := v.readTemplates(f, c); err != nil {
		return nil, err
	}
	v.endTurns(g.Tokens)
	if v.files["tokenizer_config.json"], err = encode(c); err != nil {
		return nil, err
	}
	kind := "SentencePiece BPE"
	if g.Model == "gpt2" {
		kind = "byte-level BPE (" + g.Pre + ")"
	}
	if f.Has(verbalizerKey) {
		text, err := f.String(verbalizerKey)
		if err != nil {
			return nil, err
		}
		v.files["verbalizer.json"] = []byte(text)
	}
	v.title = fmt.Sprintf("%s, %d tokens", kind, len(g.Tokens))
	return v, nil
}

// readTokens reads the vocabulary itself.
func readTokens(f *gguf.File, arch string) (g tokenizer.GGUF, err error) {
	if !f.Has(prefix + "model") {
		return g, fmt.Errorf("there is no key %smodel: the file has no tokenizer; take one that has", prefix)
	}
	read(f, &err, "model", f.String, &g.Model)
	read(f, &err, "tokens", f.Strings, &g.Tokens)
	read(f, &err, "token_type", f.Ints, &g.Types)
	read(f, &err, "merges", f.Strings, &g.Merges)
	read(f, &err, "scores", f.Floats, &g.Scores)
	read(f, &err, "pre", f.String, &g.Pre)
	if g.Pre == "" || g.Pre == "default" {
		// The converter did not know the pattern, but in these architectures there is only one.
		g.Pre = map[string]string{"gpt2": "gpt-2", "qwen2": "qwen2", "qwen3": "qwen2"}[arch]
	}
	spm := g.Model == "llama"
	g.AddBOS = spm || strings.HasPrefix(g.Pre, "llama")
	g.AddSpacePrefix = spm
	read(f, &err, "add_bos_token", f.Bool, &g.AddBOS)
	read(f, &err, "add_eos_token", f.Bool, &g.AddEOS)
	read(f, &err, "add_space_prefix", f.Bool, &g.AddSpacePrefix)
	if err == nil && len(g.Tokens) == 0 {
		err = fmt.Errorf("%stokens is missing or empty: the file has no tokenizer; take one that has", prefix)
	}
	return g, err
}

// read sets dst to the value of a key, if there is one and nothing has gone wrong before.
func read[T any](f *gguf.File, err *error, key string, get func(string) (T, error), dst *T) {
	if *err != nil || !f.Has(prefix+key) {
		return
	}
	if v, e := get(prefix + key); e != nil {
		*err = e
	} else {
		*dst = v
	}
}

// readRoles finds the tokens that have a role.
func (v *vocabulary) readRoles(f *gguf.File, g *tokenizer.GGUF) error {
	id := func(key string, otherwise int32) (int32, error) {
		if !f.Has(prefix + key) {
			return otherwise, nil
		}
		n, err := f.Uint(prefix + key)
		switch {
		case err != nil:
			return 0, err
		case n == math.MaxUint32: // llama.cpp's "none"
			return -1, nil
		case n >= uint64(len(g.Tokens)):
			return 0, fmt.Errorf("%s%s is %d, but there are %d tokens", prefix, key, n, len(g.Tokens))
		}
		return int32(n), nil
	}
	bos, eos, unk := int32(-1), int32(-1), int32(-1)
	if g.Model == "llama" && len(g.Tokens) > 2 {
		bos, eos, unk = 1, 2, 0
	}
	ids := map[string]int32{}
	for _, r := range []struct {
		key, role string
		otherwise int32
	}{
		{"bos_token_id", "bos_token", bos}, {"eos_token_id", "eos_token", eos}, {"unknown_token_id", "unk_token", unk},
		{"padding_token_id", "pad_token", -1}, {"seperator_token_id", "sep_token", -1}, {"cls_token_id", "cls_token", -1},
		{"mask_token_id", "mask_token", -1}, {"eot_token_id", "", -1}, {"eom_token_id", "", -1},
	} {
		n, err := id(r.key, r.otherwise)
		if err != nil {
			return err
		}
		ids[r.key] = n
		if n < 0 || g.Tokens[n] == "" {
			continue
		}
		g.Special = append(g.Special, n)
		if r.role != "" {
			v.roleTexts[r.role] = g.Tokens[n]
		}
	}
	g.BOS, g.EOS, g.Unknown = ids["bos_token_id"], ids["eos_token_id"], ids["unknown_token_id"]
	v.bos, v.pad = g.BOS, ids["padding_token_id"]
	for _, key := range []string{"eos_token_id", "eot_token_id", "eom_token_id"} {
		if n := ids[key]; n >= 0 && !slices.Contains(v.eos, n) {
			v.eos = append(v.eos, n)
		}
	}
	return nil
}

// endTurns adds to what ends a text the token that ends a turn of a chat, where the file names only the first.
func (v *vocabulary) endTurns(tokens []string) {
	for _, end := range []string{"<|eot_id|>", "<|im_end|>"} {
		id := int32(slices.Index(tokens, end))
		if id >= 0 && strings.Contains(v.template, end) && !slices.Contains(v.eos, id) {
			v.eos = append(v.eos, id)
		}
	}
}

// maxTemplates bounds the named chat templates; real models have at most a handful.
const maxTemplates = 64

// readTemplates puts the chat templates into tokenizer_config.json.
func (v *vocabulary) readTemplates(f *gguf.File, c map[string]any) error {
	const key = "tokenizer.chat_template"
	type named struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	var list []named
	for _, k := range f.Keys() {
		name, ok := strings.CutPrefix(k, key+".")
		if k == key {
			name, ok = "default", true
		}
		if !ok {
			continue
		}
		text, err := f.String(k)
		if err != nil {
			return err
		}
		if name == "default" {
			v.template = text
		}
		if list = append(list, named{name, text}); len(list) > maxTemplates {
			return fmt.Errorf("%s has more than %d variants", key, maxTemplates)
		}
	}
	switch {
	case len(list) == 1 && list[0].Name == "default":
		c["chat_template"] = list[0].Template
	case len(list) > 0:
		c["chat_template"] = list
	}
	return nil
}
