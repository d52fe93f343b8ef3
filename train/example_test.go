package train_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute/cpu"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/train"
)

// A tiny model learns to count.
func Example() {
	config, err := model.ParseConfig([]byte(`{"model_type": "llama", "vocab_size": 16, "hidden_size": 32, "intermediate_size": 64,
		"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16}`))
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err != nil {
		log.Fatal(err)
	}
	var examples []collate.Example
	for start := range int32(8) {
		ids := []int32{start, start + 1, start + 2, start + 3}
		examples = append(examples, collate.Example{IDs: ids, Labels: ids})
	}
	dir, err := os.MkdirTemp("", "counting")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	args := train.Defaults()
	args.OutputDir = dir
	args.PerDeviceTrainBatchSize = 4
	args.NumTrainEpochs = 20
	args.LearningRate = 1e-2
	args.LoggingSteps = 20

	t := train.Trainer{Model: m, Args: args, Device: cpu.New(0), Train: examples, Hooks: []train.Hooks{{
		Log: func(row train.Row) error {
			if loss, ok := row["loss"]; ok {
				fmt.Printf("step %v: loss below 1: %v, learning_rate %.4f\n", row["step"], loss < 1, row["learning_rate"])
			}
			return nil
		},
		Save: func(dir string, step int) error { fmt.Println("saved step", step); return nil },
	}}}
	if _, err := t.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// step 20: loss below 1: false, learning_rate 0.0053
	// step 40: loss below 1: true, learning_rate 0.0003
	// saved step 40
}
