package jobs

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/hone-ml/hone/train"
)

// Requests that are refused, and what the error says.
func TestRefused(t *testing.T) {
	c := open(t, t.TempDir(), func(o *Options) { o.MaxFileBytes, o.MaxJobs = 1000, 1 })
	file := c.upload("rows.jsonl", rows)
	with := func(more string) string { return `{"model": "base", "training_file": "` + file + `"` + more + `}` }
	for body, want := range map[string]string{
		`{`:                      "not the JSON of a job",
		`[]`:                     "not the JSON of a job",
		with("") + "{}":          "goes on after",
		with(`, "modle": 1`):     "modle",
		`{"training_file": "x"}`: "model is missing",
		`{"model": "base"}`:      "training_file is missing",
		`{"model": "../base", "training_file": "` + file + `"}`:                                    "../base",
		`{"model": "/etc", "training_file": "` + file + `"}`:                                       "/etc",
		`{"model": "a/b/c", "training_file": "` + file + `"}`:                                      "a/b/c",
		`{"model": "base", "training_file": "../files"}`:                                           `no file "../files"`,
		with(`, "validation_file": "file-x"`):                                                      `no file "file-x"`,
		with(`, "suffix": "a:b"`):                                                                  "suffix",
		with(`, "suffix": "../x/"`):                                                                "suffix",
		with(`, "seed": "x"`):                                                                      "seed",
		with(`, "integrations": [{"type": "wandb"}]`):                                              "sends nothing to others",
		with(`, "method": {"type": "dpo"}`):                                                        "supervised",
		with(`, "hyperparameters": {"n_epochs": "many"}`):                                          `"many"`,
		with(`, "hyperparameters": {"n_epochs": -1}`):                                              "n_epochs is -1",
		with(`, "hyperparameters": {"batch_size": 1.5}`):                                           "per_device_train_batch_size",
		with(`, "hyperparameters": {"batch_size": 2}, "hone": {"per_device_train_batch_size": 2}`): "are the same",
		with(`, "hone": {"output_dir": "/tmp/x"}`):                                                 "output_dir is not a setting",
		with(`, "hone": {"dataset": "/etc/passwd"}`):                                               "dataset is not a setting",
		with(`, "hone": {"events_file": "/etc/passwd"}`):                                           "events_file is not a setting",
		with(`, "hone": {"lerning_rate": 1}`):                                                      `"learning_rate"`,
		with(`, "hone": {"learning_rate": "fast"}`):                                                "learning_rate is a string; expected a number",
		with(`, "hone": {"lora": 1}`):                                                              "lora is a number; expected true or false",
		with(`, "hone": {"eval_strategy": "never"}`):                                               "eval_strategy",
		with(`, "metadata": {"` + strings.Repeat("k", 65) + `": "v"}`):                             "metadata",
	} {
		e := c.do("POST", "/v1/fine_tuning/jobs", body, status(body))
		if message := e["message"].(string); !strings.Contains(message, want) {
			t.Errorf("%s: %q, expected it to say %q", body, message, want)
		}
	}

	for want, f := range map[string]form{
		"purpose is \"assistants\"": multipartForm("rows.jsonl", rows, "assistants"),
		"no file":                   multipartForm("", "", "fine-tune"),
		"is empty":                  multipartForm("rows.jsonl", "", "fine-tune"),
		"breaks off":                {[]byte("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc"), "multipart/form-data; boundary=x"},
		"multipart form":            {[]byte("abc"), "text/plain"},
	} {
		if message := c.do("POST", "/v1/files", f, 400)["message"].(string); !strings.Contains(message, want) {
			t.Errorf("an upload: %q, expected it to say %q", message, want)
		}
	}
	c.do("POST", "/v1/files", multipartForm("rows.jsonl", strings.Repeat("x", 1001), "fine-tune"), http.StatusRequestEntityTooLarge)
	c.do("POST", "/v1/files", multipartForm("rows.jsonl", strings.Repeat("x", 3<<20), "fine-tune"), http.StatusRequestEntityTooLarge)
	if entries, err := os.ReadDir(c.m.files); err != nil || len(entries) != 1 {
		t.Errorf("refused uploads left something: %v, %v", entries, err)
	}
	c.do("GET", "/v1/files?limit=0", nil, 400)
	c.do("GET", "/v1/files?after=file-x", nil, 400)
	c.do("GET", "/v1/files/..%2Flock", nil, 404)
}

func status(body string) int {
	switch {
	case strings.Contains(body, `"../base"`), strings.Contains(body, `"/etc"`), strings.Contains(body, "a/b/c"), strings.Contains(body, "../files"), strings.Contains(body, `"file-x"`):
		return 404
	}
	return 400
}

func TestMostJobs(t *testing.T) {
	c := open(t, t.TempDir(), func(o *Options) { o.MaxJobs, o.MaxFiles = 1, 1 })
	path := c.create("waits")
	c.do("POST", "/v1/files", multipartForm("rows.jsonl", rows, "fine-tune"), 400)
	file := c.do("GET", "/v1/files", nil, 200)["data"].([]any)[0].(map[string]any)["id"]
	c.do("POST", "/v1/fine_tuning/jobs", map[string]any{"model": "base", "training_file": file}, 429)
	c.do("POST", path+"/cancel", nil, 200)
	c.do("POST", "/v1/fine_tuning/jobs", map[string]any{"model": "base", "training_file": file}, 200)
}

// Every setting that a request may have is one that options knows, and none names a place.
func TestAllowed(t *testing.T) {
	var known map[string]any
	args := train.Defaults()
	b, err := json.Marshal(options{Args: &args})
	if err == nil {
		err = json.Unmarshal(b, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range allowed {
		if _, ok := known[name]; !ok {
			t.Errorf("%s is allowed, but options doesn't know it", name)
		}
	}
	for _, name := range []string{"output_dir", "resume_from_checkpoint", "report_to"} {
		if slices.Contains(allowed, name) {
			t.Errorf("%s is allowed", name)
		}
	}
}

func TestConfigIsYAML(t *testing.T) {
	set := map[string]any{"template": "{text}\n\"q\" <b> #no: [\\u0041] é 🐧\u2028", "labels": []any{"a, b", "true", "007"}, "learning_rate": 1e-5, "lora": true, "seed": json.Number("12345678901")}
	b, err := config(set)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Template     string
		Labels       []string
		LearningRate float64 `yaml:"learning_rate"`
		Lora         bool
		Seed         int64
	}
	if err := yaml.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if got.Template != set["template"] || !slices.Equal(got.Labels, []string{"a, b", "true", "007"}) || got.LearningRate != 1e-5 || !got.Lora || got.Seed != 12345678901 {
		t.Errorf("%+v was read from\n%s", got, b)
	}
}

func TestTunedName(t *testing.T) {
	id := "ftjob-aaaaaaaaaaaaaaaaaa12345678"
	for base, want := range map[string]string{
		"gpt2": "ft:gpt2:mine:12345678", "HuggingFaceTB/SmolLM2-135M": "ft:SmolLM2-135M:mine:12345678",
		"ft:gpt2:old:abc": "ft:gpt2:mine:12345678", "a b:c": "ft:a-b-c:mine:12345678",
	} {
		if got := tunedName(base, "mine", id); got != want {
			t.Errorf("the model tuned from %q is %q, expected %q", base, got, want)
		}
	}
}

func TestFull(t *testing.T) {
	c := open(t, t.TempDir())
	w := httptest.NewRecorder()
	q := httptest.NewRequest("POST", "/v1/files", bytes.NewReader(nil))
	c.m.o.MaxFileBytes = 1 << 61
	q.ContentLength = 1 << 60
	q.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	c.h.ServeHTTP(w, q)
	if w.Code != http.StatusInsufficientStorage || !strings.Contains(w.Body.String(), "not enough disk space for this") {
		t.Errorf("an upload that no disk holds: %d %s", w.Code, w.Body)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model": "gpt2", "training_file": "file-x", "suffix": "s", "seed": 1, "metadata": {"a": "b"}}`))
	f.Add([]byte(`{"model": "gpt2", "training_file": "x", "hyperparameters": {"n_epochs": "auto", "batch_size": 4, "learning_rate_multiplier": 0.1}}`))
	f.Add([]byte(`{"model": "gpt2", "training_file": "x", "hone": {"lora": true, "labels": ["a"], "lr_scheduler_kwargs": {"num_cycles": 2}, "eval_steps": null}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := decodeRequest(bytes.NewReader(b))
		if err != nil {
			return
		}
		j, err := newJob(q, "base")
		if err != nil {
			t.Fatalf("a request that is good makes no job: %v", err)
		}
		if err := j.check(); err != nil {
			t.Fatalf("a job that was made is refused: %v", err)
		}
		set, err := config(j.Settings)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(set, []byte("\n")); n != len(j.Settings) {
			t.Fatalf("%d settings take %d lines", len(j.Settings), n)
		}
		if strings.ContainsAny(j.Tuned, "/\\ ") {
			t.Fatalf("the model's name is %q", j.Tuned)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"id": "ftjob-aaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "failed", "base": "gpt2", "fine_tuned": "ft:a::b", "settings": {"lora": true}, "error": {"code": "x"}}`))
	f.Add([]byte(`{"id": "ftjob-aaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "running", "want": "paused", "base": "gpt2", "fine_tuned": "x", "settings": {}}`))
	dir := filepath.Join(f.TempDir(), "ftjob-"+strings.Repeat("a", 26))
	if err := os.Mkdir(dir, 0o777); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, "job.json"), b, 0o666); err != nil {
			t.Fatal(err)
		}
		j, err := loadJob(dir)
		if err != nil {
			return
		}
		if _, err := json.Marshal(j); err != nil {
			t.Fatal(err)
		}
		if err := j.save(); err != nil {
			t.Fatal(err)
		}
		if _, err := loadJob(dir); err != nil {
			t.Fatalf("what was saved is refused: %v", err)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("{\"type\":\"plan\",\"step\":3}\n{\"type\":\"log\",\"step\":4,\"loss\":null}\nnonsense\n{\"type\":\"done\",\"metrics\":{\"a\":1}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, err := parseEvents(bytes.NewReader(b))
		if err != nil {
			return
		}
		outcome(lines)
		j := &job{record: record{ID: "ftjob-" + strings.Repeat("a", 26)}, dir: "/x"}
		m := &Manager{jobs: "/y"}
		for _, l := range history(lines) {
			if _, err := json.Marshal(m.openAI(j, l)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
