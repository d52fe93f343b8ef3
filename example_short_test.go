package hone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/train"
)

// tinyGPT2 is the config.json of a model that trains in a blink.
const tinyGPT2 = `{"model_type": "gpt2", "vocab_size": 421, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2}`

// folder makes a folder with files of these names and contents.
func folder(files map[string]string) (dir string) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	return dir
}

// The whole job in a few lines: what `hone train` does. With Model: "gpt2" and Dataset: "rotten_tomatoes" in place of
// the files it is the well-known tutorial.
func ExampleFineTune() {
	ctx := context.Background()
	dir := folder(map[string]string{"config.json": tinyGPT2, "reviews.jsonl": reviews})
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "out")

	job := hone.FineTune{
		FromScratch: filepath.Join(dir, "config.json"),
		Tokenizer:   "tokenizer/testdata/gpt2",
		Dataset:     filepath.Join(dir, "reviews.jsonl"),
		Columns:     hone.Columns{Labels: []string{"neg", "pos"}},
		TestSize:    0.25,
		Args:        train.Defaults(),
	}
	job.OutputDir = out
	job.NumTrainEpochs = 30
	job.LearningRate = 5e-3
	outcome, err := job.Run(ctx, hone.Watch{})
	if err != nil {
		log.Fatal(err)
	}
	accuracy, _, _ := outcome.Report.Accuracy()
	fmt.Println("trained", outcome.State.GlobalStep, "steps; better than guessing:", accuracy > 0.5)

	// The folder is all that is needed later.
	classifier, err := hone.OpenClassifier(out, hone.Device(0), collate.Verbalizer{})
	if err != nil {
		log.Fatal(err)
	}
	answers, err := classifier.Predict(ctx, "a warm and witty film")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answers[0][0].Label)

	// Output:
	// trained 90 steps; better than guessing: true
	// pos
}

// A language model learns a text and goes on with it: transformers' text-generation pipeline.
func ExampleOpenPipeline() {
	ctx := context.Background()
	dir := folder(map[string]string{"config.json": tinyGPT2, "rhyme.txt": "the sun was on the hill and all the world was still\n"})
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "out")

	job := hone.FineTune{
		FromScratch: filepath.Join(dir, "config.json"),
		Tokenizer:   "tokenizer/testdata/gpt2",
		Dataset:     filepath.Join(dir, "rhyme.txt"),
		Args:        train.Defaults(),
	}
	job.OutputDir = out
	job.MaxSteps = 60
	job.LearningRate = 1e-2
	if _, err := job.Run(ctx, hone.Watch{}); err != nil {
		log.Fatal(err)
	}

	pipe, err := hone.OpenPipeline(out, hone.Device(0))
	if err != nil {
		log.Fatal(err)
	}
	greedy := generate.Config{DoSample: new(false), MaxNewTokens: new(40)}
	answers, err := pipe.Text(ctx, "the sun", generate.Options{Config: greedy})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answers[0].Text)

	// Output:
	// the sun was on the hill and all the world was still
}
