package dataset

import (
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone/internal/realdata"
)

func BenchmarkLoadIMDb(b *testing.B) {
	dir := filepath.Dir(realdata.Path(b, "imdb/train.jsonl.zst"))
	for b.Loop() {
		if _, err := Load(dir, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckIMDb(b *testing.B) {
	d, err := Load(filepath.Dir(realdata.Path(b, "imdb/train.jsonl.zst")), Options{})
	if err != nil {
		b.Fatal(err)
	}
	task, err := Infer(d, Task{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Check(d, task, CheckOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
