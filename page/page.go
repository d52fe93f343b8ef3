// Package page is hone's page in the browser: look at data, train on it, watch the runs, try the models. All of it is
// embedded in the binary and comes from where it is served; no outside address is ever asked for.
//
// The page is plain HTML, CSS and JavaScript modules under web/, with no build step. It reads models, files, jobs and
// answers from the server's own routes; what those don't have stands here, under /v1/hone/:
//
//	GET  /v1/hone/about     what this server can do
//	POST /v1/hone/check     files or ids of uploaded files → report, first rows
//	POST /v1/hone/plan      a fine-tuning job's request → steps, time, memory, an example as the model reads it
//	GET  /v1/hone/runs      the runs that made the models served here
//	GET  /v1/hone/samples/N the rows of a data set to begin with
//	POST /v1/hone/mistakes  a classifier and data → confusion matrix, the rows it got wrong
package page

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/hub"
)

//go:embed web
var web embed.FS

// Config says what the page is served beside. The zero value checks data and estimates training, and no more.
type Config struct {
	// File returns the path of an uploaded file and the name that people know it by. Nil: there are no uploaded files.
	File func(id string) (path, name string, err error)
	// Models returns the folders of the models that are served, by name. Nil: none are.
	Models func() map[string]string
	// Bases lists further models to offer as those to start from.
	Bases []Base
	// Dir returns the folder of a base model that may be named though it isn't served; a model that would first have
	// to be downloaded is an error. Nil: there is none but those served.
	Dir func(ctx context.Context, name string) (string, error)
	// Samples are data sets to begin with, as JSON lines, by name.
	Samples map[string][]byte
	// Run is the id of the one run that the page is for. "" shows all.
	Run string
	// Jobs says that the server has the routes of package jobs, so that files can be stored and training started.
	Jobs bool

	Hub    *hub.Client    // nil: as the environment says
	Device compute.Device // nil: this machine's processor
}

// A Base is a model to start from.
type Base struct {
	Name         string  `json:"name"`
	LearningRate float64 `json:"learning_rate,omitempty"` // suits training all of it; 0: the default of hone train does
}

// Handler serves the page at / and its own routes under /v1/hone/.
func Handler(c Config) http.Handler {
	p := &page{Config: c}
	if p.Device == nil {
		p.Device = hone.Device(0)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/hone/about", p.about)
	mux.HandleFunc("POST /v1/hone/check", p.check)
	mux.HandleFunc("POST /v1/hone/plan", p.plan)
	mux.HandleFunc("GET /v1/hone/runs", p.runs)
	mux.HandleFunc("POST /v1/hone/mistakes", p.mistakes)
	mux.HandleFunc("GET /v1/hone/samples/{name}", p.sample)
	mux.HandleFunc("GET /", static)
	return mux
}

type page struct {
	Config
	busy sync.Mutex // one estimate or evaluation at a time: each takes the whole machine
}

// policy allows what comes from this server and nothing else: no inline script, no foreign image, no frame around it.
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// types of the embedded files, by extension: the machine's own table may know others or none.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// static serves the embedded files.
func static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	b, err := fs.ReadFile(web, path.Join("web", name))
	kind := types[path.Ext(name)]
	if err != nil || kind == "" {
		fail(w, http.StatusNotFound, "", fmt.Errorf("page: there is nothing at %s", r.URL.Path))
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(b)
}

// about tells the page what there is, so that it shows only what works.
func (p *page) about(w http.ResponseWriter, r *http.Request) {
	samples := slices.AppendSeq([]string{}, maps.Keys(p.Samples))
	slices.Sort(samples)
	bases := p.Bases
	if bases == nil {
		bases = []Base{}
	}
	reply(w, struct {
		Version string   `json:"version"`
		Run     string   `json:"run,omitempty"`
		Jobs    bool     `json:"jobs"`
		Bases   []Base   `json:"bases"`
		Samples []string `json:"samples"`
		Memory  int64    `json:"memory_bytes,omitempty"`
	}{hone.Version(), p.Run, p.Jobs, bases, samples, memory()})
}

// sample serves the rows of a sample.
func (p *page) sample(w http.ResponseWriter, r *http.Request) {
	rows, ok := p.Samples[r.PathValue("name")]
	if !ok {
		fail(w, http.StatusNotFound, "", fmt.Errorf("page: there is no sample %q", r.PathValue("name")))
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(rows)
}

// dir returns the folder of a model by its name: one that is served, or a base.
func (p *page) dir(ctx context.Context, name string) (string, error) {
	if p.Models != nil {
		if dir, ok := p.Models()[name]; ok {
			return dir, nil
		}
	}
	if p.Dir == nil {
		return "", fmt.Errorf("page: there is no model %q here", name)
	}
	return p.Dir(ctx, name)
}

// A fault is an error in the shape of OpenAI's, with the place in the data where there is one.
type fault struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"param,omitempty"`
	Code    string `json:"code,omitempty"`
	*Place  `json:",omitempty"`
}

func fail(w http.ResponseWriter, status int, param string, err error) {
	f := fault{Message: err.Error(), Type: "invalid_request_error", Param: param, Place: place(err)}
	if status >= 500 {
		f.Type = "server_error"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]fault{"error": f})
}

func reply(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		fail(w, http.StatusInternalServerError, "", fmt.Errorf("page: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(b)
}

// request decodes a JSON body of at most 1 MiB; it has answered if it returns false.
func request(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	if err := d.Decode(v); err != nil {
		fail(w, http.StatusBadRequest, "", fmt.Errorf("page: the request is not the JSON that was expected: %w", err))
		return false
	}
	return true
}
