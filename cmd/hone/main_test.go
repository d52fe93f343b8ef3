package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone/internal/browser"
	"github.com/hone-ml/hone/model"
)

// asHone, set in the environment, makes this test binary the command hone, for scripts and for tests that start
// processes.
const asHone = "HONE_TEST_AS_HONE"

func TestMain(m *testing.M) {
	if os.Getenv(asHone) != "" {
		main()
	}
	code := m.Run()
	browser.Quit()
	os.Exit(code)
}

// honeProcess is the command line `hone args…` as a process to start, in dir.
func honeProcess(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), asHone+"=1", "HF_HOME="+dir, "XDG_DATA_HOME="+dir, "HF_HUB_OFFLINE=1")
	return c
}

// workFolder fills dir with what tests work on: testdata/work, a tokenizer, tok, and a tiny model with random weights
// and that tokenizer, base.
func workFolder(dir string) error {
	tok := filepath.Join("..", "..", "tokenizer", "testdata", "gpt2")
	for _, c := range []struct{ from, to string }{{filepath.Join("testdata", "work"), dir}, {tok, filepath.Join(dir, "tok")}, {tok, filepath.Join(dir, "base")}} {
		if err := copyFolder(c.to, c.from); err != nil {
			return err
		}
	}
	config, err := model.LoadConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return err
	}
	m, err := model.New(config, 1)
	if err != nil {
		return err
	}
	return m.Save(filepath.Join(dir, "base"))
}

// copyFolder copies the files below from; those that are there stay.
func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() == "cases.json" {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(target, 0o777)
		}
		if _, err := os.Stat(target); err == nil {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o666)
	})
}
