package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/gguf"
)

// writeGGUF writes a GPT-2 of one layer, of zeros, whose tokenizer knows letters.
func writeGGUF(t *testing.T, path string, more ...gguf.KV) {
	t.Helper()
	tokens, types := []string{"<|endoftext|>"}, []int32{3}
	for r := 'a'; r <= 'z'; r++ {
		tokens, types = append(tokens, string(r)), append(types, 1)
	}
	const d = 32
	meta := append([]gguf.KV{{Key: "general.architecture", Value: "gpt2"}, {Key: "general.name", Value: "tiny"},
		{Key: "gpt2.block_count", Value: uint32(1)}, {Key: "gpt2.context_length", Value: uint32(16)}, {Key: "gpt2.embedding_length", Value: uint32(d)},
		{Key: "gpt2.feed_forward_length", Value: uint32(4 * d)}, {Key: "gpt2.attention.head_count", Value: uint32(2)},
		{Key: "gpt2.attention.layer_norm_epsilon", Value: float32(1e-5)},
		{Key: "tokenizer.ggml.model", Value: "gpt2"}, {Key: "tokenizer.ggml.pre", Value: "gpt-2"}, {Key: "tokenizer.ggml.tokens", Value: tokens},
		{Key: "tokenizer.ggml.token_type", Value: types}, {Key: "tokenizer.ggml.merges", Value: []string{}},
		{Key: "tokenizer.ggml.eos_token_id", Value: uint32(0)}}, more...)
	var tensors []gguf.Tensor
	add := func(name string, shape ...int) {
		n, typ := shape[0], gguf.F32
		if len(shape) == 2 {
			n, typ = n*shape[1], gguf.Q8_0
		}
		tensors = append(tensors, gguf.Float32(name, typ, shape, make([]float32, n)))
	}
	add("token_embd.weight", len(tokens), d)
	add("position_embd.weight", 16, d)
	for name, out := range map[string]int{"attn_qkv": 3 * d, "attn_output": d, "ffn_up": 4 * d} {
		add("blk.0."+name+".weight", out, d)
		add("blk.0."+name+".bias", out)
	}
	add("blk.0.ffn_down.weight", d, 4*d)
	add("blk.0.ffn_down.bias", d)
	for _, name := range []string{"blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"} {
		add(name+".weight", d)
		add(name+".bias", d)
	}
	if err := gguf.Write(path, meta, tensors); err != nil {
		t.Fatal(err)
	}
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	writeGGUF(t, filepath.Join(dir, "m.gguf"))
	writeGGUF(t, filepath.Join(dir, "experts.gguf"), gguf.KV{Key: "gpt2.expert_count", Value: uint32(4)})
	for _, c := range []struct {
		args string
		code int
		want string // what stands in the output
	}{
		{"import experts.gguf out", 1, "hone: convert: experts.gguf: gpt2.expert_count is 4: mixtures of experts are not supported"},
		{"import nothing.gguf out", 1, "nothing.gguf: "},
		{"import m.gguf out --dtype int8", 2, "--dtype"},
		{"import m.gguf", 2, "<dir>"},
		{"generate --model m.gguf --prompt abc", 1, "hone import m.gguf DIR"},
		{"import m.gguf out", 0, `model: "tiny", gpt2, `},
		{"generate --model out --prompt abc --max_new_tokens 2 --no-do_sample", 0, "abc"},
		{"import m.gguf out", 1, "out is not empty"},
		{"import m.gguf out --force --dtype bfloat16", 0, "weights: F32 (10 tensors), Q8_0 (6); written as bfloat16"},
		{"--quiet import m.gguf other", 0, ""},
	} {
		out, err := honeProcess(t, dir, strings.Fields(c.args)...).CombinedOutput()
		code := 0
		if exit, ok := err.(interface{ ExitCode() int }); ok {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("hone %s: exit code %d\n%s", c.args, code, out)
		}
		if c.want == "" && len(out) > 0 {
			t.Errorf("hone %s says, though quiet: %s", c.args, out)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("%v %v", fmt.Sprint(entries), err)
	}
}
