package tokenizer

import (
	"encoding/json"
	"fmt"
)

// A postProcessor puts special tokens around sequences. The zero value puts none.
type postProcessor struct {
	single, pair template // nil: the sequences, one after the other
	trim         bool     // offsets leave out the spaces around a word
	prefixSpace  bool     // the first word's space was not in the text
}

// A template is a row of special tokens and places for sequences.
type template []templatePart

type templatePart struct {
	seq    int // 0 for the first sequence, 1 for the second, -1 for special tokens
	ids    []int32
	typeID int32
}

// specials returns how many special tokens a template adds.
func (t template) specials() (n int) {
	for _, p := range t {
		n += len(p.ids)
	}
	return n
}

// parsePost reads the "post_processor" entry of tokenizer.json.
func parsePost(p *postProcessor, raw []byte, depth int) error {
	var c struct {
		Type           string
		Processors     []rawJSON
		TrimOffsets    *bool `json:"trim_offsets"`
		AddPrefixSpace *bool `json:"add_prefix_space"`
		Single, Pair   rawJSON
		SpecialTokens  map[string]struct{ IDs []int32 } `json:"special_tokens"`
		Sep, CLS       specialPair
	}
	if err := unmarshalStage("post_processor", raw, &c, depth); err != nil {
		return err
	}
	on := func(b *bool) bool { return b == nil || *b }
	templated := p.single != nil
	seq := func(i int, typeID int32) templatePart { return templatePart{seq: i, typeID: typeID} }
	cls := templatePart{seq: -1, ids: []int32{c.CLS.id}}
	sep := templatePart{seq: -1, ids: []int32{c.Sep.id}}
	switch c.Type {
	case "Sequence":
		for _, raw := range c.Processors {
			if err := parsePost(p, raw, depth+1); err != nil {
				return err
			}
		}
		return nil
	case "ByteLevel":
		p.trim, p.prefixSpace = on(c.TrimOffsets), on(c.AddPrefixSpace)
		return nil
	case "RobertaProcessing":
		p.trim, p.prefixSpace = on(c.TrimOffsets), on(c.AddPrefixSpace)
		p.single = template{cls, seq(0, 0), sep}
		p.pair = template{cls, seq(0, 0), sep, sep, seq(1, 0), sep}
	case "BertProcessing":
		sep1 := sep
		sep1.typeID = 1
		p.single = template{cls, seq(0, 0), sep}
		p.pair = template{cls, seq(0, 0), sep, seq(1, 1), sep1}
	case "TemplateProcessing":
		ids := func(name string) ([]int32, bool) {
			s, ok := c.SpecialTokens[name]
			return s.IDs, ok
		}
		var err error
		if p.single, err = parseTemplate(c.Single, ids); err != nil {
			return fmt.Errorf("post_processor: single: %w", err)
		}
		if p.pair, err = parseTemplate(c.Pair, ids); err != nil {
			return fmt.Errorf("post_processor: pair: %w", err)
		}
	default:
		return fmt.Errorf("post_processor %q is not supported (ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing and Sequence are)", c.Type)
	}
	if templated {
		return fmt.Errorf("post_processor: a Sequence with two templates is not supported")
	}
	return nil
}

// specialPair is ["</s>", 2].
type specialPair struct{ id int32 }

func (s *specialPair) UnmarshalJSON(b []byte) error {
	var token string
	pair := []any{&token, &s.id}
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%.80s is not [token, id]", b)
	}
	return nil
}

func parseTemplate(raw []byte, ids func(string) ([]int32, bool)) (template, error) {
	type sequence struct {
		ID     string
		TypeID int32 `json:"type_id"`
	}
	var parts []struct{ Sequence, SpecialToken *sequence }
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	if len(parts) > 64 {
		return nil, fmt.Errorf("%d parts are more than 64", len(parts))
	}
	t := template{}
	for i, p := range parts {
		switch {
		case p.Sequence != nil && p.Sequence.ID == "A":
			t = append(t, templatePart{seq: 0, typeID: p.Sequence.TypeID})
		case p.Sequence != nil && p.Sequence.ID == "B":
			t = append(t, templatePart{seq: 1, typeID: p.Sequence.TypeID})
		case p.SpecialToken != nil:
			list, ok := ids(p.SpecialToken.ID)
			if !ok {
				return nil, fmt.Errorf("token %q is not among special_tokens", clip(p.SpecialToken.ID))
			}
			t = append(t, templatePart{seq: -1, ids: list, typeID: p.SpecialToken.TypeID})
		default:
			return nil, fmt.Errorf("part %d is neither Sequence A or B nor SpecialToken", i)
		}
	}
	return t, nil
}
