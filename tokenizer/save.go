package tokenizer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Save writes tokenizer.json, tokenizer_config.json and special_tokens_map.json into dir, which it makes if need be,
// and the other files that the tokenizer came with: vocab.json and merges.txt, chat templates. transformers'
// AutoTokenizer reads them. Entries that this package does not know are written back as they were read.
func (t *Tokenizer) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	out := maps.Clone(t.files.verbatim)
	if out == nil {
		out = map[string][]byte{}
	}
	o := t.files.tokenizer
	if t.files.changed {
		o = o.with("added_tokens", t.added.list)
	}
	out["tokenizer.json"] = o.indented()
	out["tokenizer_config.json"] = t.configObject().indented()
	out["special_tokens_map.json"] = t.specialObject().indented()
	for _, name := range slices.Sorted(maps.Keys(out)) {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), out[name]); err != nil {
			return fmt.Errorf("tokenizer: %w", err)
		}
	}
	return nil
}

// configObject is tokenizer_config.json as it was read, with the special tokens as they are now.
func (t *Tokenizer) configObject() object {
	o := t.files.config
	for _, role := range roles {
		token, ok := t.config.SpecialTokens[role]
		if !ok {
			continue
		}
		var a AddedToken
		if raw := o.at(role); isNull(raw) || a.UnmarshalJSON(raw) != nil || a.Content != token {
			o = o.with(role, token)
		}
	}
	if raw := o.at("added_tokens_decoder"); !isNull(raw) && t.files.changed {
		byID := map[string]AddedToken{}
		for _, a := range t.added.list {
			byID[fmt.Sprint(a.ID)] = a
		}
		o = o.with("added_tokens_decoder", decoderEntries(byID))
	}
	if isNull(o.at("tokenizer_class")) {
		o = o.with("tokenizer_class", "PreTrainedTokenizerFast")
	}
	return o
}

// decoderEntries are added tokens without their id, which is the key.
func decoderEntries(byID map[string]AddedToken) map[string]any {
	out := map[string]any{}
	for id, a := range byID {
		out[id] = map[string]any{"content": a.Content, "lstrip": a.LStrip, "normalized": a.Normalized,
			"rstrip": a.RStrip, "single_word": a.SingleWord, "special": a.Special}
	}
	return out
}

// specialObject is special_tokens_map.json.
func (t *Tokenizer) specialObject() object {
	o := object{}
	for _, role := range roles {
		token, ok := t.config.SpecialTokens[role]
		if !ok {
			continue
		}
		a, _, ok := t.added.at(t.TokenToID(token))
		if !ok {
			o = o.with(role, token)
			continue
		}
		o = o.with(role, map[string]any{"content": a.Content, "lstrip": a.LStrip, "normalized": a.Normalized,
			"rstrip": a.RStrip, "single_word": a.SingleWord})
	}
	if len(t.config.ExtraSpecial) > 0 {
		o = o.with("additional_special_tokens", t.config.ExtraSpecial)
	}
	return o
}

// writeFile replaces a file in one step: a reader sees the old content or the new one.
func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
