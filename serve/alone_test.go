package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/generate"
)

// An asking is a request and the answer to it when nothing else is being computed.
type asking struct {
	path, body string
	stream     bool
	want       any
}

// ask sends a request and returns what in the answer depends on the model: JSON, or the pieces of a stream.
func (q asking) ask(t testing.TB, url string) any {
	r, err := http.Post(url+q.path, "application/json", strings.NewReader(q.body))
	if err != nil {
		t.Error(err)
		return map[string]any{}
	}
	defer r.Body.Close()
	if !q.stream {
		status, v := answerOf(t, r)
		delete(v, "id")
		delete(v, "created")
		v["status"] = float64(status)
		return v
	}
	var text strings.Builder
	done := false
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if done = data == "[DONE]"; !ok || done {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Errorf("%q: %v", data, err)
		}
		fmt.Fprint(&text, at(v, "choices", 0, "text"), "|", at(v, "choices", 0, "finish_reason"), "|")
	}
	return map[string]any{"status": float64(r.StatusCode), "text": text.String(), "done": done}
}

// alike reports whether two answers are the same but for the rounding of numbers: a product of many rows adds up in
// another order than that of few.
func alike(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		for k, v := range a {
			ok = ok && alike(v, m[k])
		}
		return ok && len(a) == len(m)
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, alike)
	case float64:
		x, ok := b.(float64)
		return ok && math.Abs(a-x) <= 1e-3
	}
	return a == b
}

// askings are requests of all kinds to models of all kinds.
func askings() (all []asking) {
	for i, m := range []string{"mood", "one", "two", "other"} {
		body := func(format string, args ...any) string {
			return fmt.Sprintf(`{"model": %q, `, m) + fmt.Sprintf(format, args...) + "}"
		}
		all = append(all,
			asking{path: "/v1/classify", body: body(`"input": ["text %d", "a longer text to read for number %d"]`, i, i)},
			asking{path: "/v1/classify", body: body(`"input": "the film was %s"`, strings.Repeat("very ", i*7))},
			asking{path: "/v1/embeddings", body: body(`"input": ["hello %d", "a b c"]`, i)},
			asking{path: "/v1/completions", body: body(`"prompt": "the film", "max_tokens": %d, "temperature": 0, "logprobs": 2`, 5+3*i)},
			asking{path: "/v1/completions", body: body(`"prompt": "a film", "max_tokens": 12, "seed": %d, "n": 2, "echo": true, "logprobs": 1`, i)},
			asking{path: "/v1/completions", body: body(`"prompt": "once %d", "max_tokens": 9, "seed": 3, "stream": true`, i), stream: true},
		)
	}
	return all
}

// newZoo serves a base model, two adapters of it and another model.
func newZoo(t testing.TB, c Config) (*Server, string) {
	base := newModel(t, 1)
	s, web := newServer(t, c, map[string]string{"mood": base, "one": newAdapter(t, base, 2), "two": newAdapter(t, base, 3), "other": newModel(t, 4)})
	if n := len(s.engines); n != 2 {
		t.Fatalf("%d engines for two base models", n)
	}
	return s, web.URL
}

// Under the load of 64 clients every answer is what it is alone: texts and labels equal, numbers but for rounding. That
// says too that adapters are never mixed up: all four models answer differently.
func TestAnswersDontDependOnTheLoad(t *testing.T) {
	s, url := newZoo(t, Config{})
	all := askings()
	for i := range all {
		all[i].want = all[i].ask(t, url)
		if at(all[i].want, "status") != 200.0 {
			t.Fatalf("%s: %v", all[i].body, all[i].want)
		}
		for _, other := range all[:i] {
			if delete(other.want.(map[string]any), "model"); alike(other.want, all[i].want) {
				t.Errorf("%s and %s have the same answer", other.body, all[i].body)
			}
		}
	}
	delete(all[len(all)-1].want.(map[string]any), "model")
	counts := func() (passes, rows int64) {
		for _, e := range s.engines {
			passes, rows = passes+e.passes.Load(), rows+e.rows.Load()
		}
		return passes, rows
	}
	// On a busy machine it takes longer until many were computed together.
	begun := time.Now()
	more := func() bool {
		passes, rows := counts()
		took := time.Since(begun)
		return took < 2*time.Second || rows-passes < 200 && took < time.Minute
	}
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := g; more() && !t.Failed(); i++ {
				q := all[i%len(all)]
				got := q.ask(t, url)
				if delete(got.(map[string]any), "model"); !alike(got, q.want) {
					t.Errorf("%s %s\nalone: %v\nunder load: %v", q.path, q.body, q.want, got)
				}
			}
		})
	}
	wg.Wait()
	passes, rows := counts()
	t.Logf("%d passes of %.1f sequences", passes, float64(rows)/float64(passes))
	// On one processor the models of this test are done before the next request comes.
	if least := min(runtime.GOMAXPROCS(0), 2); rows < int64(least)*passes || rows-passes < 200 {
		t.Errorf("%d passes had %d sequences: hardly any were computed together", passes, rows)
	}
}

// The adapter that a name stands for is the one that hone generate would use.
func TestAdaptersAreThemselves(t *testing.T) {
	base := newModel(t, 1)
	dirs := map[string]string{"mood": base, "one": newAdapter(t, base, 2), "two": newAdapter(t, base, 3)}
	_, web := newServer(t, Config{}, dirs)
	for name, dir := range dirs {
		p, err := hone.OpenPipeline(dir, hone.Device(2))
		check(t, err)
		want, err := p.Text(context.Background(), "the film", generate.Options{Config: generate.Config{DoSample: new(false), MaxNewTokens: new(10)}, ReturnFullText: new(false)})
		check(t, err)
		_, got := post(t, web.URL+"/v1/completions", fmt.Sprintf(`{"model": %q, "prompt": "the film", "max_tokens": 10, "temperature": 0}`, name))
		if text := at(got, "choices", 0, "text"); text != want[0].Text {
			t.Errorf("%s says %q, alone %q", name, text, want[0].Text)
		}
	}
}

// Models come and go while others answer.
func TestAddAndRemove(t *testing.T) {
	base := newModel(t, 1)
	s, web := newServer(t, Config{Dtype: "int8"}, map[string]string{"mood": base})
	q := asking{path: "/v1/completions", body: `{"model": "mood", "prompt": "the film", "max_tokens": 20, "temperature": 0}`}
	q.want = q.ask(t, web.URL)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := q.ask(t, web.URL); !alike(got, q.want) {
					t.Errorf("while models come and go: %v, before: %v", got, q.want)
					return
				}
			}
		})
	}
	one, ctx := newAdapter(t, base, 2), context.Background()
	for range 5 {
		check(t, s.Add(ctx, "late", one))
		if err := s.Add(ctx, "late", one); err == nil {
			t.Error("a name was taken twice")
		}
		if status, v := post(t, web.URL+"/v1/classify", `{"model": "late", "input": "x"}`); status != 200 {
			t.Error(v)
		}
		s.Remove("late")
		if status, _ := post(t, web.URL+"/v1/classify", `{"model": "late", "input": "x"}`); status != 404 {
			t.Errorf("a removed model answers with %d", status)
		}
		for s.engineHas("late") { // it goes when its last request is answered
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	wg.Wait()
	for _, c := range [][2]string{{"", base}, {"a b", base}, {"x", t.TempDir()}, {"x", "/no/such/folder"}} {
		if err := s.Add(ctx, c[0], c[1]); err == nil {
			t.Errorf("a model %q in %s was added", c[0], c[1])
		}
	}
	s.Remove("mood")
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.RLock()
		n := len(s.engines)
		s.mu.RUnlock()
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the engine of a model that is no more goes on")
		}
	}
}

// engineHas reports whether an adapter is in some engine's memory.
func (s *Server) engineHas(name string) (found bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, e := range s.engines {
		e.call(context.Background(), func() error {
			for _, n := range e.set.Names() {
				found = found || n == name
			}
			return nil
		})
	}
	return found
}
