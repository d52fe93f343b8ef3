package gguf_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/gguf"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.gguf")

	weights := make([]float32, 2*32)
	for i := range weights {
		weights[i] = float32(i%32) - 16
	}
	err = gguf.Write(path, []gguf.KV{
		{"general.architecture", "llama"},
		{"general.quantization_version", uint32(2)},
		{"llama.block_count", uint32(1)},
		{"tokenizer.ggml.tokens", []string{"<s>", "a", "b"}},
	}, []gguf.Tensor{
		gguf.Float32("output_norm.weight", gguf.F32, []int{2}, []float32{1, 1.5}),
		gguf.Float32("blk.0.attn_q.weight", gguf.Q8_0, []int{2, 32}, weights),
	})
	if err != nil {
		log.Fatal(err)
	}

	f, err := gguf.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	layers, err := f.Uint("llama.block_count")
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(layers, tokens)
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		fmt.Println(name, info.Type, info.Shape, info.Size)
	}
	row := make([]float32, 32)
	if err := f.ReadFloat32Rows(row, "blk.0.attn_q.weight", 1, 2); err != nil {
		log.Fatal(err)
	}
	fmt.Println(row[:4])
	_, err = f.Bool("tokenizer.ggml.add_bos_token")
	fmt.Println(err != nil)
	// Output:
	// 1 [<s> a b]
	// output_norm.weight F32 [2] 8
	// blk.0.attn_q.weight Q8_0 [2 32] 68
	// [-15.999023 -14.991211 -13.983398 -12.975586]
	// true
}
