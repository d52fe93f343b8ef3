package generate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/hone-ml/hone/model"
)

// A Config is the generation settings under the reference's names. A nil field is unset, so that settings can be
// laid over one another: the caller's, then the model's generation_config.json, then the defaults. new(0.7) makes a
// set field.
type Config struct {
	// MaxNewTokens is the most tokens to generate. It wins over MaxLength, which counts the prompt too. With
	// neither, 20 tokens are generated, fewer at the end of the model's positions.
	MaxNewTokens *int `json:"max_new_tokens,omitempty"`
	MaxLength    *int `json:"max_length,omitempty"`
	// MinNewTokens is how many tokens come before an end-of-sequence token may. It wins over MinLength, which
	// counts the prompt too.
	MinNewTokens *int `json:"min_new_tokens,omitempty"`
	MinLength    *int `json:"min_length,omitempty"`

	// DoSample draws tokens at random; without it the likeliest token is taken and Temperature to TypicalP have
	// no effect.
	DoSample    *bool    `json:"do_sample,omitempty"`
	Temperature *float64 `json:"temperature,omitempty"` // divides the logits; 1 by default
	TopK        *int     `json:"top_k,omitempty"`       // draw from that many likeliest tokens; 50 by default, 0 for all
	TopP        *float64 `json:"top_p,omitempty"`       // draw from the likeliest tokens that have this probability together
	MinP        *float64 `json:"min_p,omitempty"`       // draw from tokens at least this probable, relative to the likeliest
	TypicalP    *float64 `json:"typical_p,omitempty"`   // draw from the tokens of typical information that have this probability together

	// RepetitionPenalty above 1 makes the tokens of the prompt and the output less likely.
	RepetitionPenalty *float64 `json:"repetition_penalty,omitempty"`
	// NoRepeatNgramSize forbids that so many tokens in a row occur twice; 0 for no limit.
	NoRepeatNgramSize *int      `json:"no_repeat_ngram_size,omitempty"`
	BadWordsIDs       [][]int32 `json:"bad_words_ids,omitzero"`   // token sequences that must not be generated
	SuppressTokens    []int32   `json:"suppress_tokens,omitzero"` // tokens that must not be generated

	BOSTokenID *int32 `json:"bos_token_id,omitempty"` // stands for an empty prompt
	// EOSTokenID are the tokens that end a sequence; empty but not nil means that none does.
	EOSTokenID IDs `json:"eos_token_id,omitzero"`
	// PADTokenID fills up finished rows of the reference's tensors. Nothing is padded here.
	PADTokenID *int32 `json:"pad_token_id,omitempty"`
	// StopStrings end a sequence when one of them appears in its text.
	StopStrings Strings `json:"stop_strings,omitzero"`

	// Seed makes sampling repeatable: the same prompt, settings and seed give the same answer, whatever else is
	// generated beside it. Unset, every sequence draws its own.
	Seed               *uint64 `json:"seed,omitempty"`
	NumReturnSequences *int    `json:"num_return_sequences,omitempty"` // answers to each prompt; 1 by default
	NumBeams           *int    `json:"num_beams,omitempty"`            // only 1: there is no beam search
}

// Or returns c with the settings that it leaves unset taken from d.
func (c Config) Or(d Config) Config {
	return Config{
		MaxNewTokens: cmp.Or(c.MaxNewTokens, d.MaxNewTokens), MaxLength: cmp.Or(c.MaxLength, d.MaxLength),
		MinNewTokens: cmp.Or(c.MinNewTokens, d.MinNewTokens), MinLength: cmp.Or(c.MinLength, d.MinLength),
		DoSample: cmp.Or(c.DoSample, d.DoSample), Temperature: cmp.Or(c.Temperature, d.Temperature),
		TopK: cmp.Or(c.TopK, d.TopK), TopP: cmp.Or(c.TopP, d.TopP), MinP: cmp.Or(c.MinP, d.MinP),
		TypicalP:          cmp.Or(c.TypicalP, d.TypicalP),
		RepetitionPenalty: cmp.Or(c.RepetitionPenalty, d.RepetitionPenalty),
		NoRepeatNgramSize: cmp.Or(c.NoRepeatNgramSize, d.NoRepeatNgramSize),
		BadWordsIDs:       or(c.BadWordsIDs, d.BadWordsIDs), SuppressTokens: or(c.SuppressTokens, d.SuppressTokens),
		BOSTokenID: cmp.Or(c.BOSTokenID, d.BOSTokenID), EOSTokenID: or(c.EOSTokenID, d.EOSTokenID),
		PADTokenID: cmp.Or(c.PADTokenID, d.PADTokenID), StopStrings: or(c.StopStrings, d.StopStrings),
		Seed: cmp.Or(c.Seed, d.Seed), NumReturnSequences: cmp.Or(c.NumReturnSequences, d.NumReturnSequences),
		NumBeams: cmp.Or(c.NumBeams, d.NumBeams),
	}
}

func or[S ~[]E, E any](a, b S) S {
	if a != nil {
		return a
	}
	return b
}

// value returns *p, or otherwise if p is nil.
func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// samples reports whether tokens are drawn at random.
func (c *Config) samples() bool { return value(c.DoSample, false) }

// Check reports settings that make no sense. As in the reference, the settings of sampling are read only when
// do_sample is true.
func (c Config) Check() error {
	for _, f := range []struct {
		name string
		v    *int
		min  int
	}{
		{"max_new_tokens", c.MaxNewTokens, 1}, {"max_length", c.MaxLength, 1}, {"min_new_tokens", c.MinNewTokens, 0},
		{"min_length", c.MinLength, 0}, {"no_repeat_ngram_size", c.NoRepeatNgramSize, 0},
		{"num_return_sequences", c.NumReturnSequences, 1},
	} {
		if f.v != nil && *f.v < f.min {
			return fmt.Errorf("generate: %s is %d; expected at least %d", f.name, *f.v, f.min)
		}
	}
	if n := value(c.NumBeams, 1); n != 1 {
		return fmt.Errorf("generate: num_beams is %d, but there is no beam search: leave it at 1 and choose between greedy decoding and do_sample", n)
	}
	if n := value(c.NumReturnSequences, 1); n > 1 && !c.samples() {
		return fmt.Errorf("generate: num_return_sequences is %d, but greedy decoding has one answer: set do_sample to true", n)
	}
	if p := value(c.RepetitionPenalty, 1); !(p > 0) {
		return fmt.Errorf("generate: repetition_penalty is %g; expected a positive number, 1 for none and 1.1 to 1.3 usually", p)
	}
	for i, words := range c.BadWordsIDs {
		if len(words) == 0 {
			return fmt.Errorf("generate: bad_words_ids: entry %d has no tokens", i)
		}
	}
	if slices.Contains(c.StopStrings, "") {
		return errors.New("generate: stop_strings has an empty string, which is in every text")
	}
	if c.samples() {
		return c.checkSampling()
	}
	return nil
}

func (c *Config) checkSampling() error {
	if t := value(c.Temperature, 1); !(t > 0) {
		if t == 0 {
			return errors.New("generate: temperature is 0, which would divide by zero: for the likeliest token set do_sample to false")
		}
		return fmt.Errorf("generate: temperature is %g; expected a positive number, 0.7 to 1 usually", t)
	}
	if k := value(c.TopK, 0); k < 0 {
		return fmt.Errorf("generate: top_k is %d; expected a number of tokens, 0 for no limit", k)
	}
	if p := value(c.TopP, 1); !(p >= 0 && p <= 1) {
		return fmt.Errorf("generate: top_p is %g; expected a probability from 0 to 1, 1 for no limit", p)
	}
	if p := value(c.MinP, 0); !(p >= 0 && p <= 1) {
		return fmt.Errorf("generate: min_p is %g; expected a share from 0 to 1, 0 for no limit", p)
	}
	if p := value(c.TypicalP, 1); !(p > 0 && p <= 1) {
		return fmt.Errorf("generate: typical_p is %g; expected a probability above 0 and up to 1, 1 for no limit", p)
	}
	return nil
}

// room returns how many tokens may follow a prompt of n tokens in a model of config m.
func (c *Config) room(n int, m *model.Config) (int, error) {
	positions := m.MaxPositions
	switch {
	case c.MaxNewTokens != nil:
		return *c.MaxNewTokens, nil
	case c.MaxLength != nil:
		if n >= *c.MaxLength {
			return 0, fmt.Errorf("generate: the prompt has %d tokens, but max_length is %d: set max_new_tokens, which doesn't count the prompt, or shorten the prompt", n, *c.MaxLength)
		}
		return *c.MaxLength - n, nil
	case n >= positions:
		return 0, fmt.Errorf("generate: the prompt has %d tokens, but the model has %d positions: shorten the prompt", n, positions)
	}
	return min(20, positions-n), nil
}

// minNew returns how many tokens must follow a prompt of n tokens.
func (c *Config) minNew(n int) int {
	if c.MinNewTokens != nil {
		return *c.MinNewTokens
	}
	return max(value(c.MinLength, 0)-n, 0)
}

// maxFileBytes bounds generation_config.json; real ones have a few hundred bytes.
const maxFileBytes = 4 << 20

// Load returns the settings of the model in dir: its generation_config.json or else, as in the reference, the
// special tokens that its config.json names, which m holds.
func Load(dir string, m *model.Config) (Config, error) {
	path := filepath.Join(dir, "generation_config.json")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Config{BOSTokenID: m.BOS, EOSTokenID: m.EOS, PADTokenID: m.PAD}, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("generate: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("generate: %w", err)
	}
	if len(b) > maxFileBytes {
		return Config{}, fmt.Errorf("generate: %s has more than %d bytes; such a file has a few hundred", path, maxFileBytes)
	}
	c, err := Parse(b)
	if err != nil {
		return Config{}, fmt.Errorf("generate: %s: %w", path, err)
	}
	return c, nil
}

// foreign are settings that change what the reference generates and that hone does not have, with the value that
// switches them off. null always does.
var foreign = map[string]string{
	"begin_suppress_tokens": "", "constraints": "", "diversity_penalty": "0", "dola_layers": "", "epsilon_cutoff": "0",
	"eta_cutoff": "0", "exponential_decay_length_penalty": "", "force_words_ids": "", "forced_bos_token_id": "",
	"forced_eos_token_id": "", "guidance_scale": "1", "num_beam_groups": "1", "penalty_alpha": "0",
	"sequence_bias": "", "top_h": "", "watermarking_config": "",
}

// Parse reads a generation_config.json. Keys that don't change what is generated, such as use_cache, are skipped;
// settings that hone would have to ignore are errors.
func Parse(b []byte) (Config, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return Config{}, fmt.Errorf("not a JSON object: %w", err)
	}
	for name, off := range foreign {
		v, set := raw[name]
		if !set || string(v) == "null" {
			continue
		}
		var number json.Number
		if off != "" && json.Unmarshal(v, &number) == nil {
			if f, err := number.Float64(); err == nil && fmt.Sprint(f) == off {
				continue
			}
		}
		return Config{}, fmt.Errorf("%s is set to %.40s, but hone doesn't have it: take it out of the file", name, v)
	}
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return Config{}, err
	}
	return c, nil
}

// IDs are token ids; in JSON a single one may stand without brackets.
type IDs []int32

// UnmarshalJSON reads an id, a list of ids or null.
func (l *IDs) UnmarshalJSON(b []byte) error { return oneOrMany((*[]int32)(l), b, "a token id") }

// MarshalJSON writes a single id without brackets, as the reference does.
func (l IDs) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]int32(l))
}

// Strings are strings; in JSON a single one may stand without brackets.
type Strings []string

// UnmarshalJSON reads a string, a list of strings or null.
func (l *Strings) UnmarshalJSON(b []byte) error { return oneOrMany((*[]string)(l), b, "a string") }

func oneOrMany[T any](dst *[]T, b []byte, what string) error {
	if string(b) == "null" {
		return nil
	}
	var one T
	if json.Unmarshal(b, &one) == nil {
		*dst = []T{one}
		return nil
	}
	var many []T
	if err := json.Unmarshal(b, &many); err != nil {
		return fmt.Errorf("found %.40s, expected %s or a list of them", b, what)
	}
	*dst = many
	return nil
}
