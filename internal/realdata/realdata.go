// Package realdata finds the real inputs that stand beside a development checkout, in ../shared/data.
// A fresh clone has none: tests that want them skip and say so.
package realdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns the path of name (slash-separated, below shared/data) or skips the test.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("realdata: no go.mod above the test's folder")
		}
		dir = parent
	}
	path := filepath.Join(dir, "..", "shared", "data", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("realdata: needs ../shared/data/%s, which is not part of the project", name)
	}
	return path
}
