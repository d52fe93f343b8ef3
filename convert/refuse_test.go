package convert

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
	"github.com/hone-ml/hone/tokenizer"
)

// What can't be imported is refused with an error that names the file and the fault, and nothing is written.
func TestRefuse(t *testing.T) {
	set := func(key string, v any) func(*file) { return func(f *file) { f.set(key, v) } }
	drop := func(name string) func(*file) {
		return func(f *file) {
			for i, x := range f.tensors {
				if x.Name == name {
					f.tensors = append(f.tensors[:i], f.tensors[i+1:]...)
					return
				}
			}
		}
	}
	add := func(name string, typ gguf.Type, shape []int, v ...float32) func(*file) {
		return func(f *file) { f.tensors = append(f.tensors, gguf.Float32(name, typ, shape, v)) }
	}
	instead := func(name string, typ gguf.Type, shape []int, v ...float32) func(*file) {
		return func(f *file) { drop(name)(f); add(name, typ, shape, v...)(f) }
	}
	weights := func(n int, last float32) []float32 {
		v := make([]float32, n)
		v[n-1] = last
		return v
	}
	for _, c := range []struct {
		want   string
		change func(*file)
	}{
		{`general.architecture "bert" is not supported; hone imports llama`, set("general.architecture", "bert")},
		{`no key "general.architecture"`, set("general.architecture", nil)},
		{`general.type is "adapter"`, set("general.type", "adapter")},
		{`llama-gguf-split --merge`, set("split.count", uint16(3))},
		{`llama.expert_count is 8`, set("llama.expert_count", uint32(8))},
		{`llama.logit_scale is 0.5`, set("llama.logit_scale", float32(0.5))},
		{`llama.attention.head_count`, set("llama.attention.head_count", []uint32{4, 4, 2})},
		{`llama.attention.head_count`, set("llama.attention.head_count", nil)},
		{`num_attention_heads is 0`, set("llama.attention.head_count", uint32(0))},
		{`4 heads can't share 3 key-value heads`, set("llama.attention.head_count_kv", uint32(3))},
		{`llama.block_count is 18446744073709551615`, set("llama.block_count", uint64(math.MaxUint64))},
		{`num_hidden_layers is 4000000`, set("llama.block_count", uint32(4000000))},
		{`no tensor blk.3.attn_norm.weight`, set("llama.block_count", uint32(4))},
		{`tensor "blk.2.attn_norm.weight" is none that a llama has`, set("llama.block_count", uint32(2))},
		{`llama.rope.freq_base is NaN`, set("llama.rope.freq_base", float32(math.NaN()))},
		{`llama.rope.dimension_count is 4`, func(f *file) {
			f.set("llama.attention.key_length", uint32(8))
			f.set("llama.rope.dimension_count", uint32(4))
		}},
		{`llama.attention.value_length is 4`, set("llama.attention.value_length", uint32(4))},
		{`llama.rope.scaling.type "longrope"`, set("llama.rope.scaling.type", "longrope")},
		{`rope factor is 0.5`, func(f *file) {
			f.set("llama.rope.scaling.type", "linear")
			f.set("llama.rope.scaling.factor", float32(0.5))
		}},
		{`llama.rope.scaling.attn_factor is 2`, func(f *file) {
			f.set("llama.rope.scaling.type", "yarn")
			f.set("llama.rope.scaling.factor", float32(2))
			f.set("llama.rope.scaling.original_context_length", uint32(64))
			f.set("llama.rope.scaling.attn_factor", float32(2))
		}},
		{`rope_freqs.weight is [3]`, add("rope_freqs.weight", gguf.F32, []int{3}, 1, 1, 8)},
		{`rope_freqs.weight divides frequency 1 by 7`, add("rope_freqs.weight", gguf.F32, []int{4}, 1, 7, 8, 8)},
		{`no matrix token_embd.weight`, drop("token_embd.weight")},
		{`no tensor blk.1.ffn_up.weight`, drop("blk.1.ffn_up.weight")},
		{`tensor "blk.0.attn_sinks.weight" is none`, add("blk.0.attn_sinks.weight", gguf.F32, []int{4}, 1, 2, 3, 4)},
		{`no tensor blk.0.attn_k.bias`, add("blk.0.attn_q.bias", gguf.F32, []int{32}, make([]float32, 32)...)},
		{`tensor blk.0.attn_norm.weight is [16], but the metadata make it [32]`, instead("blk.0.attn_norm.weight", gguf.F32, []int{16}, make([]float32, 16)...)},
		{`blk.0.attn_v.weight has type MXFP4`, func(f *file) {
			drop("blk.0.attn_v.weight")(f)
			f.tensors = append(f.tensors, gguf.Raw("blk.0.attn_v.weight", gguf.MXFP4, []int{16, 32}, make([]byte, 16*17)))
		}},
		{`output_norm.weight has a weight of NaN`, instead("output_norm.weight", gguf.F32, []int{32}, weights(32, float32(math.NaN()))...)},
		{`no key tokenizer.ggml.model`, set("tokenizer.ggml.model", nil)},
		{`tokenizer.ggml.model "t5" is not supported`, set("tokenizer.ggml.model", "t5")},
		{`tokenizer.ggml.pre "chatglm-bpe" is not supported`, set("tokenizer.ggml.pre", "chatglm-bpe")},
		{`tokenizer.ggml.pre "" is not supported`, set("tokenizer.ggml.pre", "default")},
		{`tokenizer.ggml.pre "" is not supported`, set("tokenizer.ggml.pre", nil)},
		{`tokenizer.ggml.tokens is missing or empty`, set("tokenizer.ggml.tokens", nil)},
		{`tokenizer.ggml.tokens has 97 tokens, but token_embd.weight has rows for 96`, set("tokenizer.ggml.tokens", make([]string, 97))},
		{`token_type has 1 entries`, set("tokenizer.ggml.token_type", []int32{1})},
		{`tokenizer.ggml.bos_token_id is 96`, set("tokenizer.ggml.bos_token_id", uint32(96))},
		{`key "tokenizer.ggml.merges"`, set("tokenizer.ggml.merges", "a b")},
		{`merge 1, "a  b"`, set("tokenizer.ggml.merges", []string{"a b", "a  b"})},
		{`the tokenizer makes no sense`, set("tokenizer.ggml.merges", []string{"a b"})},
		{`the tokenizer makes no sense`, set("tokenizer.huggingface.json", "{}")},
		{`"<s>" is both token 1 and token 5`, func(f *file) {
			for _, kv := range f.meta {
				if kv.Key == "tokenizer.ggml.tokens" {
					kv.Value.([]string)[5] = "<s>"
				}
			}
		}},
		{`key "tokenizer.chat_template"`, set("tokenizer.chat_template", uint32(1))},
	} {
		f := export(t, "llama", f32)
		c.change(f)
		path := f.write(t)
		parent := t.TempDir()
		s, err := Open(path)
		if err == nil {
			err = s.Write(context.Background(), filepath.Join(parent, "m"), Options{Dtype: safetensors.F32})
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "convert: ") || !strings.Contains(err.Error(), path) {
			t.Errorf("%v\nwant %s", err, c.want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s: left %v", c.want, left)
		}
	}
}

func TestTooLargeForFloat16(t *testing.T) {
	f := export(t, "qwen2", f32)
	for i, x := range f.tensors {
		if x.Name == "output_norm.weight" {
			v := make([]float32, 32)
			v[3] = -1e5
			f.tensors[i] = gguf.Float32(x.Name, gguf.F32, []int{32}, v)
		}
	}
	s, err := Open(f.write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Write(context.Background(), filepath.Join(t.TempDir(), "m"), Options{Dtype: safetensors.F16})
	if err == nil || !strings.Contains(err.Error(), "output_norm.weight has a weight of -100000, too large for float16") {
		t.Error(err)
	}
}

// FuzzImport changes a file here and there: what Open and Write accept, the packages that read the folder accept.
func FuzzImport(f *testing.F) {
	var seeds [][]byte
	for _, name := range []string{"qwen3", "gpt2", "llama"} {
		x := export(f, name, f32)
		x.set("tokenizer.ggml.merges", []string{"> ?"})
		b, err := os.ReadFile(x.write(f))
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, b)
		f.Add(uint8(len(seeds)-1), uint32(40), []byte("llama"))
		f.Add(uint8(len(seeds)-1), uint32(400), []byte{0xff, 0xff})
	}
	f.Fuzz(func(t *testing.T, seed uint8, at uint32, change []byte) {
		b := append([]byte(nil), seeds[int(seed)%len(seeds)]...)
		copy(b[int(at)%len(b):], change)
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			return
		}
		defer s.Close()
		dir := filepath.Join(t.TempDir(), "m")
		if err := s.Write(context.Background(), dir, Options{Dtype: safetensors.F32}); err != nil {
			return
		}
		if _, err := model.Load(dir); err != nil {
			t.Error(err)
		}
		if _, err := tokenizer.Load(dir); err != nil {
			t.Error(err)
		}
	})
}
