package convert_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/convert"
	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tiny.gguf")
	if err := writeTiny(path); err != nil {
		log.Fatal(err)
	}

	src, err := convert.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	fmt.Println(src.Config.ModelType, src.Config.NumParams(), src.Types, src.Dtype)
	fmt.Println(src.Tokenizer)
	out := filepath.Join(dir, "tiny")
	if err := src.Write(context.Background(), out, convert.Options{Dtype: src.Dtype}); err != nil {
		log.Fatal(err)
	}

	m, err := model.Load(out)
	if err != nil {
		log.Fatal(err)
	}
	tok, err := tokenizer.Load(out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.NumParams(), tok.Append(nil, "hi</s>"))
	// Output:
	// llama 7392 Q8_0 (8 tensors), F32 (3) F32
	// byte-level BPE (llama-bpe), 4 tokens
	// 7392 [3 0]
}

// writeTiny writes a Llama of one layer, of zeros.
func writeTiny(path string) error {
	const width, inner = 32, 32
	meta := []gguf.KV{{Key: "general.architecture", Value: "llama"}, {Key: "llama.block_count", Value: uint32(1)},
		{Key: "llama.context_length", Value: uint32(16)}, {Key: "llama.embedding_length", Value: uint32(width)},
		{Key: "llama.feed_forward_length", Value: uint32(inner)}, {Key: "llama.attention.head_count", Value: uint32(2)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)}, {Key: "tokenizer.ggml.model", Value: "gpt2"},
		{Key: "tokenizer.ggml.pre", Value: "llama-bpe"}, {Key: "tokenizer.ggml.tokens", Value: []string{"</s>", "h", "i", "hi"}},
		{Key: "tokenizer.ggml.merges", Value: []string{"h i"}}, {Key: "tokenizer.ggml.eos_token_id", Value: uint32(0)}}
	var tensors []gguf.Tensor
	add := func(name string, typ gguf.Type, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		tensors = append(tensors, gguf.Float32(name+".weight", typ, shape, make([]float32, n)))
	}
	add("token_embd", gguf.Q8_0, 4, width)
	add("output_norm", gguf.F32, width)
	for _, name := range []string{"attn_norm", "ffn_norm"} {
		add("blk.0."+name, gguf.F32, width)
	}
	for _, name := range []string{"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"} {
		add("blk.0."+name, gguf.Q8_0, width, width)
	}
	return gguf.Write(path, meta, tensors)
}
