package export_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/convert"
	"github.com/hone-ml/hone/export"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

func ExampleGGUF() {
	tok, err := tokenizer.Load("../tokenizer/testdata/smollm2")
	if err != nil {
		log.Fatal(err)
	}
	config, err := model.ParseConfig([]byte(`{"model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
		"num_attention_heads": 2, "max_position_embeddings": 64, "vocab_size": 400}`))
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	mix, err := convert.ParseMix("f32")
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "tiny.gguf")
	src := &export.Source{Model: m, Tokenizer: tok, Name: "tiny"}
	report, err := export.GGUF(context.Background(), path, src, mix, export.Options{Device: compute.Ref{}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Logits, report.Text == report.Want)
	// Output: 0 true
}
