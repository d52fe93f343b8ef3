package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var tiny = map[string]string{
	"config.json":         `{"model_type":"gpt2"}`,
	"model.safetensors":   strings.Repeat("weights ", 50_000),
	"pytorch_model.bin":   "pickle",
	"tokenizer.json":      "{}",
	"README.md":           "# card",
	"onnx/model.onnx":     "onnx",
	"empty.txt":           "",
	"a folder/with # %.x": "odd name",
}

func read(t testing.TB, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func snapshot(t testing.TB, c *Client, repo Repo, choose Choice) string {
	t.Helper()
	dir, err := c.Snapshot(t.Context(), repo, choose)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// wantError fails unless err is of kind and its text has all the parts.
func wantError(t testing.TB, err, kind error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %q is not %q", err, kind)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if n := strings.Count(err.Error(), "hub:"); n != 1 {
		t.Errorf("error %q says hub: %d times", err, n)
	}
}

// files lists what is below dir, slash-separated.
func files(t testing.TB, dir string) (list []string) {
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	return list
}

// The cache's layout, in every detail that Python's huggingface_hub relies on.
func TestSnapshotLayout(t *testing.T) {
	h := newFakeHub(t)
	commit := h.add(Model, "org/tiny", "main", tiny)
	c, _ := h.client(t)
	dir := snapshot(t, c, Repo{ID: "org/tiny"}, nil)
	root := filepath.Join(c.Cache, "models--org--tiny")
	if dir != filepath.Join(root, "snapshots", commit) {
		t.Errorf("folder %s", dir)
	}
	for path, content := range tiny {
		if got := read(t, dir, path); got != content {
			t.Errorf("%s: %d bytes, want %d", path, len(got), len(content))
		}
		etag := gitHash([]byte(content))
		if large(path) {
			etag = sha([]byte(content))
		}
		if read(t, root, "blobs", etag) != content {
			t.Errorf("%s: blob differs", path)
		}
		link, err := os.Readlink(filepath.Join(dir, path))
		if runtime.GOOS == "windows" {
			continue
		}
		if want := strings.Repeat("../", 2+strings.Count(path, "/")) + "blobs/" + etag; err != nil || link != want {
			t.Errorf("%s: link %q (%v), want %q", path, link, err, want)
		}
	}
	if got := read(t, root, "refs", "main"); got != commit {
		t.Errorf("refs/main is %q", got)
	}
	if !strings.HasPrefix(read(t, c.Cache, "CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55") {
		t.Error("CACHEDIR.TAG has another signature")
	}
	if !isFile(filepath.Join(c.Cache, ".locks", "models--org--tiny", gitHash([]byte("{}"))+".lock")) {
		t.Error("no lock file")
	}
	for _, name := range files(t, c.Cache) {
		if strings.Contains(name, tempPrefix) || strings.Contains(name, ".incomplete") {
			t.Errorf("%s is left over", name)
		}
	}
	if len(h.leaks) > 0 {
		t.Errorf("the token went to another host: %v", h.leaks)
	}

	before := len(h.requests)
	if again := snapshot(t, c, Repo{ID: "org/tiny"}, nil); again != dir || len(h.requests) != before+1 {
		t.Errorf("second call: %s, requests %v; want the one for the revision", again, h.requests[before:])
	}
	snapshot(t, c, Repo{ID: "org/tiny", Revision: commit}, nil)
	if len(h.requests) != before+1 {
		t.Errorf("a complete commit was asked for: %v", h.requests[before+1:])
	}
}

func TestFile(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	c, _ := h.client(t)
	for _, path := range sortedKeys(tiny) {
		got, err := c.File(t.Context(), Repo{ID: "org/tiny"}, path)
		if err != nil {
			t.Fatal(err)
		}
		if read(t, got) != tiny[path] {
			t.Errorf("%s differs", path)
		}
	}
	// A new commit on main: the file that changed is fetched, the other is linked only.
	changed := map[string]string{"config.json": "new", "model.safetensors": tiny["model.safetensors"]}
	commit := h.add(Model, "org/tiny", "main", changed)
	gets := h.count("cdn GET")
	for path, want := range changed {
		got, err := c.File(t.Context(), Repo{ID: "org/tiny"}, path)
		if err != nil || read(t, got) != want || !strings.Contains(got, commit) {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	if h.count("cdn GET") != gets {
		t.Error("content that the cache has was fetched again")
	}
}

// gpt2 is openai-community/gpt2 nowadays: the cache keeps the name that was asked for, as Python's does.
func TestRename(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "new-org/tiny", "main", tiny)
	h.renames["old"] = "new-org/tiny"
	c, _ := h.client(t)
	dir := snapshot(t, c, Repo{ID: "old"}, ModelFiles)
	if !strings.Contains(dir, "models--old") || read(t, dir, "model.safetensors") != tiny["model.safetensors"] {
		t.Errorf("folder %s", dir)
	}
	if _, err := c.File(t.Context(), Repo{ID: "old"}, "README.md"); err != nil {
		t.Error(err)
	}
}

func TestOffline(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	c, _ := h.client(t)
	repo := Repo{ID: "org/tiny"}
	dir := snapshot(t, c, repo, ModelFiles)
	_, err := c.File(t.Context(), repo, "no-such.json")
	wantError(t, err, ErrNotFound, "no-such.json", "org/tiny")

	off := &Client{Endpoint: h.hub.URL, Cache: c.Cache, Offline: true}
	before := len(h.requests)
	if got := snapshot(t, off, repo, ModelFiles); got != dir {
		t.Errorf("offline: %s", got)
	}
	if got, err := off.File(t.Context(), repo, "config.json"); err != nil || read(t, got) != tiny["config.json"] {
		t.Errorf("offline: %s, %v", got, err)
	}
	_, err = off.File(t.Context(), repo, "no-such.json")
	wantError(t, err, ErrNotFound, "no-such.json")
	_, err = off.File(t.Context(), repo, "README.md")
	wantError(t, err, ErrOffline, "README.md", "hone pull org/tiny")
	_, err = off.Snapshot(t.Context(), repo, nil)
	wantError(t, err, ErrOffline, "lacks", "README.md", "hone pull org/tiny")
	_, err = off.Snapshot(t.Context(), Repo{ID: "org/other"}, nil)
	wantError(t, err, ErrOffline, "model org/other", "hone pull org/other")
	_, err = off.Info(t.Context(), Repo{ID: "org/tiny", Revision: "v2"})
	wantError(t, err, ErrOffline, "at v2")
	if len(h.requests) != before {
		t.Errorf("offline requests: %v", h.requests[before:])
	}

	// Without a list of files, as old versions of Python leave it, what is there has to do.
	os.RemoveAll(filepath.Join(c.Cache, "models--org--tiny", "trees"))
	if got := snapshot(t, off, repo, ModelFiles); got != dir {
		t.Errorf("offline without list: %s", got)
	}
	_, err = off.Snapshot(t.Context(), repo, Match("*.gguf"))
	wantError(t, err, ErrNotFound, "in the cache", "config.json")
}

// A Hub that can't be reached, fails, or refuses: the cache answers, except when the Hub says that there is no
// such revision.
func TestFallback(t *testing.T) {
	for name, status := range map[string]int{"down": 0, "503": 503, "429": 429, "401": 401} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t)
			h.add(Model, "org/tiny", "main", tiny)
			c, waits := h.client(t)
			repo := Repo{ID: "org/tiny"}
			dir := snapshot(t, c, repo, ModelFiles)
			if status == 0 {
				h.hub.Close()
			}
			all := func(string, *http.Request) bool { return true }
			h.setFault(always, all, func(w http.ResponseWriter, r *http.Request) { refuse(w, status, "", "") })
			if got := snapshot(t, c, repo, ModelFiles); got != dir {
				t.Errorf("folder %s", got)
			}
			if got, err := c.File(t.Context(), repo, "config.json"); err != nil || read(t, got) != tiny["config.json"] {
				t.Errorf("%s, %v", got, err)
			}
			if len(*waits) > 0 {
				t.Errorf("waited %v with an answer at hand", *waits)
			}
			_, err := c.File(t.Context(), repo, "README.md")
			if kind := map[int]error{401: ErrNotFound}[status]; kind != nil {
				wantError(t, err, kind)
			} else {
				wantError(t, err, ErrUnavailable, "README.md", "org/tiny")
			}
		})
	}
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "v1", tiny)
	c, _ := h.client(t)
	snapshot(t, c, Repo{ID: "org/tiny", Revision: "v1"}, ModelFiles)
	delete(h.repos["models/org/tiny"].refs, "v1")
	_, err := c.Snapshot(t.Context(), Repo{ID: "org/tiny", Revision: "v1"}, ModelFiles)
	wantError(t, err, ErrNotFound, "v1")
}

func TestPagedTree(t *testing.T) {
	h := newFakeHub(t)
	many := map[string]string{}
	for i := range 25 {
		many[fmt.Sprintf("data/%02d.parquet", i)] = fmt.Sprint(i)
	}
	h.add(Dataset, "org/data", "main", many)
	h.pageSize = 10
	c, _ := h.client(t)
	repo := Repo{Kind: Dataset, ID: "org/data"}
	info, err := c.Info(t.Context(), repo)
	if err != nil || len(info.Files) != 25 || h.count("hub GET /api/datasets/org/data/tree/") != 3 {
		t.Fatalf("%d files by %v, %v", len(info.Files), h.requests, err)
	}
	if f := info.Files[24]; f.Path != "data/24.parquet" || f.Size != 2 {
		t.Errorf("%+v", f)
	}
	// The list is kept: another client learns it without asking for it.
	other, _ := h.client(t)
	other.Cache = c.Cache
	if info, err := other.Info(t.Context(), repo); err != nil || len(info.Files) != 25 || h.count("hub GET /api/datasets/org/data/tree/") != 3 {
		t.Errorf("%d files by %v, %v", len(info.Files), h.requests, err)
	}
}

// Mirrors that have no /tree: names come from the description, the rest from each file's headers.
func TestNoTree(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	isTree := func(host string, r *http.Request) bool { return strings.Contains(r.URL.Path, "/tree/") }
	h.setFault(always, isTree, func(w http.ResponseWriter, r *http.Request) { refuse(w, 404, "", "") })
	c, _ := h.client(t)
	dir := snapshot(t, c, Repo{ID: "org/tiny"}, nil)
	for path, content := range tiny {
		if read(t, dir, path) != content {
			t.Errorf("%s differs", path)
		}
	}
}

// Many clients, as in many processes, on one cache: every one gets it whole, the content travels once.
func TestConcurrentClients(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	cache := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c, _ := h.client(t)
			c.Cache = cache
			dir, err := c.Snapshot(context.Background(), Repo{ID: "org/tiny"}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for path, content := range tiny {
				if data, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(data) != content {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
	wg.Wait()
	if n := h.count("cdn GET"); n != 2 {
		t.Errorf("%d downloads of 2 large files", n)
	}
}

func TestProgress(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	c, _ := h.client(t)
	totals, done, inside := map[string]int64{}, map[string]int64{}, false
	c.Progress = func(p Progress) { // unguarded on purpose: calls must not overlap
		if inside {
			t.Error("calls overlap")
		}
		inside = true
		if _, known := totals[p.File]; !known && p.Done != 0 {
			t.Errorf("%s begins at %d", p.File, p.Done)
		}
		if p.Repo != (Repo{Model, "org/tiny", "main"}) {
			t.Errorf("repo %+v", p.Repo)
		}
		totals[p.File], done[p.File] = p.Total, p.Done
		inside = false
	}
	snapshot(t, c, Repo{ID: "org/tiny"}, nil)
	for path, content := range tiny {
		if n := int64(len(content)); totals[path] != n || done[path] != n {
			t.Errorf("%s: %d of %d, want %d", path, done[path], totals[path], n)
		}
	}
	clear(totals)
	snapshot(t, c, Repo{ID: "org/tiny"}, nil)
	if len(totals) > 0 {
		t.Errorf("cached files are reported: %v", totals)
	}
}
