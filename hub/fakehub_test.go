package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHub is a Hub on loopback: what it does is what huggingface.co does, plus the faults that a test asks for.
// Files that end in .safetensors, .parquet or .bin are "large": their content comes from a second host, the CDN.
type fakeHub struct {
	hub, cdn *httptest.Server
	pageSize int // files on a page of /tree

	mu       sync.Mutex
	repos    map[string]*fakeRepo // "models/org/name"
	renames  map[string]string    // old ID to new
	requests []string             // "hub GET /path", "cdn HEAD /path", in order
	ranges   []string             // Range headers of requests for content
	leaks    []string             // requests to the CDN that carried a token
	// fault may answer a request in the server's stead: host is "hub" or "cdn".
	fault func(host string, w http.ResponseWriter, r *http.Request) (answered bool)
}

type fakeRepo struct {
	refs    map[string]string            // revision to commit
	commits map[string]map[string][]byte // commit to path to content
}

func newFakeHub(t testing.TB) *fakeHub {
	h := &fakeHub{pageSize: 1000, repos: map[string]*fakeRepo{}, renames: map[string]string{}}
	h.hub = httptest.NewServer(h.handler("hub", h.serveHub))
	h.cdn = httptest.NewServer(h.handler("cdn", h.serveCDN))
	t.Cleanup(func() { h.hub.Close(); h.cdn.Close() })
	return h
}

// add puts files into a repo and lets revision name the commit, whose hash it returns.
func (h *fakeHub) add(kind Kind, id, revision string, files map[string]string) (commit string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := string(kind) + "s/" + id
	repo := h.repos[key]
	if repo == nil {
		repo = &fakeRepo{refs: map[string]string{}, commits: map[string]map[string][]byte{}}
		h.repos[key] = repo
	}
	sum := sha1.New()
	content := map[string][]byte{}
	for _, path := range sortedKeys(files) {
		content[path] = []byte(files[path])
		fmt.Fprintf(sum, "%s\x00%s\x00", path, files[path])
	}
	commit = hex.EncodeToString(sum.Sum(nil))
	repo.refs[revision] = commit
	repo.commits[commit] = content
	return commit
}

func (h *fakeHub) handler(host string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, host+" "+r.Method+" "+r.URL.RequestURI())
		if host == "cdn" && r.Header.Get("Authorization") != "" {
			h.leaks = append(h.leaks, r.URL.Path)
		}
		if v := r.Header.Get("Range"); v != "" && r.Method == "GET" {
			h.ranges = append(h.ranges, v)
		}
		fault := h.fault
		h.mu.Unlock()
		if fault == nil || !fault(host, w, r) {
			serve(w, r)
		}
	}
}

// count is how many requests so far begin with prefix.
func (h *fakeHub) count(prefix string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.WriteHeader(status)
}

func (h *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	for from, to := range h.renames {
		if strings.Contains("/"+path, "/"+from+"/") {
			w.Header().Set("Location", strings.Replace("/"+path, "/"+from+"/", "/"+to+"/", 1)+"?"+r.URL.RawQuery)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
	}
	if rest, ok := strings.CutPrefix(path, "api/"); ok {
		if key, rev, ok := strings.Cut(rest, "/revision/"); ok {
			h.serveRevision(w, key, rev)
		} else if key, rev, ok := strings.Cut(rest, "/tree/"); ok {
			h.serveTree(w, r, key, rev)
		} else {
			refuse(w, 404, "", "")
		}
		return
	}
	key, rest, ok := strings.Cut(path, "/resolve/")
	rev, file, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		refuse(w, 404, "", "")
		return
	}
	if !strings.HasPrefix(key, "datasets/") {
		key = "models/" + key
	}
	h.serveFile(w, r, key, rev, file)
}

// lookup finds a commit's files, or answers why not.
func (h *fakeHub) lookup(w http.ResponseWriter, key, rev string) (commit string, files map[string][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rev, _ = url.PathUnescape(rev)
	repo := h.repos[key]
	if repo == nil {
		refuse(w, 401, "RepoNotFound", "Repository not found")
		return "", nil
	}
	commit = rev
	if c := repo.refs[rev]; c != "" {
		commit = c
	}
	if repo.commits[commit] == nil {
		refuse(w, 404, "RevisionNotFound", "Invalid rev id: "+rev)
		return "", nil
	}
	return commit, repo.commits[commit]
}

func (h *fakeHub) serveRevision(w http.ResponseWriter, key, rev string) {
	commit, files := h.lookup(w, key, rev)
	if files == nil {
		return
	}
	type sibling struct {
		Name string `json:"rfilename"`
	}
	siblings := []sibling{}
	for _, path := range sortedKeys(files) {
		siblings = append(siblings, sibling{path})
	}
	_, id, _ := strings.Cut(key, "/")
	json.NewEncoder(w).Encode(map[string]any{"id": id, "sha": commit, "siblings": siblings, "private": false, "tags": []string{}, "downloads": 1, "likes": 0})
}

func (h *fakeHub) serveTree(w http.ResponseWriter, r *http.Request, key, rev string) {
	_, files := h.lookup(w, key, rev)
	if files == nil {
		return
	}
	page := []map[string]any{}
	paths := sortedKeys(files)
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(from+h.pageSize, len(paths))
	for _, path := range paths[from:to] {
		e := map[string]any{"type": "file", "oid": gitHash(files[path]), "size": len(files[path]), "path": path}
		if large(path) {
			e["oid"] = gitHash([]byte("pointer to " + path))
			e["lfs"] = map[string]any{"oid": sha(files[path]), "size": len(files[path]), "pointerSize": 134}
		}
		page = append(page, e)
	}
	if from == 0 {
		page = append(page, map[string]any{"type": "directory", "oid": gitHash(nil), "size": 0, "path": "folder"})
	}
	if to < len(paths) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=True&cursor=%d>; rel="next"`, h.hub.URL, r.URL.EscapedPath(), to))
	}
	json.NewEncoder(w).Encode(page)
}

func (h *fakeHub) serveFile(w http.ResponseWriter, r *http.Request, key, rev, file string) {
	commit, files := h.lookup(w, key, rev)
	if files == nil {
		return
	}
	file, _ = url.PathUnescape(file)
	content, ok := files[file]
	w.Header().Set("X-Repo-Commit", commit)
	if !ok {
		refuse(w, 404, "EntryNotFound", "Entry not found")
		return
	}
	if large(file) {
		w.Header().Set("X-Linked-Etag", `"`+sha(content)+`"`)
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(content)))
		w.Header().Set("ETag", `"something-else"`)
		w.Header().Set("Location", h.cdn.URL+"/"+sha(content)+"?Signature=secret")
		w.WriteHeader(http.StatusFound)
		return
	}
	w.Header().Set("ETag", `W/"`+gitHash(content)+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func (h *fakeHub) serveCDN(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.blob(strings.TrimPrefix(r.URL.Path, "/"))))
}

// blob finds content by its hash.
func (h *fakeHub) blob(hash string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, repo := range h.repos {
		for _, files := range repo.commits {
			for _, content := range files {
				if sha(content) == hash {
					return content
				}
			}
		}
	}
	return nil
}

func large(path string) bool {
	return strings.HasSuffix(path, ".safetensors") || strings.HasSuffix(path, ".parquet") || strings.HasSuffix(path, ".bin")
}

func gitHash(content []byte) string {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

func sha(content []byte) string {
	h := sha256.Sum256(content)
	return hex.EncodeToString(h[:])
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// client is a client of the fake that never really waits; waits has the lengths that it would have waited.
func (h *fakeHub) client(t testing.TB) (c *Client, waits *[]time.Duration) {
	waits = new([]time.Duration)
	var mu sync.Mutex
	return &Client{
		Endpoint: h.hub.URL,
		Cache:    t.TempDir(),
		Token:    "hf_secret",
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
		sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			*waits = append(*waits, d)
			return ctx.Err()
		},
	}, waits
}

// setFault installs a fault for the first n requests that which accepts.
func (h *fakeHub) setFault(n int, which func(host string, r *http.Request) bool, do func(w http.ResponseWriter, r *http.Request)) {
	var mu sync.Mutex
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = func(host string, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		hit := n > 0 && which(host, r)
		if hit {
			n--
		}
		mu.Unlock()
		if hit {
			do(w, r)
		}
		return hit
	}
}

func onCDN(host string, r *http.Request) bool { return host == "cdn" }

// always is as often as any test asks.
const always = 1 << 30

func hijack(w http.ResponseWriter, reply string) {
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	buf.WriteString(reply)
	buf.Flush()
	conn.Close()
}
