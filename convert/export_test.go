package convert

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
)

// A file is a GGUF file to be written.
type file struct {
	meta    []gguf.KV
	tensors []gguf.Tensor
}

// set changes a key or adds it; a nil value takes it away.
func (f *file) set(key string, v any) {
	for i, kv := range f.meta {
		if kv.Key == key {
			f.meta[i].Value = v
			if v == nil {
				f.meta = append(f.meta[:i], f.meta[i+1:]...)
			}
			return
		}
	}
	if v != nil {
		f.meta = append(f.meta, gguf.KV{Key: key, Value: v})
	}
}

func (f *file) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := gguf.Write(path, f.meta, f.tensors); err != nil {
		t.Fatal(err)
	}
	return path
}

// names maps Hugging Face's names to llama.cpp's.
var names = strings.NewReplacer("model.layers.", "blk.", "transformer.h.", "blk.",
	"model.embed_tokens.", "token_embd.", "model.norm.", "output_norm.", "lm_head.", "output.",
	"transformer.wte.", "token_embd.", "transformer.wpe.", "position_embd.", "transformer.ln_f.", "output_norm.",
	"self_attn.q_proj", "attn_q", "self_attn.k_proj", "attn_k", "self_attn.v_proj", "attn_v", "self_attn.o_proj", "attn_output",
	"self_attn.q_norm", "attn_q_norm", "self_attn.k_norm", "attn_k_norm", "input_layernorm", "attn_norm",
	"post_attention_layernorm", "ffn_norm", "mlp.gate_proj", "ffn_gate", "mlp.up_proj", "ffn_up", "mlp.down_proj", "ffn_down",
	"ln_1", "attn_norm", "ln_2", "ffn_norm", "attn.c_attn", "attn_qkv", "attn.c_proj", "attn_output", "mlp.c_fc", "ffn_up", "mlp.c_proj", "ffn_down")

// export makes the GGUF file of a fixture, with matrices of the type that typ tells.
func export(t testing.TB, fixture string, typ func(name string) gguf.Type) *file {
	t.Helper()
	dir := fixtures.Dir(t, fixture)
	c, err := model.LoadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	src, err := safetensors.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	arch := c.ModelType
	if arch == "mistral" {
		arch = "llama"
	}
	f := &file{meta: metadata(t, dir, arch, c)}
	for _, name := range src.Names() {
		info, _ := src.Info(name)
		if c.Tied && name == "lm_head.weight" {
			continue
		}
		v := make([]float32, info.Elements())
		if err := src.ReadFloat32(v, name); err != nil {
			t.Fatal(err)
		}
		to, shape := names.Replace(name), info.Shape
		switch {
		case arch == "gpt2" && len(shape) == 2 && strings.HasPrefix(to, "blk."):
			v, shape = transposed(v, shape[0], shape[1]), []int{shape[1], shape[0]}
		case arch == "llama" && strings.Contains(to, ".attn_q."):
			v = reordered(v, c.Heads, c.HeadDim)
		case arch == "llama" && strings.Contains(to, ".attn_k."):
			v = reordered(v, c.KVHeads, c.HeadDim)
		}
		kind := gguf.F32
		if len(shape) == 2 {
			kind = typ(to)
		}
		f.tensors = append(f.tensors, gguf.Float32(to, kind, shape, v))
	}
	return f
}

func f32(string) gguf.Type { return gguf.F32 }

// reordered is what llama.cpp's converter does to q and k: Hugging Face's row p·d/2+k of a head becomes row 2k+p.
func reordered(v []float32, heads, d int) []float32 {
	cols := len(v) / (heads * d)
	out := make([]float32, len(v))
	for h := range heads {
		for p := range 2 {
			for k := range d / 2 {
				copy(out[(h*d+2*k+p)*cols:][:cols], v[(h*d+p*d/2+k)*cols:])
			}
		}
	}
	return out
}

func transposed(v []float32, rows, cols int) []float32 {
	out := make([]float32, len(v))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = v[i*cols+j]
		}
	}
	return out
}

// metadata writes what llama.cpp's converter writes for a config.json, with a tokenizer of single characters.
func metadata(t testing.TB, dir, arch string, c *model.Config) []gguf.KV {
	t.Helper()
	var j struct {
		Rope struct {
			Type     string  `json:"rope_type"`
			Theta    float32 `json:"rope_theta"`
			Factor   float32
			Original uint32 `json:"original_max_position_embeddings"`
		} `json:"rope_parameters"`
		Window *uint32 `json:"sliding_window"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err == nil {
		err = json.Unmarshal(b, &j)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := &file{}
	n := func(key string, v int) { f.set(arch+"."+key, uint32(v)) }
	f.set("general.architecture", arch)
	f.set("general.type", "model")
	f.set("general.name", "Fixture")
	f.set("general.quantization_version", uint32(2))
	n("block_count", c.Layers)
	n("context_length", c.MaxPositions)
	n("embedding_length", c.HiddenSize)
	n("feed_forward_length", c.InnerSize)
	n("attention.head_count", c.Heads)
	if arch == "gpt2" {
		f.set("gpt2.attention.layer_norm_epsilon", float32(c.NormEps))
		return append(f.meta, letters(c.VocabSize)...)
	}
	n("attention.head_count_kv", c.KVHeads)
	f.set(arch+".attention.layer_norm_rms_epsilon", float32(c.NormEps))
	f.set(arch+".rope.freq_base", j.Rope.Theta)
	switch {
	case arch == "llama":
		n("rope.dimension_count", c.HeadDim)
	case c.HeadDim*c.Heads != c.HiddenSize:
		n("attention.key_length", c.HeadDim)
		n("attention.value_length", c.HeadDim)
	}
	if j.Window != nil {
		f.set(arch+".attention.sliding_window", *j.Window)
	}
	if k := j.Rope.Type; k == "linear" || k == "yarn" {
		f.set(arch+".rope.scaling.type", k)
		f.set(arch+".rope.scaling.factor", j.Rope.Factor)
	}
	if j.Rope.Original > 0 {
		f.set(arch+".rope.scaling.original_context_length", j.Rope.Original)
	}
	return append(f.meta, letters(c.VocabSize)...)
}

// letters is a byte-level tokenizer of n tokens without merges; the first three have roles.
func letters(n int) []gguf.KV {
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{3, 3, 3}
	for r := '!'; len(tokens) < n && r <= '~'; r++ {
		tokens, types = append(tokens, string(r)), append(types, 1)
	}
	for len(tokens) < n {
		tokens, types = append(tokens, "[PAD"+string(rune('0'+len(tokens)-90))+"]"), append(types, 5)
	}
	return []gguf.KV{
		{Key: "tokenizer.ggml.model", Value: "gpt2"}, {Key: "tokenizer.ggml.pre", Value: "gpt-2"},
		{Key: "tokenizer.ggml.tokens", Value: tokens}, {Key: "tokenizer.ggml.token_type", Value: types}, {Key: "tokenizer.ggml.merges", Value: []string{}},
		{Key: "tokenizer.ggml.bos_token_id", Value: uint32(1)}, {Key: "tokenizer.ggml.eos_token_id", Value: uint32(2)},
		{Key: "tokenizer.chat_template", Value: "{% for m in messages %}{{ m['content'] }}{% endfor %}"},
	}
}

// llama3Freqs is rope_freqs.weight as llama.cpp's converter computes it.
func llama3Freqs(dim int, theta, factor, original float64) []float32 {
	f := make([]float32, dim/2)
	for d := range f {
		wavelen := 2 * math.Pi * math.Pow(theta, float64(2*d)/float64(dim))
		switch {
		case wavelen < original/4:
			f[d] = 1
		case wavelen > original:
			f[d] = float32(factor)
		default:
			smooth := (original/wavelen - 1) / (4 - 1)
			f[d] = float32(1 / ((1-smooth)/factor + smooth))
		}
	}
	return f
}
