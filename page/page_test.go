package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/hub"
)

// upload is a multipart request with a file for each split, in the order split, name, text.
func upload(t testing.TB, files ...string) *http.Request {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i < len(files); i += 3 {
		w, err := m.CreateFormFile(files[i], files[i+1])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, files[i+2])
	}
	m.Close()
	r := httptest.NewRequest("POST", "/v1/hone/check", &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return r
}

func answer[T any](t testing.TB, h http.Handler, r *http.Request, status int) (v T) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: status %d: %s", r.Method, r.URL, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

func post(path, body string) *http.Request {
	return httptest.NewRequest("POST", path, strings.NewReader(body))
}

func get(path string) *http.Request { return httptest.NewRequest("GET", path, nil) }

type refusal struct {
	Error struct {
		Message string
		Type    string
		Line    int
		File    string
		Text    string
	}
}

const rows = `{"text": "good", "label": "pos"}
{"text": "bad", "label": "neg"}
{"text": "good", "label": "pos"}
`

func TestCheckFindsLeaks(t *testing.T) {
	c := answer[struct {
		Report struct {
			Splits []struct{ Rows, Duplicates int }
			Leaks  []dataset.Leak
		}
		Rows map[string][]Row
	}](t, Handler(Config{}), upload(t, "file", "all.jsonl", rows, "validation", "all.jsonl", `{"text": "BAD!", "label": "neg"}`), 200)
	if len(c.Report.Splits) != 2 || c.Report.Splits[0].Duplicates != 1 || len(c.Report.Leaks) != 1 || c.Report.Leaks[0].Normalised != 1 {
		t.Errorf("%+v", c.Report)
	}
	if len(c.Rows["train"]) != 3 || c.Rows["train"][0].Values["label"] != "pos" || c.Rows["train"][1].Where != "all.jsonl:2" {
		t.Errorf("%+v", c.Rows)
	}
}

func TestCheckNamesTheLine(t *testing.T) {
	e := answer[refusal](t, Handler(Config{}), upload(t, "file", "../../odd.jsonl", rows+`{"text": "no end`), 400)
	if e.Error.Line != 4 || e.Error.File != "odd.jsonl" || e.Error.Text != `{"text": "no end` || e.Error.Type != "invalid_request_error" {
		t.Errorf("%+v", e)
	}
}

func TestPlanTellsWhatTrainingTakes(t *testing.T) {
	dir := Tiny(t)
	data := filepath.Join(t.TempDir(), "data.jsonl")
	if err := os.WriteFile(data, []byte(strings.Repeat(rows, 10)), 0o666); err != nil {
		t.Fatal(err)
	}
	h := Handler(Config{
		Hub:    &hub.Client{Offline: true},
		File:   func(id string) (string, string, error) { return data, "data.jsonl", nil },
		Models: func() map[string]string { return map[string]string{"tiny": dir} },
	})
	e := answer[Estimate](t, h, post("/v1/hone/plan", `{"model": "tiny", "training_file": "f", "hone": {"num_train_epochs": 2, "test_size": 0.1, "per_device_train_batch_size": 4}}`), 200)
	if e.Steps != 14 || e.Held != 3 || !e.Fits || e.StepSeconds <= 0 || e.Learns != "pos" && e.Learns != "neg" {
		t.Errorf("%+v", e)
	}
	both := answer[Estimate](t, h, post("/v1/hone/plan", `{"model": "tiny", "training_file": "f", "validation_file": "f"}`), 200)
	if both.Held != 30 || both.Stats.Rows != 30 {
		t.Errorf("%+v", both)
	}
	for body, status := range map[string]int{
		`{"model": "other", "training_file": "f"}`: 404,
		`{"model": "tiny"}`:                        400,
		`{"model": "tiny", "training_file": "f", "hone": {"learning_rate": "high"}}`:  400,
		`{"model": "tiny", "training_file": "f", "hone": {"learning_rate": -1}}`:      400,
		`{"model": "tiny", "training_file": "f", "hone": {"text_column": "nowhere"}}`: 400,
	} {
		answer[refusal](t, h, post("/v1/hone/plan", body), status)
	}
}

func TestFilesAreServedWithTheirPolicy(t *testing.T) {
	h := Handler(Config{})
	for _, name := range []string{"/", "/app.js", "/base.css", "/icon.svg", "/uplot/uPlot.iife.min.js"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", name, nil))
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'self';") || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		again := httptest.NewRequest("GET", name, nil)
		again.Header.Set("If-None-Match", w.Header().Get("ETag"))
		w = httptest.NewRecorder()
		if h.ServeHTTP(w, again); w.Code != 304 {
			t.Errorf("%s again: %d", name, w.Code)
		}
	}
	for _, name := range []string{"/web/app.js", "/nothing", "/uplot", "/uplot/LICENSE"} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest("GET", name, nil)); w.Code != 404 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestPlainName(t *testing.T) {
	for name, want := range map[string]string{
		"a.jsonl": "a.jsonl", "../../etc/passwd": "passwd", `C:\data\b.csv`: "b.csv", "评论.csv": "评论.csv", "": "data", ".jsonl": "data.jsonl",
		"a\x00b.txt": "a_b.txt", "con.csv": "datacon.csv", "x..": "x", "..": "data",
	} {
		if got := plainName(name); got != want {
			t.Errorf("%q became %q, not %q", name, got, want)
		}
	}
	if got := plainName(strings.Repeat("é", 90) + ".csv"); len(got) > 80 || !strings.HasSuffix(got, ".csv") {
		t.Errorf("a long name became %q", got)
	}
}

// FuzzUpload sends bytes as an upload: whatever they are, the answer is a report or says what is wrong, and nothing
// stays on the disk.
func FuzzUpload(f *testing.F) {
	f.Add("a.jsonl", []byte(rows))
	f.Add("a.csv", []byte("text,label\ngood,1\nbad,0\n"))
	f.Add("../a.txt", []byte("once\n"))
	f.Add("a.json", []byte(`[{"messages":[{"role":"user","content":"hi"}]}]`))
	f.Add("a.parquet", []byte("PAR1PAR1"))
	f.Add("a.jsonl.gz", []byte("\x1f\x8b"))
	h := Handler(Config{})
	tmp := f.TempDir()
	f.Setenv("TMPDIR", tmp)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, upload(t, "file", name, string(data)))
		if w.Code != 200 && w.Code != 400 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		if left, _ := filepath.Glob(filepath.Join(tmp, "hone-check-*")); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// FuzzPlan sends bytes as the request for an estimate.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"model": "tiny", "training_file": "f", "hone": {"lora": true, "lora_r": 4}}`))
	f.Add([]byte(`{"hone": {"max_steps": 1e99}}`))
	f.Add([]byte(`[`))
	h := Handler(Config{File: func(id string) (string, string, error) { return "", "", fmt.Errorf("there is no file %q", id) }})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/v1/hone/plan", "/v1/hone/mistakes", "/v1/hone/check"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("POST", path, bytes.NewReader(body)))
			if w.Code != 400 && w.Code != 404 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
			}
		}
	})
}
