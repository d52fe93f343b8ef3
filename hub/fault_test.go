package hub

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const weightsFile = "model.safetensors"

// scene is a Hub with one large file and a client for it.
func scene(t *testing.T) (h *fakeHub, c *Client, waits *[]time.Duration, content string, incomplete string) {
	h = newFakeHub(t)
	content = tiny[weightsFile]
	h.add(Model, "org/tiny", "main", map[string]string{weightsFile: content, "config.json": "{}"})
	c, waits = h.client(t)
	incomplete = filepath.Join(c.Cache, "models--org--tiny", "blobs", sha([]byte(content))+".incomplete")
	return h, c, waits, content, incomplete
}

func getWeights(t *testing.T, c *Client) (string, error) {
	t.Helper()
	dir, err := c.Snapshot(t.Context(), Repo{ID: "org/tiny"}, Match(weightsFile))
	if err != nil {
		return "", err
	}
	return read(t, dir, weightsFile), nil
}

// A connection that breaks in the body, again and again: each try goes on where the last ended.
func TestDroppedConnection(t *testing.T) {
	h, c, waits, content, _ := scene(t)
	part := content[:150_000]
	h.setFault(1, onCDN, func(w http.ResponseWriter, r *http.Request) {
		hijack(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), part))
	})
	got, err := getWeights(t, c)
	if err != nil || got != content {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if want := []string{fmt.Sprintf("bytes=%d-", len(part))}; !slices.Equal(h.ranges[:1], want) {
		t.Errorf("ranges %v, want %v", h.ranges, want)
	}
	if len(*waits) != 1 || (*waits)[0] < time.Second || (*waits)[0] > 2*time.Second {
		t.Errorf("waits %v", *waits)
	}
}

func TestStaleIncomplete(t *testing.T) {
	_, _, _, content, _ := scene(t)
	n := len(content)
	for name, tt := range map[string]struct {
		left string
		asks []string // Range headers
	}{
		"good":    {content[:1000], []string{"bytes=1000-"}},
		"whole":   {content, nil},
		"damaged": {strings.Repeat("x", 1000), []string{"bytes=1000-"}}, // the hash tells; then all anew
		"too big": {strings.Repeat("x", n+1), nil},
		"wrong":   {strings.Repeat("x", n), nil},
		"empty":   {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, _, content, incomplete := scene(t)
			os.MkdirAll(filepath.Dir(incomplete), 0o777)
			os.WriteFile(incomplete, []byte(tt.left), 0o666)
			got, err := getWeights(t, c)
			if err != nil || got != content {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			asks := slices.Compact(h.ranges) // the redirect and the content are two requests
			if !slices.Equal(asks, tt.asks) {
				t.Errorf("ranges %v, want %v", asks, tt.asks)
			}
			if isFile(incomplete) {
				t.Error("the partial file is still there")
			}
		})
	}
}

// Servers that don't know ranges answer 200 with all of it; others answer with another part, or 416.
func TestNoRanges(t *testing.T) {
	for name, fault := range map[string]func(content string) func(w http.ResponseWriter, r *http.Request){
		"200": func(content string) func(w http.ResponseWriter, r *http.Request) {
			return func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(content)) }
		},
		"other part": func(content string) func(w http.ResponseWriter, r *http.Request) {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(content)-1, len(content)))
				w.WriteHeader(206)
				w.Write([]byte(content[7:]))
			}
		},
		"416": func(string) func(w http.ResponseWriter, r *http.Request) {
			return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(416) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, _, content, incomplete := scene(t)
			os.MkdirAll(filepath.Dir(incomplete), 0o777)
			os.WriteFile(incomplete, []byte(content[:1000]), 0o666)
			h.setFault(1, onCDN, fault(content))
			got, err := getWeights(t, c)
			if err != nil || got != content {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	date := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for name, tt := range map[string]struct {
		header, value string
		min, max      time.Duration
	}{
		"seconds":    {"Retry-After", "7", 7 * time.Second, 8 * time.Second},
		"date":       {"Retry-After", date, 80 * time.Second, 91 * time.Second},
		"rate limit": {"RateLimit", `"api";r=0;t=55`, 55 * time.Second, 56 * time.Second},
		"nonsense":   {"Retry-After", "soon", time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, waits, content, _ := scene(t)
			h.setFault(1, onCDN, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(tt.header, tt.value)
				w.WriteHeader(429)
			})
			got, err := getWeights(t, c)
			if err != nil || got != content {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if len(*waits) != 1 || (*waits)[0] < tt.min || (*waits)[0] > tt.max {
				t.Errorf("waits %v", *waits)
			}
		})
	}
	h, c, waits, _, _ := scene(t)
	h.setFault(always, onCDN, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(429)
	})
	_, err := getWeights(t, c)
	wantError(t, err, ErrUnavailable, "try again later")
	if len(*waits) > 0 {
		t.Errorf("would wait %v", *waits)
	}
}

func TestServerErrors(t *testing.T) {
	for _, status := range []int{408, 500, 502, 503, 504} {
		h, c, waits, content, _ := scene(t)
		h.setFault(3, func(host string, r *http.Request) bool { return true }, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
		})
		if got, err := getWeights(t, c); err != nil || got != content || len(*waits) != 3 {
			t.Errorf("%d: %d bytes, waits %v, %v", status, len(got), *waits, err)
		}
	}
	h, c, waits, _, incomplete := scene(t)
	h.setFault(always, onCDN, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	_, err := getWeights(t, c)
	wantError(t, err, ErrUnavailable, "org/tiny", weightsFile, "503")
	if h.count("cdn GET") != maxTries || len(*waits) != maxTries-1 {
		t.Errorf("%d tries, waits %v", h.count("cdn GET"), *waits)
	}
	for i, wait := range *waits {
		if base := time.Second << min(i, 3); wait < base || wait > base*9/8 {
			t.Errorf("wait %d is %v, want %v and a bit", i, wait, base)
		}
	}
	if isFile(strings.TrimSuffix(incomplete, ".incomplete")) {
		t.Error("there is a blob")
	}
}

// Content that isn't what was promised leaves nothing behind that could be taken for it.
func TestWrongContent(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func(w http.ResponseWriter, r *http.Request, content string)
		text  string
	}{
		"hash": {func(w http.ResponseWriter, r *http.Request, content string) {
			w.Write([]byte(strings.ToUpper(content)))
		}, "hash"},
		"short": {func(w http.ResponseWriter, r *http.Request, content string) {
			w.Header().Set("Content-Length", "10")
			w.Write([]byte(content[:10]))
		}, "10 bytes where 400000 were promised"},
		"long": {func(w http.ResponseWriter, r *http.Request, content string) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)+1))
			w.Write([]byte(content + "x"))
		}, "400001 bytes where 400000"},
		"endless": {func(w http.ResponseWriter, r *http.Request, content string) {
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(content)); err != nil {
					return
				}
			}
		}, "more than 400000 bytes"},
		"part": {func(w http.ResponseWriter, r *http.Request, content string) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(206)
		}, "a part"},
	} {
		t.Run(name, func(t *testing.T) {
			h, c, _, content, _ := scene(t)
			h.setFault(always, onCDN, func(w http.ResponseWriter, r *http.Request) { tt.fault(w, r, content) })
			_, err := getWeights(t, c)
			wantError(t, err, ErrCorrupt, "org/tiny", weightsFile, tt.text)
			for _, f := range files(t, filepath.Join(c.Cache, "models--org--tiny")) {
				if strings.HasPrefix(f, "blobs/") || strings.HasPrefix(f, "snapshots/") {
					t.Errorf("%s is left", f)
				}
			}
		})
	}
}

// A body of no promised length that ends: its length is what came, and its hash tells whether that is all.
func TestUnknownSize(t *testing.T) {
	h, c, _, _, _ := scene(t)
	isFile := func(host string, r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "config.json") }
	h.setFault(always, isFile, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Repo-Commit", strings.Repeat("a", 40))
		w.Header().Set("ETag", `"`+gitHash([]byte("{}"))+`"`)
		w.(http.Flusher).Flush() // so that no Content-Length is sent
		if r.Method == "GET" {
			w.Write([]byte("{}"))
		}
	})
	path, err := c.File(t.Context(), Repo{ID: "org/tiny"}, "config.json")
	if err != nil || read(t, path) != "{}" {
		t.Errorf("%s, %v", path, err)
	}
}

func TestSilence(t *testing.T) {
	h, c, waits, content, _ := scene(t)
	c.DownloadTimeout = 200 * time.Millisecond
	quit := make(chan struct{})
	t.Cleanup(func() { close(quit) })
	h.setFault(1, onCDN, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write([]byte(content[:5]))
		w.(http.Flusher).Flush()
		select {
		case <-quit:
		case <-r.Context().Done():
		}
	})
	got, err := getWeights(t, c)
	if err != nil || got != content || len(*waits) == 0 {
		t.Errorf("%d bytes, waits %v, %v", len(got), *waits, err)
	}
}

func TestCancel(t *testing.T) {
	h, c, _, content, incomplete := scene(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user went home")
	h.setFault(1, onCDN, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		for i := 0; r.Context().Err() == nil && i < len(content); i += 1000 {
			w.Write([]byte(content[i : i+1000]))
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	c.Progress = func(p Progress) {
		if p.Done >= 5000 {
			cancel(why)
		}
	}
	_, err := c.Snapshot(ctx, Repo{ID: "org/tiny"}, Match(weightsFile))
	wantError(t, err, why)
	kept := read(t, incomplete)
	if len(kept) < 5000 || len(kept) >= len(content) || kept != content[:len(kept)] {
		t.Errorf("%d bytes are kept", len(kept))
	}
	c.Progress = nil
	if got, err := getWeights(t, c); err != nil || got != content || h.ranges[0] != fmt.Sprintf("bytes=%d-", len(kept)) {
		t.Errorf("%d bytes, ranges %v, %v", len(got), h.ranges, err)
	}
}

func TestNoSpace(t *testing.T) {
	_, c, _, _, incomplete := scene(t)
	c.free = func(string) (uint64, error) { return 399_999, nil }
	_, err := getWeights(t, c)
	wantError(t, err, ErrNoSpace, "400.0 kB free", "400.0 kB more", "HF_HUB_CACHE")
	_, err = c.File(t.Context(), Repo{ID: "org/tiny"}, weightsFile)
	wantError(t, err, ErrNoSpace, weightsFile)
	os.WriteFile(incomplete, []byte(tiny[weightsFile][:10]), 0o666)
	if _, err := getWeights(t, c); err != nil {
		t.Errorf("with a part on disk: %v", err)
	}
	if n, err := freeBytes(t.TempDir()); err != nil || n == 0 {
		t.Errorf("free bytes: %d, %v", n, err)
	}
	if err := (&Client{}).checkSpace(filepath.Join(t.TempDir(), "not", "there"), 1<<62); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a disk with 4 EB free: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	h := newFakeHub(t)
	h.add(Model, "org/tiny", "main", tiny)
	refused := func(status int, code, message string) func(t *testing.T, token string) error {
		return func(t *testing.T, token string) error {
			h.setFault(always, func(string, *http.Request) bool { return true }, func(w http.ResponseWriter, r *http.Request) {
				refuse(w, status, code, message)
			})
			c, _ := h.client(t)
			c.Token = token
			_, err := c.Snapshot(t.Context(), Repo{ID: "org/tiny"}, nil)
			return err
		}
	}
	for name, tt := range map[string]struct {
		ask   func(t *testing.T, token string) error
		token string
		kind  error
		parts []string
	}{
		"gated": {refused(403, "GatedRepo", "You are not in the list"), "", ErrDenied,
			[]string{"model org/tiny is gated", "accept its licence at " + h.hub.URL + "/org/tiny", "HF_TOKEN", "You are not in the list"}},
		"bad token": {refused(401, "", "Invalid credentials in Authorization header"), "hf_x", ErrDenied, []string{"token"}},
		"private":   {refused(401, "RepoNotFound", ""), "hf_x", ErrNotFound, []string{"org/tiny isn't on the Hub, or is private", "spelling", "the token in use"}},
		"missing":   {refused(404, "RepoNotFound", ""), "", ErrNotFound, []string{"spelling", "HF_TOKEN"}},
		"forbidden": {refused(403, "", "no\u202eon"), "", ErrDenied, []string{"access denied", "no on"}},
		"teapot":    {refused(418, "", ""), "", ErrUnavailable, []string{"418"}},
		"revision":  {refused(404, "RevisionNotFound", ""), "", ErrNotFound, []string{"no branch, tag or commit"}},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, tt.ask(t, tt.token), tt.kind, tt.parts...) })
	}
	h.fault = nil
	c, _ := h.client(t)
	_, err := c.File(t.Context(), Repo{ID: "org/tiny"}, "nope")
	wantError(t, err, ErrNotFound, `model org/tiny has no file "nope"`)
	_, err = c.File(t.Context(), Repo{ID: "org/tiny", Revision: "v9"}, "config.json")
	wantError(t, err, ErrNotFound, "no branch, tag or commit at v9")
	_, err = c.Snapshot(t.Context(), Repo{ID: "org/tiny"}, Match("*.gguf"))
	wantError(t, err, ErrNotFound, "has no file of the kind", "config.json")
}

func TestRedirects(t *testing.T) {
	redirect := func(h *fakeHub, to string) {
		h.setFault(always, func(host string, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/resolve/") || r.URL.Path == "/loop"
		},
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(302)
			})
	}
	for to, text := range map[string]string{
		"/loop":             "more than 20 redirects",
		"file:///etc/hosts": "refused",
		"http://%zz/":       "refused",
		"":                  "302",
	} {
		h, c, _, _, _ := scene(t)
		redirect(h, to)
		_, err := getWeights(t, c)
		wantError(t, err, nil, text)
		if to != "" {
			_, err = c.File(t.Context(), Repo{ID: "org/tiny"}, weightsFile)
			wantError(t, err, nil, text)
		}
	}
	// Pages of a list that lead to another host would take the token there.
	h, c, _, _, _ := scene(t)
	h.setFault(always, func(host string, r *http.Request) bool { return strings.Contains(r.URL.Path, "/tree/") },
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", fmt.Sprintf(`<%s/steal>; rel="next"`, h.cdn.URL))
			w.Write([]byte("[]"))
		})
	_, err := getWeights(t, c)
	wantError(t, err, nil, "another host")
	if h.count("cdn") > 0 {
		t.Error("the other host was asked")
	}
	c = &Client{Endpoint: "https://mirror.example/hf"}
	if got, err := c.sameHub("https://mirror.example/hf/api/x", DefaultEndpoint+"/api/y?cursor=1"); err != nil || got != "https://mirror.example/hf/api/y?cursor=1" {
		t.Errorf("%s, %v", got, err)
	}
}

// The token goes to the endpoint's origin alone: not to the CDN, not to the same host at another port, and it is
// gone after a redirect that leads away and back.
func TestTokenStaysHome(t *testing.T) {
	h, c, _, content, _ := scene(t)
	var asked, carried int
	h.setFault(always, func(host string, r *http.Request) bool {
		if host == "hub" {
			asked++
			if r.Header.Get("Authorization") == "Bearer hf_secret" {
				carried++
			}
		}
		return false
	}, nil)
	if got, err := getWeights(t, c); err != nil || got != content {
		t.Fatal(err)
	}
	if asked == 0 || asked != carried {
		t.Errorf("%d of %d requests to the Hub carried the token", carried, asked)
	}
	if h.count("cdn GET") != 1 || len(h.leaks) > 0 {
		t.Errorf("%d requests to the CDN, leaks %v", h.count("cdn GET"), h.leaks)
	}

	back := ""
	h.setFault(always, func(host string, r *http.Request) bool { return host == "cdn" || r.URL.Path == "/back" },
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/back" {
				back = "Authorization: " + r.Header.Get("Authorization")
				return
			}
			w.Header().Set("Location", h.hub.URL+"/back")
			w.WriteHeader(302)
		})
	other, _ := h.client(t)
	if _, err := getWeights(t, other); err == nil || back != "Authorization: " {
		t.Errorf("after a way round by the CDN the Hub gets %q (%v)", back, err)
	}
}

// Certificates of a company's own, and no way down from https to http.
func TestTLS(t *testing.T) {
	plain := newFakeHub(t)
	plain.add(Model, "org/tiny", "main", tiny)
	server := httptest.NewUnstartedServer(plain.handler("hub", plain.serveHub))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	c, waits := plain.client(t)
	c.Endpoint = server.URL
	_, err := c.File(t.Context(), Repo{ID: "org/tiny"}, "config.json")
	wantError(t, err, ErrUnavailable, "SSL_CERT_FILE")
	if len(*waits) > 0 {
		t.Errorf("waits %v", *waits)
	}

	ca := filepath.Join(t.TempDir(), "ca.pem")
	os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o666)
	trusting, _ := plain.client(t)
	trusting.Endpoint, trusting.CAFile = server.URL, ca
	if path, err := trusting.File(t.Context(), Repo{ID: "org/tiny"}, "config.json"); err != nil || read(t, path) != tiny["config.json"] {
		t.Errorf("%s, %v", path, err)
	}
	_, err = trusting.File(t.Context(), Repo{ID: "org/tiny"}, weightsFile) // the fake's CDN speaks http
	wantError(t, err, nil, "leads off https")

	for content, text := range map[string]string{"no PEM": "no certificate", "": "certificates"} {
		broken, _ := plain.client(t)
		broken.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		if content != "" {
			os.WriteFile(broken.CAFile, []byte(content), 0o666)
		}
		_, err = broken.File(t.Context(), Repo{ID: "org/tiny"}, "config.json")
		wantError(t, err, nil, text)
	}
	secret := &Client{Endpoint: "https://me:pass@mirror.example/hf/"}
	if text := secret.explainStatus(Repo{ID: "a", Revision: "main"}, "", &statusError{status: 403}).Error(); strings.Contains(text, "pass") || !strings.Contains(text, "https://mirror.example/hf/settings") {
		t.Error(text)
	}
	lost, _ := plain.client(t)
	lost.Endpoint = "huggingface.co"
	_, err = lost.File(t.Context(), Repo{ID: "org/tiny"}, "config.json")
	wantError(t, err, nil, "HF_ENDPOINT")
}

// Replies that no Hub gives.
func TestHostileReplies(t *testing.T) {
	commit := strings.Repeat("c", 40)
	for name, tt := range map[string]struct{ revision, tree, text string }{
		"no JSON":     {`<html>`, `[]`, "no JSON"},
		"commit":      {`{"sha":"../../etc"}`, `[]`, "where a commit should be"},
		"dotdot":      {`{"sha":"` + commit + `"}`, `[{"type":"file","path":"../../../evil","size":3,"oid":"` + commit + `"}]`, "refused"},
		"absolute":    {`{"sha":"` + commit + `"}`, `[{"type":"file","path":"/tmp/evil","size":3,"oid":"` + commit + `"}]`, "refused"},
		"drive":       {`{"sha":"` + commit + `"}`, `[{"type":"file","path":"C:evil","size":3,"oid":"` + commit + `"}]`, "refused"},
		"backslash":   {`{"sha":"` + commit + `"}`, `[{"type":"file","path":"..\\evil","size":3,"oid":"` + commit + `"}]`, "refused"},
		"NUL":         {`{"sha":"` + commit + `"}`, `[{"type":"file","path":"evil\u0000.txt","size":3,"oid":"` + commit + `"}]`, "refused"},
		"tree":        {`{"sha":"` + commit + `"}`, `{}`, "no JSON"},
		"LFS hash":    {`{"sha":"` + commit + `"}`, `[{"type":"file","path":"a","lfs":{"oid":"../evil"}}]`, "no SHA-256"},
		"nested JSON": {strings.Repeat(`{"a":`, 20_000), `[]`, "no JSON"},
		"empty":       {`{"sha":"` + commit + `"}`, `[]`, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t)
			h.setFault(always, func(string, *http.Request) bool { return true }, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.Contains(r.URL.Path, "/revision/"):
					w.Write([]byte(tt.revision))
				case strings.Contains(r.URL.Path, "/tree/"):
					w.Write([]byte(tt.tree))
				default:
					w.Write([]byte("bad"))
				}
			})
			c, _ := h.client(t)
			above := filepath.Dir(c.Cache)
			_, err := c.Snapshot(t.Context(), Repo{ID: "org/tiny"}, nil)
			wantError(t, err, nil, "org/tiny", tt.text)
			for _, f := range files(t, above) {
				if strings.Contains(f, "evil") {
					t.Errorf("%s was written", f)
				}
			}
		})
	}
	h := newFakeHub(t)
	h.setFault(always, func(string, *http.Request) bool { return true }, func(w http.ResponseWriter, r *http.Request) {
		spaces := []byte(strings.Repeat(" ", 1<<20))
		for range 1 << 20 {
			if _, err := w.Write(spaces); err != nil {
				return
			}
		}
	})
	c, _ := h.client(t)
	_, err := c.Info(t.Context(), Repo{ID: "org/tiny"})
	wantError(t, err, nil, "longer than")

	for name, headers := range map[string][2]string{
		"no commit":   {"", `"abc"`},
		"no etag":     {commit, ""},
		"bad commit":  {"../x", `"abc"`},
		"bad etag":    {commit, `"../../evil"`},
		"dotted etag": {commit, `"abc.incomplete"`},
		"long etag":   {commit, `"` + strings.Repeat("a", 129) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t)
			h.setFault(always, func(string, *http.Request) bool { return true }, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Repo-Commit", headers[0])
				w.Header().Set("ETag", headers[1])
			})
			c, _ := h.client(t)
			_, err := c.File(t.Context(), Repo{ID: "org/tiny"}, "config.json")
			wantError(t, err, nil, "org/tiny", "config.json", "Hub")
		})
	}
}
