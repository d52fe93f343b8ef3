//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A sweep that is interrupted in its second run goes on from there and ends with the models of one that was not.
func TestSweepGoesOn(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	args := func(out string) []string {
		return []string{"sweep", "--model", "base", "--dataset", "reviews", "--output_dir", out, "--learning_rate", "1e-3,2e-3", "--max_steps", "60", "--keep_all"}
	}
	c := honeProcess(t, dir, args("cut")...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if last = lines.Text(); strings.HasPrefix(last, "run 1 of 2: ") {
			if err := c.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	if c.Wait(); c.ProcessState.ExitCode() != 130 || !strings.HasPrefix(last, "hone: interrupted in run 2 of 2") || !strings.HasSuffix(last, "the same command goes on from there") {
		t.Fatalf("exit code %d: %s", c.ProcessState.ExitCode(), last)
	}
	for _, out := range []string{"cut", "whole"} {
		said, err := honeProcess(t, dir, args(out)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if again := bytes.Contains(said, []byte("run 1 of 2: ")); again != (out == "whole") {
			t.Errorf("%s: the first run was done: %v\n%s", out, again, said)
		}
	}
	for _, run := range []string{"run-001", "run-002"} {
		if !bytes.Equal(weightsOf(t, dir, filepath.Join("cut", run)), weightsOf(t, dir, filepath.Join("whole", run))) {
			t.Errorf("%s ends with other weights", run)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "cut", run, "checkpoint-*")); left != nil {
			t.Errorf("checkpoints are left: %v", left)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "cut", "sweep.json")); err != nil {
		t.Error(err)
	}
}
