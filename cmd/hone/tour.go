package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/starter"
)

// toured are texts that hone train without arguments asks its model about, in neither split of the data.
var toured = []string{
	"A warm, funny film that I would happily watch again tomorrow.",
	"Two hours of noise, and not one character to care about.",
	"I expected very little and came out grinning.",
	"It should have been a thriller, but nothing in it is thrilling.",
}

// named tells which flags stand on the command line or in the configuration.
func named(k *kong.Context) map[string]bool {
	set := map[string]bool{}
	for _, p := range k.Path {
		if p.Flag != nil {
			set[p.Flag.Name] = true
		}
	}
	return set
}

// tour reports whether neither model nor data were asked for, and then chooses those that the program carries, with
// settings that suit them: a first run that needs no network and takes about a minute. What was given stays.
func (c *trainCommand) tour(set map[string]bool) bool {
	if c.Model != "" || c.FromScratch != "" || c.Dataset != "" || c.Tokenizer != "" {
		return false
	}
	c.Model, c.Dataset = starter.Name, starter.Name
	for name, choose := range map[string]func(){
		"output_dir":                  func() { c.OutputDir = "my-first-model" },
		"eval_split":                  func() { c.EvalSplit = "test" }, // nothing is chosen by it
		"eval_on_start":               func() { c.EvalOnStart = true },
		"num_train_epochs":            func() { c.NumTrainEpochs = 3 },
		"per_device_train_batch_size": func() { c.PerDeviceTrainBatchSize = 16 },
		"per_device_eval_batch_size":  func() { c.PerDeviceEvalBatchSize = 32 },
		"learning_rate":               func() { c.LearningRate = starter.LearningRate },
		"warmup_steps":                func() { c.WarmupSteps = 0.1 },
		"save_strategy":               func() { c.SaveStrategy = "no" },
	} {
		if !set[name] {
			choose()
		}
	}
	return true
}

// welcome tells newcomers what they are going to see.
func welcome(s *screen) {
	s.line("No model and no data set were given, so this run shows what hone does, with a small language model and")
	s.line("a set of film reviews that it brings along. It needs no network and takes less than a minute:")
	s.line("  1. ask the model as it is whether test reviews are good or bad (it has never been asked like that);")
	s.line("  2. train it on the training reviews;")
	s.line("  3. ask about the same test reviews again, and about a few sentences it has never seen.")
	s.line("")
}

// farewell tries the new model, from its folder as anybody would, and says what to do next.
func (c *trainCommand) farewell(a *app, s *screen, dir string) error {
	dir = filepath.Clean(dir)
	m, err := hone.OpenClassifier(dir, hone.Device(a.flags.Threads), collate.Verbalizer{})
	if err != nil {
		return err
	}
	all, err := m.Predict(a.ctx, toured...)
	if err != nil {
		return err
	}
	s.line("\nwhat it says about sentences of no data set:")
	for i, scores := range all {
		s.line("  %-4s %s %3.0f%%  %s", scores[0].Label, bar(scores[0].Score, 10), 100*scores[0].Score, toured[i])
	}
	s.line("\nNow your own. Each line of a file is one text with its label, in JSON or CSV:")
	s.line("  {\"text\": \"the parcel never came\", \"label\": \"complaint\"}")
	s.line("  hone data check mine.jsonl                               look at it first")
	s.line("  hone train --model starter --dataset mine.jsonl          with the small model, at once")
	s.line("  hone train --model gpt2 --dataset mine.jsonl             with a better one (548 MB from the Hub)")
	s.line("  hone train --help                                        everything that can be set")
	return nil
}

// bar draws a share of 1 in n characters.
func bar(x float64, n int) string {
	full := min(n, max(0, int(x*float64(n)+0.5)))
	return strings.Repeat("█", full) + fmt.Sprintf("%-*s", n-full, "")
}
