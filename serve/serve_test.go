package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
)

const tiny = `{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 421, "bos_token_id": 420, "eos_token_id": 420, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
	"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.4, "tie_word_embeddings": true}`

// newModel makes a folder with a tiny model of random weights, a tokenizer, a chat template and label words.
func newModel(t testing.TB, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	c, err := model.ParseConfig([]byte(tiny))
	check(t, err)
	m, err := model.New(c, seed)
	check(t, err)
	check(t, m.Save(dir))
	tok, err := tokenizer.Load(filepath.Join("..", "tokenizer", "testdata", "gpt2"))
	check(t, err)
	check(t, tok.Save(dir))
	check(t, os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte("{% for m in messages %}{% if m['role'] == 'robot' %}{{ raise_exception('no robots') }}{% endif %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"), 0o666))
	v, err := collate.NewVerbalizer(tok, collate.Verbalizer{Template: "{text}\nmood:{label}", Labels: []string{"negative", "positive"}, LabelWords: []string{" bad", " good"}, MaxLength: 64})
	check(t, err)
	check(t, v.Save(dir))
	return dir
}

// newAdapter makes a folder with an adapter of the model in base that changes a lot, and label words.
func newAdapter(t testing.TB, base string, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	m, err := model.Load(base)
	check(t, err)
	c := lora.Defaults()
	c.BaseModel, c.InitWeights, c.Alpha = base, "false", 32
	c.TargetModules = lora.Names{Regex: lora.AllLinear}
	a, err := lora.Attach(m, c, seed)
	check(t, err)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, p := range m.Params {
		if a.Trainable(p) {
			for i := range p.W.Data {
				p.W.Data[i] = nn.Float(r.NormFloat64() / 4)
			}
		}
	}
	check(t, a.Save(dir))
	b, err := os.ReadFile(filepath.Join(base, collate.VerbalizerFile))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, collate.VerbalizerFile), b, 0o666))
	return dir
}

// newServer serves models by name.
func newServer(t testing.TB, c Config, models map[string]string) (*Server, *httptest.Server) {
	t.Helper()
	if c.Device == nil {
		c.Device = hone.Device(2)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	s, err := New(c)
	check(t, err)
	t.Cleanup(s.Close)
	for name, dir := range models {
		check(t, s.Add(context.Background(), name, dir))
	}
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	return s, web
}

// A logWriter makes the server's log part of the test's.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// post sends JSON and returns the status and the answer.
func post(t testing.TB, url, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.Post(url, "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	return answerOf(t, r)
}

func answerOf(t testing.TB, r *http.Response) (int, map[string]any) {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Errorf("%s: the answer is no JSON: %.300q", r.Request.URL, b)
	}
	return r.StatusCode, v
}

// at returns the value at a path of keys and numbers.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return fmt.Sprintf("no element %d in a list of %d", p, len(l))
			}
			v = l[p]
		}
	}
	return v
}

// A class is what hone predict says, to the bit, alone or with others in a request.
func TestClassifyIsPredict(t *testing.T) {
	dir := newModel(t, 1)
	_, web := newServer(t, Config{}, map[string]string{"mood": dir})
	c, err := hone.OpenClassifier(dir, hone.Device(2), collate.Verbalizer{})
	check(t, err)
	long := string(bytes.Repeat([]byte("a long text "), 40))
	for _, texts := range [][]string{{"a film"}, {"a film", "", "another film", long}} {
		want, err := c.Predict(context.Background(), texts...)
		check(t, err)
		body, _ := json.Marshal(map[string]any{"model": "mood", "input": texts})
		status, got := post(t, web.URL+"/v1/classify", string(body))
		if status != 200 {
			t.Fatal(got)
		}
		for i, scores := range want {
			if at(got, "data", i, "label") != scores[0].Label || at(got, "data", i, "score") != scores[0].Score || at(got, "data", i, "scores", 1, "score") != scores[1].Score {
				t.Errorf("text %d is %v; predict says %v", i, at(got, "data", i), scores)
			}
			if cut := at(got, "data", i, "truncated"); (cut == true) != (texts[i] == long) {
				t.Errorf("text %d: truncated is %v", i, cut)
			}
		}
	}
}
