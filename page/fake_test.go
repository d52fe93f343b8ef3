package page_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hone-ml/hone/page"
)

// A fake is a server with the routes that the page reads, in the shapes of packages serve and jobs. Its job runs
// through made-up losses in about a second.
type fake struct {
	dir  string
	hold bool // jobs wait at step 12 until somebody has paused one
	mu   sync.Mutex

	files  []map[string]any
	jobs   []map[string]any
	events map[string][]map[string]any
}

func newFake(t testing.TB) *fake {
	return &fake{dir: t.TempDir(), events: map[string][]map[string]any{}}
}

func (f *fake) handler(c page.Config) http.Handler {
	c.Jobs, c.File = true, f.file
	p := page.Handler(c)
	mux := http.NewServeMux()
	mux.Handle("/", p)
	mux.Handle("/v1/hone/", p)
	mux.HandleFunc("GET /v1/models", f.models)
	mux.HandleFunc("GET /v1/files", f.list(&f.files))
	mux.HandleFunc("POST /v1/files", f.upload)
	mux.HandleFunc("DELETE /v1/files/{id}", f.remove)
	mux.HandleFunc("GET /v1/fine_tuning/jobs", f.list(&f.jobs))
	mux.HandleFunc("POST /v1/fine_tuning/jobs", f.create)
	mux.HandleFunc("GET /v1/fine_tuning/jobs/{id}", f.job)
	mux.HandleFunc("POST /v1/fine_tuning/jobs/{id}/{verb}", f.act)
	mux.HandleFunc("GET /v1/fine_tuning/jobs/{id}/log", f.log)
	mux.HandleFunc("POST /v1/classify", f.classify)
	mux.HandleFunc("POST /v1/chat/completions", f.chat)
	mux.HandleFunc("POST /v1/completions", f.chat)
	return mux
}

func (f *fake) file(id string) (string, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.files {
		if x["id"] == id {
			return filepath.Join(f.dir, id, x["filename"].(string)), x["filename"].(string), nil
		}
	}
	return "", "", fmt.Errorf("there is no file %q", id)
}

func (f *fake) list(of *[]map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		data := *of
		if data == nil {
			data = []map[string]any{}
		}
		json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data, "has_more": false})
	}
}

func (f *fake) models(w http.ResponseWriter, r *http.Request) {
	data := []map[string]any{
		{"id": "starter", "object": "model", "hone": map[string]any{"chat": false}},
		{"id": "helper", "object": "model", "hone": map[string]any{"chat": true}},
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j["status"] == "succeeded" {
			data = append(data, map[string]any{"id": j["fine_tuned_model"], "object": "model", "hone": map[string]any{"labels": []string{"neg", "pos"}}})
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data})
}

func (f *fake) upload(w http.ResponseWriter, r *http.Request) {
	in, head, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprintf("file-%d", len(f.files)+1)
	os.MkdirAll(filepath.Join(f.dir, id), 0o777)
	out, err := os.Create(filepath.Join(f.dir, id, filepath.Base(head.Filename)))
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	defer out.Close()
	n, _ := io.Copy(out, in)
	x := map[string]any{"id": id, "object": "file", "filename": filepath.Base(head.Filename), "bytes": n, "purpose": "fine-tune", "created_at": time.Now().Unix() + int64(len(f.files))}
	f.files = append(f.files, x)
	json.NewEncoder(w).Encode(x)
}

func (f *fake) remove(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files = slices.DeleteFunc(f.files, func(x map[string]any) bool { return x["id"] == r.PathValue("id") })
	json.NewEncoder(w).Encode(map[string]any{"id": r.PathValue("id"), "deleted": true})
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	var q map[string]any
	json.NewDecoder(r.Body).Decode(&q)
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprintf("ftjob-%d", len(f.jobs)+1)
	j := map[string]any{"id": id, "object": "fine_tuning.job", "model": q["model"], "training_file": q["training_file"], "validation_file": q["validation_file"],
		"status": "running", "created_at": time.Now().Unix() + int64(len(f.jobs)), "user_provided_suffix": q["suffix"], "hone": q["hone"], "fine_tuned_model": nil}
	f.jobs = append(f.jobs, j)
	go f.train(id, len(f.jobs))
	json.NewEncoder(w).Encode(j)
}

// train writes the events of a run.
func (f *fake) train(id string, seed int) {
	const steps = 40
	add := func(e map[string]any) {
		f.mu.Lock()
		e["time"] = float64(time.Now().UnixMilli()) / 1000
		f.events[id] = append(f.events[id], e)
		f.mu.Unlock()
	}
	add(map[string]any{"type": "plan", "max_steps": steps, "memory_bytes": 3 << 28})
	for i := 1; i <= steps; i++ {
		for i == 12 && f.holding() || f.status(id) == "paused" {
			time.Sleep(20 * time.Millisecond)
		}
		if f.status(id) == "cancelled" {
			return
		}
		time.Sleep(25 * time.Millisecond)
		x := float64(i) / steps
		loss := (2.1+0.2*float64(seed))*math.Exp(-2.2*x) + 0.25 + 0.06*math.Sin(float64(i*seed)*1.7)
		add(map[string]any{"type": "log", "step": i, "max_steps": steps, "epoch": 3 * x, "loss": loss, "learning_rate": 5e-5 * (1 - x), "grad_norm": 1.1, "tokens_per_second": 2400 + 90*math.Sin(float64(i)), "seconds_left": 0.05 * float64(steps-i)})
		if i%10 == 0 {
			add(map[string]any{"type": "eval", "step": i, "max_steps": steps, "metrics": map[string]any{"eval_loss": loss + 0.11, "eval_accuracy": 0.55 + 0.31*x}})
			add(map[string]any{"type": "checkpoint", "step": i})
		}
	}
	add(map[string]any{"type": "done", "step": steps, "max_steps": steps})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j["id"] == id {
			j["status"], j["fine_tuned_model"] = "succeeded", fmt.Sprintf("ft:starter:reviews:%d", seed)
		}
	}
}

func (f *fake) holding() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hold
}

func (f *fake) status(id string) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j["id"] == id {
			return j["status"]
		}
	}
	return nil
}

func (f *fake) job(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j["id"] == r.PathValue("id") {
			json.NewEncoder(w).Encode(j)
			return
		}
	}
	w.WriteHeader(404)
}

func (f *fake) act(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	for _, j := range f.jobs {
		if j["id"] == r.PathValue("id") {
			f.hold = f.hold && r.PathValue("verb") != "pause"
			j["status"] = map[string]string{"pause": "paused", "resume": "running", "cancel": "cancelled"}[r.PathValue("verb")]
		}
	}
	f.mu.Unlock()
	f.job(w, r)
}

func (f *fake) log(w http.ResponseWriter, r *http.Request) {
	id, follow := r.PathValue("id"), r.FormValue("follow") == "true"
	for sent := 0; ; time.Sleep(20 * time.Millisecond) {
		f.mu.Lock()
		rows := f.events[id][sent:]
		f.mu.Unlock()
		over := f.status(id) == "succeeded" || f.status(id) == "cancelled"
		for _, e := range rows {
			b, _ := json.Marshal(e)
			if follow {
				fmt.Fprintf(w, "data: %s\n\n", b)
			} else {
				fmt.Fprintf(w, "%s\n", b)
			}
		}
		sent += len(rows)
		w.(http.Flusher).Flush()
		if !follow || over || r.Context().Err() != nil {
			return
		}
	}
}

func (f *fake) classify(w http.ResponseWriter, r *http.Request) {
	var q struct{ Input []string }
	json.NewDecoder(r.Body).Decode(&q)
	data := []map[string]any{}
	for i, text := range q.Input {
		scores := []map[string]any{{"label": "pos", "score": 0.93}, {"label": "neg", "score": 0.07}}
		if strings.Contains(text, "never") {
			scores = []map[string]any{{"label": "neg", "score": 0.81}, {"label": "pos", "score": 0.19}}
		}
		data = append(data, map[string]any{"index": i, "label": scores[0]["label"], "score": scores[0]["score"], "scores": scores})
	}
	json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data})
}

func (f *fake) chat(w http.ResponseWriter, r *http.Request) {
	for _, word := range strings.SplitAfter("A whetstone keeps an edge: a little, often, and with <b>patience</b>.", " ") {
		b, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"index": 0, "delta": map[string]any{"content": word}, "text": word}}})
		fmt.Fprintf(w, "data: %s\n\n", b)
		w.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}
