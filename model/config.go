// Package model assembles the layers of package nn into the architectures that config.json names, and loads
// and saves them under Hugging Face's tensor names. It has no maths of its own.
package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/compute"
)

// A Config is what config.json says, in one vocabulary for all architectures.
type Config struct {
	ModelType string // gpt2, llama, mistral, qwen2 or qwen3

	VocabSize    int
	HiddenSize   int
	InnerSize    int // of the MLP
	Layers       int
	Heads        int
	KVHeads      int
	HeadDim      int
	MaxPositions int
	Tied         bool // lm_head shares the embedding's weight

	Act       compute.ActFunc
	NormEps   float64
	QKVBias   bool
	OutBias   bool // of the attention's output projection
	MLPBias   bool
	QKNorm    bool  // RMSNorm on each head's queries and keys
	Windows   []int // sliding window of each layer, 0 for none; nil if no layer has one
	Rope      *Rope // nil means learned positions
	InitRange float64

	EmbdDropout, AttnDropout, ResidDropout float64

	BOS, PAD *int32
	EOS      []int32

	raw map[string]json.RawMessage // config.json as it was read, so that nothing is lost on saving
}

// maxConfigBytes bounds config.json; real ones have a few KiB.
const maxConfigBytes = 4 << 20

// LoadConfig reads dir/config.json, or the file itself if dir names one.
func LoadConfig(dir string) (*Config, error) {
	path := dir
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(dir, "config.json")
		info, err = os.Stat(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("model: %s has no config.json: a model is a folder in Hugging Face layout with config.json and model.safetensors", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if info.Size() > maxConfigBytes {
		return nil, fmt.Errorf("model: %s has %d bytes; a config.json has a few thousand", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	c, err := ParseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads the bytes of a config.json and checks that they make sense.
func ParseConfig(b []byte) (*Config, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if raw == nil {
		return nil, errors.New("not a JSON object: null")
	}
	var kind struct {
		ModelType    string          `json:"model_type"`
		Quantization json.RawMessage `json:"quantization_config"`
	}
	if err := json.Unmarshal(b, &kind); err != nil {
		return nil, err
	}
	if kind.Quantization != nil && string(kind.Quantization) != "null" {
		return nil, errors.New("quantization_config: quantized weights can't be read; use the model's original float weights")
	}
	c := &Config{ModelType: kind.ModelType, raw: raw}
	var err error
	switch kind.ModelType {
	case "gpt2":
		err = c.parseGPT2(b)
	case "llama", "mistral", "qwen2", "qwen3":
		err = c.parseLlama(b)
	case "":
		err = errors.New("no model_type; hone reads gpt2, llama, mistral, qwen2 and qwen3")
	default:
		err = fmt.Errorf("model_type %q is not supported; hone reads gpt2, llama (also SmolLM2), mistral, qwen2 and qwen3", kind.ModelType)
	}
	if err != nil {
		return nil, err
	}
	return c, c.check()
}

// check refuses sizes that no model has, so that a lying file can't make hone allocate the earth.
func (c *Config) check() error {
	for _, f := range []struct {
		name     string
		v, limit int
	}{
		{"vocab_size", c.VocabSize, 4 << 20}, {"hidden_size", c.HiddenSize, 1 << 16}, {"intermediate_size", c.InnerSize, 1 << 18},
		{"num_attention_heads", c.Heads, 1 << 10}, {"num_key_value_heads", c.KVHeads, 1 << 10}, {"head_dim", c.HeadDim, 1 << 12},
		{"max_position_embeddings", c.MaxPositions, 1 << 26},
	} {
		if f.v < 1 || f.v > f.limit {
			return fmt.Errorf("%s is %d; expected 1 to %d", f.name, f.v, f.limit)
		}
	}
	switch {
	case c.Layers < 1 || c.Layers > 1024:
		return fmt.Errorf("num_hidden_layers is %d; expected 1 to 1024", c.Layers)
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d heads can't share %d key-value heads evenly", c.Heads, c.KVHeads)
	case c.Rope != nil && c.HeadDim%2 != 0:
		return fmt.Errorf("head_dim %d is odd; rotary embeddings turn pairs", c.HeadDim)
	case !(c.NormEps > 0 && c.NormEps < 1):
		return fmt.Errorf("norm epsilon is %g; expected a small positive number", c.NormEps)
	}
	for _, p := range []float64{c.EmbdDropout, c.AttnDropout, c.ResidDropout} {
		if !(p >= 0 && p < 1) {
			return fmt.Errorf("dropout probability is %g; expected 0 to less than 1", p)
		}
	}
	for _, w := range c.Windows {
		if w < 0 {
			return fmt.Errorf("sliding_window is %d; expected a positive number or null", w)
		}
	}
	return nil
}

// headDim divides a width by heads.
func headDim(name string, width, heads int) (int, error) {
	if heads < 1 || width%heads != 0 {
		return 0, fmt.Errorf("%s %d is not divisible by %d heads", name, width, heads)
	}
	return width / heads, nil
}

// NumParams returns the number of weights, a tied lm_head counted once.
func (c *Config) NumParams() int64 {
	h, q, kv, f := int64(c.HiddenSize), int64(c.Heads*c.HeadDim), int64(c.KVHeads*c.HeadDim), int64(c.InnerSize)
	up := int64(1)
	norm := h
	if c.ModelType == "gpt2" {
		norm = 2 * h
	} else {
		up = 2 // gate
	}
	block := h*(q+2*kv) + q*h + (up+1)*h*f + 2*norm
	if c.QKVBias {
		block += q + 2*kv
	}
	if c.OutBias {
		block += h
	}
	if c.MLPBias {
		block += up*f + h
	}
	if c.QKNorm {
		block += 2 * int64(c.HeadDim)
	}
	n := int64(c.VocabSize)*h + int64(c.Layers)*block + norm
	if c.Rope == nil {
		n += int64(c.MaxPositions) * h
	}
	if !c.Tied {
		n += int64(c.VocabSize) * h
	}
	return n
}

// Dtype returns the type of the weights that config.json announces, or "".
func (c *Config) Dtype() string {
	var s string
	for _, key := range []string{"torch_dtype", "dtype"} {
		if v, ok := c.raw[key]; ok {
			json.Unmarshal(v, &s)
		}
	}
	return s
}

// set changes one entry of config.json.
func (c *Config) set(key string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only plain values get here
	}
	c.raw = maps.Clone(c.raw)
	c.raw[key] = b
}

// JSON returns config.json: what was read, with what has changed since.
func (c *Config) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(c.raw, "", "  ")
	return append(b, '\n'), err
}

// ids reads a token id, a list of them or null.
type ids []int32

func (l *ids) UnmarshalJSON(b []byte) error {
	var one int32
	if string(b) == "null" {
		return nil
	}
	if err := json.Unmarshal(b, &one); err == nil {
		*l = ids{one}
		return nil
	}
	var many []int32
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("expected a token id or a list of them")
	}
	*l = many
	return nil
}

func (l ids) first() *int32 {
	if len(l) == 0 {
		return nil
	}
	return &l[0]
}

// actFunc maps config.json's names of activations.
func actFunc(name string) (compute.ActFunc, error) {
	switch name {
	case "gelu_new", "gelu_pytorch_tanh", "gelu_fast":
		return compute.GELUTanh, nil
	case "gelu":
		return compute.GELU, nil
	case "silu", "swish":
		return compute.SiLU, nil
	case "relu":
		return compute.ReLU, nil
	}
	return 0, fmt.Errorf("activation %q is not supported; hone has gelu_new, gelu_pytorch_tanh, gelu, silu and relu", name)
}
