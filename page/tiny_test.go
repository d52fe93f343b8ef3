package page

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone/model"
)

// Tiny makes a model with random weights, two layers and a small vocabulary, in Hugging Face layout.
func Tiny(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		b, err := os.ReadFile(filepath.Join("..", "tokenizer", "testdata", "gpt2", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := model.LoadConfig(filepath.Join("..", "cmd", "hone", "testdata", "work", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err == nil {
		err = m.Save(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
