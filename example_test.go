package hone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
	"github.com/hone-ml/hone/train"
)

// reviews are the training data of this page. In earnest it is a name on the Hub, such as rotten_tomatoes, or a file
// of yours; hone.LoadDataset takes both.
const reviews = `{"text": "a warm film", "label": 1}
{"text": "a dull film", "label": 0}
{"text": "a witty story", "label": 1}
{"text": "a clumsy story", "label": 0}
{"text": "what a joy", "label": 1}
{"text": "what a bore", "label": 0}
{"text": "a warm and witty hour", "label": 1}
{"text": "a dull and clumsy hour", "label": 0}
{"text": "the songs are a joy", "label": 1}
{"text": "the songs are a bore", "label": 0}
{"text": "witty songs", "label": 1}
{"text": "clumsy songs", "label": 0}
{"text": "warm work from all", "label": 1}
{"text": "dull work from all", "label": 0}
{"text": "the story is a joy", "label": 1}
{"text": "the story is a bore", "label": 0}
{"text": "a witty joy", "label": 1}
{"text": "a clumsy bore", "label": 0}
{"text": "the ending is warm", "label": 1}
{"text": "the ending is dull", "label": 0}
{"text": "a warm story", "label": 1}
{"text": "a dull story", "label": 0}
{"text": "the film is witty", "label": 1}
{"text": "the film is clumsy", "label": 0}
`

// The well-known tutorial, a language model that learns to tell good reviews from bad ones, step by step: data set,
// tokenizer, model, label words, arguments, training, prediction. hone.FineTune does all of it at once.
//
// The model is a tiny one with random weights, so that the example needs no download. To start from GPT-2, take
// tokenizer and model from the folder that hone.ModelDir(ctx, hub, "gpt2", "") returns.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "tutorial")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	// The data set. Infer tells which column is what; here we only name the classes.
	file := filepath.Join(dir, "reviews.jsonl")
	if err := os.WriteFile(file, []byte(reviews), 0o666); err != nil {
		log.Fatal(err)
	}
	data, err := dataset.Load(file, dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	task, err := dataset.Infer(data, dataset.Task{Names: []string{"neg", "pos"}})
	if err != nil {
		log.Fatal(err)
	}
	rows := data.Split("train")
	fmt.Printf("%d rows, %s from %q and %q\n", rows.Len(), task.Kind, task.Text, task.Label)

	// The tokenizer, from any folder with a tokenizer.json.
	tok, err := tokenizer.Load("tokenizer/testdata/gpt2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q is %v\n", "a warm film", tok.Append(nil, "a warm film"))

	// The model: GPT-2's architecture, two layers of width 32. model.Load reads a trained one.
	config, err := model.ParseConfig([]byte(`{"model_type": "gpt2", "vocab_size": 421, "n_positions": 64,
		"n_embd": 32, "n_layer": 2, "n_head": 2}`))
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(config, 42)
	if err != nil {
		log.Fatal(err)
	}

	// Label words: text and class become one text, in which the model learns to say the last word.
	verbalizer, err := collate.NewVerbalizer(tok, collate.Verbalizer{
		Template:   "{text}{eos}{label}",
		Labels:     task.Names,
		LabelWords: []string{"bad", "good"},
		MaxLength:  32,
	})
	if err != nil {
		log.Fatal(err)
	}
	examples, _, err := verbalizer.Classify(rows, task)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tok.Decode(examples[0].IDs, false))

	// The arguments have the names and defaults of transformers' TrainingArguments.
	args := train.Defaults()
	args.OutputDir = filepath.Join(dir, "out")
	args.NumTrainEpochs = 40
	args.LearningRate = 5e-3

	// Training. The output folder has the checkpoints, the history of the losses, and in the end the model.
	trainer := train.Trainer{Model: m, Args: args, Device: hone.Device(0), Train: examples}
	state, err := trainer.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("trained", state.GlobalStep, "steps")

	// Prediction: classes with their probabilities, the likeliest first.
	classifier := hone.NewClassifier(m, verbalizer, hone.Device(0))
	answers, err := classifier.Predict(ctx, "the songs are warm", "the songs are dull")
	if err != nil {
		log.Fatal(err)
	}
	for _, scores := range answers {
		fmt.Printf("%s, surely: %v\n", scores[0].Label, scores[0].Score > 0.8)
	}

	// Output:
	// 24 rows, classification from "text" and "label"
	// "a warm film" is [64 260 367 76 285 72 75 76]
	// a warm film<|endoftext|>good
	// trained 120 steps
	// pos, surely: true
	// neg, surely: true
}
