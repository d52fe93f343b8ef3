package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/hone-ml/hone/model"
)

// peak returns the most memory that a process has had, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Skip("this system doesn't tell the peak of a process's memory")
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// A server with --dtype int8 never holds the weights in float32, not even while it loads them.
func TestServeInt8NeedsLittleMemory(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	config, err := model.ParseConfig([]byte(`{"model_type": "gpt2", "vocab_size": 421, "n_positions": 128, "n_embd": 512, "n_layer": 8, "n_head": 8, "bos_token_id": 420, "eos_token_id": 420}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(config, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(filepath.Join(dir, "base")); err != nil {
		t.Fatal(err)
	}
	empty := startServer(t, dir)
	before := peak(t, empty.cmd.Process.Pid)
	empty.stop(t)
	weights := m.WeightBytes()
	p := startServer(t, dir, "--model", "base", "--dtype", "int8")
	took := peak(t, p.cmd.Process.Pid) - before
	t.Logf("%d MiB of weights in float32; the server's peak grew by %d MiB", weights>>20, took>>20)
	if took > weights*6/10 {
		t.Errorf("a model of %d MiB in float32 took %d MiB to load in 8 bits", weights>>20, took>>20)
	}
}
