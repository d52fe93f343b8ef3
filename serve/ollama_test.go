package serve

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// lines posts JSON and returns the lines of the answer.
func lines(t *testing.T, url, body string) (all []map[string]any) {
	t.Helper()
	r, err := http.Post(url, "", strings.NewReader(body))
	check(t, err)
	defer r.Body.Close()
	for d := json.NewDecoder(r.Body); ; {
		var v map[string]any
		if err := d.Decode(&v); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if s, _ := v["created_at"].(string); s == "" {
			t.Errorf("a line without a time: %v", v)
		} else if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
			t.Error(err)
		}
		all = append(all, v)
	}
}

// Streamed or whole, Ollama's routes say the same, with its counts and durations.
func TestOllama(t *testing.T) {
	_, web := newServer(t, Config{}, map[string]string{"mood": newModel(t, 1)})
	for _, c := range []struct {
		path, body string
		text       []any // where the text is
	}{
		{"/api/generate", `"prompt": "Hello", "system": "Be brief."`, []any{"response"}},
		{"/api/generate", `"prompt": "Hello", "raw": true`, []any{"response"}},
		{"/api/chat", `"messages": [{"role": "user", "content": "Hello"}]`, []any{"message", "content"}},
	} {
		body := `{"model": "mood:latest", "options": {"seed": 7, "num_predict": 9, "num_ctx": 4096}, ` + c.body
		streamed := lines(t, web.URL+c.path, body+"}")
		whole := lines(t, web.URL+c.path, body+`, "stream": false}`)
		var text strings.Builder
		for i, v := range streamed {
			s, _ := at(v, c.text...).(string)
			text.WriteString(s)
			if v["done"] != (i == len(streamed)-1) || v["model"] != "mood" {
				t.Errorf("line %d: %v", i, v)
			}
		}
		if len(whole) != 1 || at(whole[0], c.text...) != text.String() {
			t.Errorf("streamed %q, whole %v", text.String(), whole)
		}
		for _, v := range []map[string]any{whole[0], streamed[len(streamed)-1]} {
			n, _ := v["eval_count"].(float64)
			total, _ := v["total_duration"].(float64)
			eval, _ := v["eval_duration"].(float64)
			prompt, _ := v["prompt_eval_duration"].(float64)
			if n < 1 || n > 9 || total < eval+prompt || prompt <= 0 || v["prompt_eval_count"].(float64) < 1 || v["done_reason"] == nil {
				t.Errorf("the last line is %v", v)
			}
		}
	}
	if v := lines(t, web.URL+"/api/generate", `{"model": "mood"}`); v[0]["done_reason"] != "load" {
		t.Errorf("loading: %v", v)
	}
	_, shown := post(t, web.URL+"/api/show", `{"model": "mood"}`)
	if at(shown, "details", "family") != "llama" || at(shown, "model_info", "llama.context_length") != 128.0 || !strings.Contains(shown["template"].(string), "assistant:") {
		t.Errorf("show: %v", shown)
	}
	for path, want := range map[string][]any{"/api/tags": {"models", 0, "name"}, "/api/version": {"version"}} {
		r, err := http.Get(web.URL + path)
		check(t, err)
		if _, v := answerOf(t, r); at(v, want...) == nil {
			t.Errorf("%s: %v", path, v)
		}
	}
	for body, want := range map[string]string{`{"model": "nothing", "prompt": "a"}`: "there is no model", `{"prompt": "a", "format": "json"}`: "format",
		`{"prompt": "a", "options": {"stop": 3}}`: "options.stop"} {
		_, v := post(t, web.URL+"/api/generate", body)
		if s, _ := v["error"].(string); !strings.Contains(s, want) {
			t.Errorf("%s: %v", body, v)
		}
	}
}
