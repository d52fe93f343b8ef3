package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// legacyDefaults are the special tokens of the two tokenizer classes that come as vocab.json and merges.txt.
var legacyDefaults = map[string]map[string]rawJSON{
	"GPT2Tokenizer": {
		"unk_token": rawJSON(`"<|endoftext|>"`), "bos_token": rawJSON(`"<|endoftext|>"`), "eos_token": rawJSON(`"<|endoftext|>"`),
	},
	"Qwen2Tokenizer": {
		"unk_token": rawJSON(`"<|endoftext|>"`), "eos_token": rawJSON(`"<|endoftext|>"`), "pad_token": rawJSON(`"<|endoftext|>"`),
	},
}

// legacyClass says which tokenizer vocab.json and merges.txt belong to; they do not say it themselves.
func legacyClass(tokenizerConfig, modelConfig []byte) (string, error) {
	var c struct {
		Class string `json:"tokenizer_class"`
		Type  string `json:"model_type"`
	}
	for _, b := range [][]byte{tokenizerConfig, modelConfig} {
		if b == nil {
			continue
		}
		if err := json.Unmarshal(b, &c); err != nil {
			return "", fmt.Errorf("tokenizer_config.json or config.json: %w", err)
		}
	}
	class := strings.TrimSuffix(c.Class, "Fast")
	switch {
	case legacyDefaults[class] != nil:
		return class, nil
	case class == "" && (c.Type == "" || c.Type == "gpt2"):
		return "GPT2Tokenizer", nil
	case class == "" && strings.HasPrefix(c.Type, "qwen"):
		return "Qwen2Tokenizer", nil
	}
	return "", fmt.Errorf("vocab.json with merges.txt of tokenizer_class %q, model_type %q is not supported (GPT2Tokenizer and Qwen2Tokenizer are): convert it to tokenizer.json", c.Class, c.Type)
}

// legacyJSON writes the tokenizer.json that vocab.json and merges.txt amount to.
func legacyJSON(class string, vocab, merges []byte, s *settings) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":`)
	if class == "Qwen2Tokenizer" {
		fmt.Fprintf(&b, `{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":%s},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":%t,"trim_offsets":true,"use_regex":false}]}`,
			encode(patternQwen2), s.prefixSpace)
	} else {
		fmt.Fprintf(&b, `null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":%t,"trim_offsets":true,"use_regex":true}`, s.prefixSpace)
	}
	b.WriteString(`,"post_processor":`)
	post, err := legacyPost(vocab, s)
	if err != nil {
		return nil, err
	}
	b.Write(post)
	b.WriteString(`,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},` +
		`"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"",` +
		`"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":`)
	b.Write(bytes.TrimSpace(vocab))
	b.WriteString(`,"merges":[`)
	first := true
	for i, line := range strings.Split(string(merges), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "#version") {
			continue
		}
		if strings.Count(line, " ") != 1 {
			return nil, fmt.Errorf("merges.txt:%d: %q is not two tokens with a space between them", i+1, clip(line))
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		if strings.ContainsAny(line, "\"\\") {
			b.Write(encode(line))
		} else {
			b.WriteString(`"` + line + `"`)
		}
	}
	b.WriteString("]}}")
	if !json.Valid(vocab) {
		return nil, fmt.Errorf("vocab.json: is not JSON")
	}
	return b.Bytes(), nil
}

// legacyPost puts the bos and eos tokens around a text where tokenizer_config.json asks for them.
func legacyPost(vocab []byte, s *settings) (rawJSON, error) {
	bos, eos := s.SpecialTokens["bos_token"], s.SpecialTokens["eos_token"]
	withBOS, withEOS := s.addBOS && bos != "", s.addEOS && eos != ""
	if !withBOS && !withEOS {
		return rawJSON("null"), nil
	}
	ids := map[string]int32{}
	if err := json.Unmarshal(vocab, &ids); err != nil {
		return nil, fmt.Errorf("vocab.json: %w", err)
	}
	if !withBOS {
		bos = ""
	}
	if !withEOS {
		eos = ""
	}
	for _, token := range []string{bos, eos} {
		if _, ok := ids[token]; token != "" && !ok {
			return nil, fmt.Errorf("tokenizer_config.json wants %q around each text, which is not in vocab.json", clip(token))
		}
	}
	return surround(bos, eos, ids), nil
}

// surround returns the post-processor that puts bos in front of each text and eos behind it, where they are not "".
func surround(bos, eos string, ids map[string]int32) rawJSON {
	special := func(token string, typeID int) dict { return dict{"SpecialToken": dict{"id": token, "type_id": typeID}} }
	around := func(seq string, typeID int) (parts []dict) {
		if bos != "" {
			parts = append(parts, special(bos, typeID))
		}
		parts = append(parts, dict{"Sequence": dict{"id": seq, "type_id": typeID}})
		if eos != "" {
			parts = append(parts, special(eos, typeID))
		}
		return parts
	}
	specials := dict{}
	for _, token := range []string{bos, eos} {
		if token != "" {
			specials[token] = dict{"id": token, "ids": []int32{ids[token]}, "tokens": []string{token}}
		}
	}
	return encode(dict{"type": "TemplateProcessing", "single": around("A", 0),
		"pair": append(around("A", 0), around("B", 1)...), "special_tokens": specials})
}
