package lora_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
)

const tiny = `{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
	"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64}`

// An adapter is attached to a model, trained (its Trainable goes into a train.Trainer), saved for PEFT, and merged
// into a whole model.
func Example() {
	config, err := model.ParseConfig([]byte(tiny))
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err != nil {
		log.Fatal(err)
	}
	c := lora.Defaults()
	c.R, c.Alpha, c.BaseModel = 4, 8, "someone/tiny"
	a, err := lora.Attach(m, c, 42)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("targets:", a.Config.TargetModules)
	fmt.Println("trained:", a.NumParams(), "of", m.NumParams())

	dir, err := os.MkdirTemp("", "adapter")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := a.Save(dir); err != nil {
		log.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	if err := a.Merge(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("merged:", m.NumParams())
	// Output:
	// targets: q_proj, v_proj
	// trained: 448 of 6160
	// adapter_config.json
	// adapter_model.safetensors
	// merged: 5712
}

// Several adapters share one base model; one of them is active.
func ExampleSet() {
	config, err := model.ParseConfig([]byte(tiny))
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "adapter")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	a, err := lora.Attach(m, lora.Defaults(), 42)
	if err != nil {
		log.Fatal(err)
	}
	if err := a.Save(dir); err != nil {
		log.Fatal(err)
	}
	a.Disable()

	s := lora.NewSet(m)
	for _, name := range []string{"support", "sales"} {
		if err := s.Load(name, dir); err != nil {
			log.Fatal(err)
		}
	}
	if err := s.Use("sales"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Names(), s.Active())
	// Output: [sales support] sales
}
