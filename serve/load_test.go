package serve

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// inMemory counts the base models that are loaded.
func (s *Server) inMemory() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.engines)
}

// models returns what /v1/models lists, by name.
func models(t *testing.T, url string) map[string]any {
	t.Helper()
	r, err := http.Get(url + "/v1/models")
	check(t, err)
	_, v := answerOf(t, r)
	all := map[string]any{}
	for _, m := range at(v, "data").([]any) {
		all[at(m, "id").(string)] = at(m, "hone")
	}
	return all
}

// What is offered is listed as if it were there, but only the first who asks has it loaded, once for all who wait.
func TestLoadedAtFirstUse(t *testing.T) {
	base := newModel(t, 1)
	s, web := newServer(t, Config{}, nil)
	dirs := map[string]string{"mood": base, "one": newAdapter(t, base, 2), "other": newModel(t, 4)}
	for name, dir := range dirs {
		check(t, s.Offer(name, dir))
	}
	before := models(t, web.URL)
	if len(before) != 3 || s.inMemory() != 0 {
		t.Fatalf("listed: %v; %d models are in memory though nobody asked", before, s.inMemory())
	}
	post(t, web.URL+"/api/show", `{"model": "mood"}`)
	if s.inMemory() != 0 {
		t.Error("a model was loaded to be shown")
	}
	var wg sync.WaitGroup
	for range 8 {
		for _, name := range []string{"mood", "one"} {
			wg.Go(func() {
				if status, v := post(t, web.URL+"/v1/classify", `{"model": "`+name+`", "input": "a film"}`); status != 200 {
					t.Errorf("%s: %d, %v", name, status, v)
				}
			})
		}
	}
	wg.Wait()
	if n := s.inMemory(); n != 1 {
		t.Errorf("%d base models are in memory; expected the one that was asked", n)
	}
	for name, own := range models(t, web.URL) {
		if !alike(own, before[name]) {
			t.Errorf("%s is listed as %v, before it was loaded as %v", name, own, before[name])
		}
	}
	if at(before["one"], "adapter") != true || at(before["mood"], "chat") != true || at(before["mood"], "context_length") != 128.0 || at(before["mood"], "labels", 1) != "positive" {
		t.Errorf("listed: %v", before)
	}
	if err := s.Offer("one", base); err == nil {
		t.Error("a name was taken twice")
	}
	if err := s.Offer("nothing", t.TempDir()); err == nil {
		t.Error("an empty folder is offered")
	}
}

// While a model is loaded, those in memory answer, and who waits for it waits no longer than a request may take.
func TestWaitingForAModel(t *testing.T) {
	s, web := newServer(t, Config{}, map[string]string{"mood": newModel(t, 1)})
	check(t, s.Offer("late", newModel(t, 2)))
	s.loading.Lock() // as a long load does
	answered := make(chan int)
	go func() {
		status, _ := post(t, web.URL+"/v1/classify", `{"model": "late", "input": "a film"}`)
		answered <- status
	}()
	ctx, leave := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "POST", web.URL+"/v1/classify", strings.NewReader(`{"model": "late", "input": "a film"}`))
	check(t, err)
	if _, err := http.DefaultClient.Do(r); err == nil {
		t.Error("a model that is not there answers")
	}
	if status, v := post(t, web.URL+"/v1/classify", `{"model": "mood", "input": "a film"}`); status != 200 {
		t.Errorf("beside a load: %d, %v", status, v)
	}
	select {
	case status := <-answered:
		t.Errorf("a model that is not there answers %d", status)
	default:
	}
	for deadline := time.Now().Add(10 * time.Second); len(s.slots) > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a request waits on without its client")
		}
	}
	s.loading.Unlock()
	if status := <-answered; status != 200 {
		t.Errorf("after the load: %d", status)
	}

	check(t, s.Offer("later", newModel(t, 3)))
	s.loading.Lock()
	s.config.Timeout = 20 * time.Millisecond
	if status, v := post(t, web.URL+"/v1/classify", `{"model": "later", "input": "a film"}`); status != 504 {
		t.Errorf("a load that takes too long: %d, %v", status, v)
	}
	s.Remove("later") // while it waits for its turn
	s.config.Timeout = time.Minute
	s.loading.Unlock()
	if status, _ := post(t, web.URL+"/v1/classify", `{"model": "later", "input": "a film"}`); status != 404 {
		t.Errorf("a model that was removed: %d", status)
	}
	for deadline := time.Now().Add(10 * time.Second); s.inMemory() > 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a model that was removed is in memory")
		}
	}
}

// A model that can't be loaded is an error of those who ask it, until it can.
func TestLoadFails(t *testing.T) {
	s, web := newServer(t, Config{}, nil)
	dir := newModel(t, 1)
	check(t, s.Offer("mood", dir))
	path := filepath.Join(dir, "model.safetensors")
	whole, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, whole[:len(whole)/2], 0o666))
	for range 2 {
		status, v := post(t, web.URL+"/v1/classify", `{"input": "a film"}`)
		if status != 500 || at(v, "error", "code") != "model_unavailable" || strings.Contains(at(v, "error", "message").(string), dir) {
			t.Errorf("%d, %v", status, v)
		}
	}
	if len(s.slots) > 0 || s.inMemory() > 0 {
		t.Errorf("%d requests and %d models are left", len(s.slots), s.inMemory())
	}
	check(t, os.WriteFile(path, whole, 0o666))
	alive(t, web.URL)
}

// A model in 8 bits is the one that Quantize makes, and needs its folder no more.
func TestInt8IsItsOwn(t *testing.T) {
	dir := newModel(t, 1)
	_, web := newServer(t, Config{Dtype: "int8"}, map[string]string{"mood": dir})
	q := asking{path: "/v1/classify", body: `{"input": ["the film", "a longer text to read"]}`}
	want := q.ask(t, web.URL)
	path := filepath.Join(dir, "model.safetensors")
	info, err := os.Stat(path)
	check(t, err)
	check(t, os.WriteFile(path, make([]byte, info.Size()), 0o666)) // into the same file
	if got := q.ask(t, web.URL); !alike(got, want) {
		t.Errorf("after the folder was overwritten: %v, before: %v", got, want)
	}
	check(t, os.Truncate(path, 0))
	alive(t, web.URL)
}
