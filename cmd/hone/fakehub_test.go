package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
)

// A fakeHub is a Hub on loopback that has the model gpt2, tiny, an adapter of it, someone/adapter, and the data set rotten_tomatoes, the rows of
// the reviews of testdata's work folder. How the real one behaves in all its moods is tested in package hub.
type fakeHub struct {
	*httptest.Server
	repos    map[string]map[string][]byte // "models/gpt2" to path to content
	requests atomic.Int64
}

const fakeCommit = "0123456789abcdef0123456789abcdef01234567"

func newFakeHub(t testing.TB) *fakeHub {
	t.Helper()
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	h := &fakeHub{repos: map[string]map[string][]byte{
		"models/gpt2":              readFolder(t, filepath.Join(dir, "base")),
		"models/someone/adapter":   newAdapter(t, filepath.Join(dir, "base")),
		"datasets/rotten_tomatoes": readFolder(t, filepath.Join(dir, "reviews")),
	}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

// newAdapter returns the files of an adapter of gpt2, which is the model in base.
func newAdapter(t testing.TB, base string) map[string][]byte {
	t.Helper()
	m, err := model.Load(base)
	if err != nil {
		t.Fatal(err)
	}
	c := lora.Defaults()
	c.BaseModel = "gpt2"
	a, err := lora.Attach(m, c, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	return readFolder(t, dir)
}

func readFolder(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files[path], err = os.ReadFile(filepath.Join(dir, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	path := strings.TrimPrefix(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(path, "api/"); ok {
		if repo, _, ok := strings.Cut(rest, "/revision/"); ok {
			h.info(w, repo)
		} else if repo, _, ok := strings.Cut(rest, "/tree/"); ok {
			h.tree(w, repo)
		} else {
			http.NotFound(w, r)
		}
		return
	}
	repo, rest, _ := strings.Cut(path, "/resolve/")
	_, file, _ := strings.Cut(rest, "/")
	if !strings.HasPrefix(repo, "datasets/") {
		repo = "models/" + repo
	}
	file, _ = url.PathUnescape(file)
	files := h.find(w, repo)
	if files == nil {
		return
	}
	w.Header().Set("X-Repo-Commit", fakeCommit)
	content, ok := files[file]
	if !ok {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("ETag", `"`+gitHash(content)+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// find returns a repo's files, or answers as the Hub does for a name that it doesn't know.
func (h *fakeHub) find(w http.ResponseWriter, repo string) map[string][]byte {
	files := h.repos[repo]
	if files == nil {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.Header().Set("X-Error-Message", "Repository not found")
		w.WriteHeader(http.StatusUnauthorized)
	}
	return files
}

func (h *fakeHub) info(w http.ResponseWriter, repo string) {
	files := h.find(w, repo)
	if files == nil {
		return
	}
	siblings := []map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		siblings = append(siblings, map[string]string{"rfilename": path})
	}
	_, id, _ := strings.Cut(repo, "/")
	json.NewEncoder(w).Encode(map[string]any{"id": id, "sha": fakeCommit, "siblings": siblings})
}

func (h *fakeHub) tree(w http.ResponseWriter, repo string) {
	files := h.find(w, repo)
	if files == nil {
		return
	}
	page := []map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		page = append(page, map[string]any{"type": "file", "path": path, "size": len(files[path]), "oid": gitHash(files[path])})
	}
	json.NewEncoder(w).Encode(page)
}

// gitHash is the id that git gives to a file.
func gitHash(content []byte) string {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}
