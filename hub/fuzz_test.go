package hub

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzInfo feeds the readers of the Hub's replies. Whatever they accept keeps its promises: the commit can be a
// folder's name, hashes can be files' names, and the list survives being written to the cache and read again.
func FuzzInfo(f *testing.F) {
	commit, hash := strings.Repeat("c", 40), strings.Repeat("d", 64)
	f.Add([]byte(`{"sha":"`+commit+`","siblings":[{"rfilename":"a"},{"rfilename":"../b"}]}`), []byte(`[]`))
	f.Add([]byte(`{"sha":null}`), []byte(`[{"type":"file","path":"a","size":3,"oid":"`+commit+`"},{"type":"directory","path":"b"}]`))
	f.Add([]byte(`{}`), []byte(`[{"type":"file","path":"a","size":-3,"oid":"x","lfs":{"oid":"`+hash+`","size":1e18,"pointerSize":1},"xetHash":"`+hash+`"}]`))
	f.Add([]byte(`[`), []byte(`[{"type":"file","path":"a","size":1.5}]`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, revision, tree []byte) {
		if info, err := parseRevision(revision); err == nil {
			if !isCommit(info.Commit) || checkPath(info.Commit) != nil {
				t.Errorf("commit %q", info.Commit)
			}
		}
		files, err := parseTree(tree)
		if err != nil {
			return
		}
		unique := map[string]bool{}
		for _, file := range files {
			if etag := file.etag(); etag != "" && checkETag(etag) != nil {
				t.Errorf("etag %q", etag)
			}
			if file.Size < -1 {
				t.Errorf("size %d", file.Size)
			}
			unique[file.Path] = true
		}
		// What JSON can't hold as it is (invalid UTF-8) parseTree has replaced already.
		s := store{dir: dir}
		if len(unique) == len(files) && s.setTree(commit, files) == nil {
			again := s.tree(commit)
			if len(again) != len(files) {
				t.Errorf("%d files, again %d", len(files), len(again))
			}
			byPath := map[string]File{}
			for _, file := range again {
				byPath[file.Path] = file
			}
			for _, file := range files {
				if !reflect.DeepEqual(byPath[file.Path], file) {
					t.Errorf("%+v became %+v", file, byPath[file.Path])
				}
			}
		}
	})
}

// FuzzTreeFile feeds the reader of trees/COMMIT.json, which any program may have written.
func FuzzTreeFile(f *testing.F) {
	f.Add([]byte(`{"format_version":1,"files":{"a":{"size":1,"blob_id":"x","lfs_sha256":"y","lfs_size":2}}}`))
	f.Add([]byte(`{"format_version":2}`))
	f.Add([]byte(`{"format_version":1,"files":null}`))
	dir := f.TempDir()
	commit := strings.Repeat("c", 40)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := store{dir: dir}
		if err := writeAtomic(filepath.Join(dir, "trees", commit+".json"), data); err != nil {
			t.Fatal(err)
		}
		for _, file := range s.tree(commit) {
			if etag := file.etag(); etag != "" && checkETag(etag) != nil {
				t.Errorf("etag %q", etag)
			}
		}
		s.missing(commit, s.tree(commit))
	})
}

// FuzzPath: a path that passes stays below the folder that it is joined to, on this system and by its text alone.
func FuzzPath(f *testing.F) {
	for _, path := range append(badPaths, "a", "a/b.txt", "..a/...", "con", "a:b") {
		f.Add(path)
	}
	root := filepath.Join(f.TempDir(), "snapshots")
	f.Fuzz(func(t *testing.T, path string) {
		if checkPath(path) != nil {
			return
		}
		joined := filepath.Join(root, filepath.FromSlash(path))
		rel, err := filepath.Rel(root, joined)
		if err != nil || filepath.ToSlash(rel) != path || !filepath.IsLocal(rel) {
			t.Errorf("%q becomes %q (%v)", path, joined, err)
		}
		if strings.ContainsAny(path, "\\\x00") || strings.Contains("/"+path+"/", "/../") {
			t.Errorf("%q passes", path)
		}
	})
}

// FuzzHeaders feeds the readers of single headers.
func FuzzHeaders(f *testing.F) {
	f.Add(`<https://h/a?cursor=1>; rel="next"`, `W/"abc"`, "bytes 0-9/10", `"api";r=0;t=55`)
	f.Add(`<a>; title="x, <b>; rel=next"; rel=prev, <c>; rel="last next"`, `"../x"`, "bytes 5-/*", "Wed, 21 Oct 2015 07:28:00 GMT")
	f.Add(`<`, ``, "bytes 99999999999999999999-1/1", "120")
	c := &Client{Endpoint: "https://hub.example"}
	f.Fuzz(func(t *testing.T, link, etag, rng, retry string) {
		if next := nextLink([]string{link}); next != "" {
			if !strings.Contains(link, "<"+next+">") {
				t.Errorf("%q has no link %q", link, next)
			}
			if at, err := c.sameHub("https://hub.example/api", next); err == nil && !strings.HasPrefix(strings.ToLower(at), "https://hub.example") {
				t.Errorf("%q leads to %q", link, at)
			}
		}
		if e := normalETag(etag); checkETag(e) == nil && (strings.ContainsAny(e, `./\`) || checkPath(e) != nil) {
			t.Errorf("etag %q passes", e)
		}
		if start, whole, ok := parseContentRange(rng); ok && (start < 0 || whole < -1) {
			t.Errorf("%q: %d of %d", rng, start, whole)
		}
		if d := retryAfter(http.Header{"Retry-After": {retry}, "Ratelimit": {retry}}, time.Now()); d < 0 {
			t.Errorf("%q: %v", retry, d)
		}
	})
}

// FuzzMatch: every pattern compiles, and one without special characters matches itself alone.
func FuzzMatch(f *testing.F) {
	f.Add("*.json", "a.json")
	f.Add("[!a-]]x[", "bx[")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		got := len(Match(pattern)([]File{{Path: path}})) == 1
		plain := !strings.ContainsAny(pattern, `*?[\`) && !strings.HasSuffix(pattern, "/")
		if valid := json.Valid([]byte(`"` + pattern + path + `"`)); plain && valid && got != (pattern == path) {
			t.Errorf("%q on %q: %v", pattern, path, got)
		}
	})
}
