package hub

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPython shows that Python's huggingface_hub and this package find each other's downloads. It needs an
// interpreter that has huggingface_hub, named by HONE_PYTHON.
func TestPython(t *testing.T) {
	python := os.Getenv("HONE_PYTHON")
	if python == "" {
		t.Skip("HONE_PYTHON names no interpreter with huggingface_hub")
	}
	h := newFakeHub(t)
	h.pageSize = 3
	h.add(Model, "org/tiny", "main", tiny)
	h.add(Dataset, "org/data", "main", map[string]string{"README.md": "x", "data/train.parquet": "rows"})
	model, data := Repo{ID: "org/tiny"}, Repo{Kind: Dataset, ID: "org/data"}
	run := func(action, cache string) []string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), python, "testdata/interop.py", action, model.ID, data.ID)
		cmd.Env = append(os.Environ(), "HF_HOME="+t.TempDir(), "HF_HUB_CACHE="+cache, "HF_ENDPOINT="+h.hub.URL, "NO_PROXY=127.0.0.1", "HF_HUB_OFFLINE=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", action, err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return lines[max(0, len(lines)-2):]
	}
	check := func(what string, c *Client, python []string) {
		t.Helper()
		if dir := snapshot(t, c, model, nil); dir != python[0] {
			t.Errorf("%s: %s and %s", what, dir, python[0])
		}
		if dir := snapshot(t, c, data, nil); dir != python[1] {
			t.Errorf("%s: %s and %s", what, dir, python[1])
		}
		for path, content := range tiny {
			if read(t, python[0], path) != content {
				t.Errorf("%s: %s differs", what, path)
			}
		}
	}

	c, _ := h.client(t) // ours first, Python finds it
	snapshot(t, c, model, nil)
	snapshot(t, c, data, nil)
	before := h.count("")
	check("Python offline", &Client{Cache: c.Cache, Offline: true}, run("find", c.Cache))
	if h.count("") != before {
		t.Errorf("requests %v", h.requests[before:])
	}
	gets := h.count("cdn GET")
	check("Python online", &Client{Cache: c.Cache, Offline: true}, run("download", c.Cache))
	if h.count("cdn GET") != gets {
		t.Error("Python fetched again what hone had")
	}

	theirs := t.TempDir() // Python first, we find it
	dirs := run("download", theirs)
	before = h.count("")
	check("hone offline", &Client{Cache: theirs, Offline: true}, dirs)
	if h.count("") != before {
		t.Errorf("requests %v", h.requests[before:])
	}
	online, _ := h.client(t)
	online.Cache = theirs
	gets = h.count("cdn GET")
	check("hone online", online, dirs)
	if h.count("cdn GET") != gets {
		t.Error("hone fetched again what Python had")
	}
}

// TestPythonLock shows that the two wait for each other's locks.
func TestPythonLock(t *testing.T) {
	python := os.Getenv("HONE_PYTHON")
	if python == "" {
		t.Skip("HONE_PYTHON names no interpreter with huggingface_hub")
	}
	path := filepath.Join(t.TempDir(), "etag.lock")
	cmd := exec.CommandContext(t.Context(), python, "testdata/interop.py", "lock", path)
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	unlock, err := lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	held := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		held <- strings.TrimSpace(line)
	}()
	select {
	case line := <-held:
		t.Fatalf("Python says %q of a lock that hone holds", line)
	case <-time.After(time.Second):
	}
	unlock()
	if line := <-held; line != "held" {
		t.Fatalf("Python says %q", line)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hone has a lock that Python holds: %v", err)
	}
	in.Close()
	if unlock, err = lock(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
