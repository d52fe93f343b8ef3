package tokenizer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// A Config is what tokenizer_config.json says.
type Config struct {
	// SpecialTokens are the tokens with a role, by the key of that role: bos_token, eos_token, unk_token, pad_token,
	// sep_token, cls_token, mask_token.
	SpecialTokens  map[string]string
	ExtraSpecial   []string // special tokens without a role
	ModelMaxLength int      // tokens that the model can read; 0 where the file does not say
	PaddingSide    string   // right or left
	TruncationSide string
	Class          string // tokenizer_class
	// CleanUpSpaces takes spaces before punctuation out when decoding. As in transformers 5,
	// clean_up_tokenization_spaces alone does nothing for BPE, where it would destroy text.
	CleanUpSpaces bool
	// ChatTemplates are Jinja templates by name; the usual one is "default".
	ChatTemplates map[string]string
}

// ChatTemplate returns the template named "default", or "".
func (c Config) ChatTemplate() string { return c.ChatTemplates["default"] }

var roles = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// settings is tokenizer_config.json together with the older files that add to it.
type settings struct {
	Config
	prefixSpace bool
	addBOS      bool
	addEOS      bool
	// tokens to be added to those of tokenizer.json, in this order
	decoder []AddedToken
	named   []AddedToken
}

// parseSettings reads tokenizer_config.json and, where that has no added_tokens_decoder, special_tokens_map.json and
// added_tokens.json, in the order of transformers 5. Each may be nil. defaults holds values for keys that are missing.
func parseSettings(config, special, added []byte, defaults map[string]rawJSON) (*settings, error) {
	fields := maps.Clone(defaults)
	if fields == nil {
		fields = map[string]rawJSON{}
	}
	if config != nil {
		if err := json.Unmarshal(config, &fields); err != nil {
			return nil, fmt.Errorf("tokenizer_config.json: %w", err)
		}
	}
	s := &settings{Config: Config{SpecialTokens: map[string]string{}, ChatTemplates: map[string]string{}}}
	if !isNull(fields["added_tokens_decoder"]) {
		if err := s.readDecoder(fields["added_tokens_decoder"]); err != nil {
			return nil, fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
		}
	} else {
		if special != nil {
			over := map[string]rawJSON{}
			if err := json.Unmarshal(special, &over); err != nil {
				return nil, fmt.Errorf("special_tokens_map.json: %w", err)
			}
			for k, v := range over {
				fields[k] = v
			}
		}
		if added != nil {
			if err := s.readAdded(added); err != nil {
				return nil, fmt.Errorf("added_tokens.json: %w", err)
			}
		}
	}
	if err := s.readSpecial(fields); err != nil {
		return nil, fmt.Errorf("tokenizer_config.json: %w", err)
	}
	if err := s.readPlain(fields); err != nil {
		return nil, fmt.Errorf("tokenizer_config.json: %w", err)
	}
	return s, nil
}

// readDecoder reads {"50256": {"content": …}, …}.
func (s *settings) readDecoder(raw []byte) error {
	byID := map[int32]AddedToken{}
	if err := json.Unmarshal(raw, &byID); err != nil {
		return err
	}
	for id, a := range byID {
		a.ID = id
		s.decoder = append(s.decoder, a)
	}
	s.sortDecoder()
	return nil
}

// sortDecoder orders by id, in which order tokens are added.
func (s *settings) sortDecoder() {
	slices.SortFunc(s.decoder, func(a, b AddedToken) int { return cmp.Compare(a.ID, b.ID) })
}

// readAdded reads {"token": id, …}.
func (s *settings) readAdded(raw []byte) error {
	ids := map[string]int32{}
	if err := json.Unmarshal(raw, &ids); err != nil {
		return err
	}
	for token, id := range ids {
		s.decoder = append(s.decoder, AddedToken{ID: id, Content: token, Normalized: true})
	}
	s.sortDecoder()
	return nil
}

func (s *settings) readSpecial(fields map[string]rawJSON) error {
	for _, role := range roles {
		raw := fields[role]
		if isNull(raw) {
			continue
		}
		var a AddedToken
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
		if a.Content == "" {
			continue
		}
		a.Special = true
		s.SpecialTokens[role] = a.Content
		s.named = append(s.named, a)
	}
	raw := fields["extra_special_tokens"]
	if isNull(raw) || string(raw) == "{}" || string(raw) == "[]" {
		raw = fields["additional_special_tokens"]
	}
	if isNull(raw) {
		return nil
	}
	var list []AddedToken
	if err := json.Unmarshal(raw, &list); err != nil {
		var byName map[string]AddedToken
		if json.Unmarshal(raw, &byName) != nil {
			return fmt.Errorf("extra special tokens: %w", err)
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			list = append(list, byName[name])
		}
	}
	for _, a := range list {
		a.Special = true
		s.ExtraSpecial = append(s.ExtraSpecial, a.Content)
		s.named = append(s.named, a)
	}
	return nil
}

func (s *settings) readPlain(fields map[string]rawJSON) error {
	var maxLength float64
	var cleanUp, cleanUpBPE bool
	for key, dst := range map[string]any{
		"model_max_length": &maxLength, "padding_side": &s.PaddingSide, "truncation_side": &s.TruncationSide,
		"tokenizer_class": &s.Class, "add_prefix_space": &s.prefixSpace, "add_bos_token": &s.addBOS,
		"add_eos_token": &s.addEOS, "clean_up_tokenization_spaces": &cleanUp,
		"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": &cleanUpBPE,
	} {
		if raw := fields[key]; !isNull(raw) {
			if err := json.Unmarshal(raw, dst); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	// the reference writes 1e30 for "unlimited"
	if maxLength > 0 && maxLength < math.MaxInt32 {
		s.ModelMaxLength = int(maxLength)
	}
	s.CleanUpSpaces = cleanUp && cleanUpBPE
	for _, side := range []*string{&s.PaddingSide, &s.TruncationSide} {
		switch *side {
		case "":
			*side = "right"
		case "right", "left":
		default:
			return fmt.Errorf("side %q is neither right nor left", *side)
		}
	}
	return s.readTemplates(fields["chat_template"])
}

// readTemplates reads a template, or a list of {"name", "template"}.
func (s *settings) readTemplates(raw []byte) error {
	if isNull(raw) {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		s.ChatTemplates["default"] = one
		return nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("chat_template is neither a string nor a list of names and templates")
	}
	for _, t := range list {
		s.ChatTemplates[t.Name] = t.Template
	}
	return nil
}
