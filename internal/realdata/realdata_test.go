package realdata

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPath(t *testing.T) {
	root := t.TempDir()
	want := filepath.Join(root, "shared", "data", "set", "train.jsonl")
	for _, dir := range []string{filepath.Dir(want), filepath.Join(root, "checkout", "deep", "below")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{want, filepath.Join(root, "checkout", "go.mod")} {
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	skips := func(name string) bool {
		skipped := false
		t.Run(name, func(t *testing.T) {
			defer func() { skipped = t.Skipped() }()
			Path(t, name)
		})
		return skipped
	}
	for _, from := range []string{"checkout", filepath.Join("checkout", "deep", "below")} {
		t.Chdir(filepath.Join(root, from))
		got := Path(t, "set/train.jsonl")
		a, err := os.Stat(got)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.Stat(want); err != nil || !os.SameFile(a, b) {
			t.Errorf("from %s: %s, expected %s", from, got, want)
		}
		if !skips("set/test.jsonl") {
			t.Errorf("from %s: a file that isn't there skips no test", from)
		}
	}
}
