package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/tokenizer"
)

// TestRecipes runs every recipe for two steps, with a tiny model and a few rows in place of what it names; all other
// settings are its own.
func TestRecipes(t *testing.T) {
	folder, err := filepath.Abs(filepath.Join("..", "..", "recipes"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"news.jsonl":       `{"text": "shares fell again", "label": 2}` + "\n" + `{"text": "a late goal", "label": 1}` + "\n",
		"texts/corpus.txt": "the sun was on the hill\nand the sea was far below\nnobody came\n",
		"labelled.jsonl":   `{"text": "a delight", "label": 1}` + "\n" + `{"text": "dull", "label": 0}` + "\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat(text, 15)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyFolder(filepath.Join(dir, "recipes"), folder); err != nil {
		t.Fatal(err)
	}
	// What stands in for what a recipe names.
	substitutes := map[string][]string{
		"tutorial":               {"--model", "base", "--dataset", "reviews"},
		"smollm2-classification": {"--model", "base", "--dataset", "reviews"},
		"multi-class":            {"--model", "base", "--dataset", "news.jsonl", "--test_size", "0.2", "--max_train_samples", "20"},
		"lora":                   {"--model", "base", "--dataset", "reviews"},
		"continued-pretraining":  {"--model", "base", "--max_length", "128"},
		"prompt-completion":      {"--model", "base"},
		"chat":                   {"--model", "base"},
		"pretraining":            {"--tokenizer", "tok", "--test_size", "0.1"},
		"sweep":                  {"--model", "base", "--dataset", "reviews"},
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) != len(substitutes) {
		t.Errorf("%d recipes, %d with substitutes, %v", len(files), len(substitutes), err)
	}
	t.Chdir(dir)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"\n# what for:  ", "\n# data:      ", "\n# expected:  ", "\n# measured:  ", "--config recipes/" + name + ".yaml"} {
				if !strings.Contains(string(text), part) {
					t.Errorf("it lacks %q", part)
				}
			}
			for _, readme := range []string{"README.md", "README.zh-CN.md"} {
				if text, err := os.ReadFile(filepath.Join(folder, readme)); err != nil || strings.Count(string(text), "]("+name+".yaml)") != 1 {
					t.Errorf("%s doesn't list it: %v", readme, err)
				}
			}
			command := "train"
			if name == "sweep" {
				command = "sweep"
			}
			args := append([]string{"--offline", "-q", command, "--config", "recipes/" + name + ".yaml", "--max_steps", "2"}, substitutes[name]...)
			var stderr strings.Builder
			if code := run(context.Background(), args, strings.NewReader(""), io.Discard, &stderr); code != 0 {
				t.Fatalf("hone %s: exit code %d\n%s", strings.Join(args, " "), code, stderr.String())
			}
		})
	}
	if _, err := tokenizer.Load(filepath.Join("out", "scratch")); err != nil {
		t.Error(err)
	}
}
