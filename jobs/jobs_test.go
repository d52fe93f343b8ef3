package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"os/signal"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/train"
)

// asWorker, set in the environment, makes this test binary a worker that only counts.
const asWorker = "HONE_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		if err := count(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// steps of a run of the worker that counts, and between its checkpoints.
const steps, every = 40, 5

// count does what hone train does, but that a step appends its number to the weights. The model's name says what goes
// wrong.
func count(args []string) (err error) {
	set := flag.NewFlagSet("count", flag.ContinueOnError)
	var config, events, model, data, out, resume string
	for name, p := range map[string]*string{"config": &config, "events_file": &events, "model": &model, "dataset": &data, "output_dir": &out, "resume_from_checkpoint": &resume} {
		set.StringVar(p, name, "", "")
	}
	if err := set.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	rec, err := Record(events)
	if err != nil {
		return err
	}
	defer func() { rec.End(ctx, err) }()
	h := rec.Hooks()

	state := &train.State{MaxSteps: steps, LogHistory: []train.Row{}}
	var weights string
	if resume != "" {
		saved, err := checkpoint.Load(resume)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(resume, "weights"))
		if err != nil {
			return err
		}
		state.GlobalStep, weights = saved.State.GlobalStep, string(b)
	}
	if model == "fails" {
		return fmt.Errorf("train: nothing in %s can be learnt", filepath.Join(data, "train.jsonl"))
	}
	h.Start(train.Plan{MaxSteps: steps, FirstStep: state.GlobalStep})
	save := func() error {
		dir, err := checkpoint.Write(out, checkpoint.Content{State: state, Args: train.Defaults(), Save: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "weights"), []byte(weights), 0o666)
		}})
		if err != nil {
			return err
		}
		return h.Save(dir, state.GlobalStep)
	}
	for state.GlobalStep < steps {
		time.Sleep(5 * time.Millisecond)
		state.GlobalStep++
		weights += fmt.Sprint(state.GlobalStep, " ")
		if model == "dies" && state.GlobalStep == 7 {
			fmt.Fprintln(os.Stderr, "fatal error: out of memory")
			os.Exit(2)
		}
		h.Step(train.Progress{Step: state.GlobalStep, MaxSteps: steps})
		h.Log(train.Row{"step": float64(state.GlobalStep), "loss": 1 / float64(state.GlobalStep)})
		if model == "waits" && resume == "" && state.GlobalStep == 8 {
			<-ctx.Done() // however slow its test is, it's still running
		}
		if ctx.Err() != nil {
			if err := save(); err != nil {
				return err
			}
			return &train.Interrupted{Step: state.GlobalStep, MaxSteps: steps, Err: ctx.Err()}
		}
		if state.GlobalStep%every == 0 {
			if err := save(); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(out, "weights"), []byte(weights), 0o666); err != nil {
		return err
	}
	return rec.Done(state, train.Row{"num_input_tokens_seen": 123}, out)
}

// unbroken are the weights of a run that did every step once.
func unbroken() (w string) {
	for i := range steps {
		w += fmt.Sprint(i+1, " ")
	}
	return w
}

// A client talks to a Manager as HTTP clients do.
type client struct {
	t    testing.TB
	m    *Manager
	h    http.Handler
	done []string // models that were told of
}

// open opens dir with the worker that counts.
func open(t testing.TB, dir string, change ...func(*Options)) *client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asWorker, "1")
	c := &client{t: t}
	o := Options{Worker: []string{self}, Log: slog.New(slog.DiscardHandler), Done: func(model, dir string) error {
		if _, err := os.Stat(filepath.Join(dir, "weights")); err != nil {
			t.Errorf("told of a model that isn't there: %v", err)
		}
		c.done = append(c.done, model)
		return nil
	}}
	for _, f := range change {
		f(&o)
	}
	if c.m, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	c.h = c.m.Handler()
	t.Cleanup(c.close)
	return c
}

// close closes the Manager, once.
func (c *client) close() {
	if c.m != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.m.Close(ctx); err != nil {
			c.t.Error(err)
		}
		c.m = nil
	}
}

// do sends a request and decodes the answer, which must have that status.
func (c *client) do(method, path string, body any, status int) map[string]any {
	c.t.Helper()
	var r io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case form:
		r, kind = bytes.NewReader(b.body), b.kind
	case string:
		r = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(j)
	}
	q := httptest.NewRequest(method, path, r)
	q.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, q)
	if w.Code != status {
		c.t.Fatalf("%s %s: status %d, expected %d: %s", method, path, w.Code, status, w.Body)
	}
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		c.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
	if status >= 400 {
		e, _ := v["error"].(map[string]any)
		if message, _ := e["message"].(string); message == "" || e["type"] == nil {
			c.t.Fatalf("%s %s: an error in another shape: %s", method, path, w.Body)
		}
		return e
	}
	return v
}

type form struct {
	body []byte
	kind string
}

// multipartForm is a form with a file and a purpose, in that order.
func multipartForm(name, content, purpose string) form {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if name != "" {
		part, _ := w.CreateFormFile("file", name)
		io.WriteString(part, content)
	}
	w.WriteField("purpose", purpose)
	w.Close()
	return form{b.Bytes(), w.FormDataContentType()}
}

const rows = `{"text": "good film", "label": "pos"}
{"text": "bad film", "label": "neg"}
{"text": "a fine film", "label": "pos"}
`

func (c *client) upload(name, content string) string {
	c.t.Helper()
	return c.do("POST", "/v1/files", multipartForm(name, content, "fine-tune"), 200)["id"].(string)
}

// create makes a job on a file of rows and returns its path.
func (c *client) create(model string) string {
	c.t.Helper()
	return jobPath(c.do("POST", "/v1/fine_tuning/jobs", map[string]any{"model": model, "training_file": c.upload("rows.jsonl", rows), "suffix": "mine"}, 200))
}

func jobPath(job map[string]any) string { return "/v1/fine_tuning/jobs/" + job["id"].(string) }

// wait waits until the job has one of the statuses.
func (c *client) wait(path string, statuses ...string) map[string]any {
	c.t.Helper()
	for range 1000 {
		j := c.do("GET", path, nil, 200)
		for _, s := range statuses {
			if j["status"] == s {
				return j
			}
		}
		if s := j["status"]; s == failed || s == cancelled || s == succeeded {
			c.t.Fatalf("the job is %v: %v", s, j["error"])
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("the job is never %v: %v", statuses, c.do("GET", path+"/events", nil, 200))
	return nil
}

// waitStep waits until the job's log has the step.
func (c *client) waitStep(path string, step int) {
	c.t.Helper()
	id := path[strings.LastIndex(path, "/")+1:]
	for range 1000 {
		lines, err := readEvents(c.m.all[id].events())
		if err != nil {
			c.t.Fatal(err)
		}
		for _, l := range lines {
			if l.Type == "log" && l.Step >= step {
				return
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	c.t.Fatalf("the job never comes to step %d", step)
}

// whole checks that a job has done every step once and that its history says so.
func (c *client) whole(path string) {
	c.t.Helper()
	j := c.wait(path, succeeded)
	id := j["id"].(string)
	b, err := os.ReadFile(filepath.Join(c.m.jobs, id, "model", "weights"))
	if err != nil {
		c.t.Fatal(err)
	}
	if string(b) != unbroken() {
		c.t.Errorf("the steps of the weights are %s", b)
	}
	lines, err := readEvents(filepath.Join(c.m.jobs, id, "events.jsonl"))
	if err != nil {
		c.t.Fatal(err)
	}
	next := 1
	for _, l := range history(lines) {
		if l.Type == "log" {
			if l.Step != next {
				c.t.Errorf("the history has step %d, expected %d", l.Step, next)
			}
			next = l.Step + 1
		}
	}
	if next != steps+1 {
		c.t.Errorf("the history ends after step %d", next-1)
	}
}

func TestJob(t *testing.T) {
	c := open(t, t.TempDir())
	file := c.upload(`C:\data\my rows.jsonl`, rows)
	f := c.do("GET", "/v1/files/"+file, nil, 200)
	if f["filename"] != "my rows.jsonl" || f["bytes"] != float64(len(rows)) || f["purpose"] != "fine-tune" || f["object"] != "file" {
		t.Errorf("the file is %v", f)
	}
	j := c.do("POST", "/v1/fine_tuning/jobs", `{"model": "org/base", "training_file": "`+file+`", "suffix": "mine", "seed": 7, "metadata": {"a": "b"},
		"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": 3}}},
		"hone": {"lora": true, "max_length": 64}}`, 200)
	path := jobPath(j)
	if h := j["hyperparameters"].(map[string]any); h["n_epochs"] != 2.0 || h["batch_size"] != 8.0 || h["learning_rate_multiplier"] != 3.0 {
		t.Errorf("the hyperparameters are %v", h)
	}
	c.do("DELETE", "/v1/files/"+file, nil, 200) // the job has its own
	c.do("GET", "/v1/files/"+file, nil, 404)
	c.whole(path)
	j = c.wait(path, succeeded)
	id := j["id"].(string)
	name := "ft:base:mine:" + id[len(id)-8:]
	if j["fine_tuned_model"] != name || len(c.done) != 1 || c.done[0] != name || j["trained_tokens"] != 123.0 || j["finished_at"] == nil || j["seed"] != 7.0 {
		t.Errorf("the job is %v, and %v was told", j, c.done)
	}
	b, err := os.ReadFile(filepath.Join(c.m.jobs, id, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"lora: true\n", "max_length: 64\n", "num_train_epochs: 2\n", "learning_rate: 0.00015", "seed: 7\n"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the worker's settings lack %q:\n%s", want, b)
		}
	}

	// Pages of events, and checkpoints.
	seen := map[string]bool{}
	after := ""
	for {
		page := c.do("GET", path+"/events?limit=7"+after, nil, 200)
		for _, e := range page["data"].([]any) {
			e := e.(map[string]any)
			seen[e["id"].(string)] = true
			after = "&after=" + e["id"].(string)
			if strings.Contains(e["message"].(string), c.m.jobs) {
				t.Errorf("an event tells a path: %v", e["message"])
			}
		}
		if page["has_more"] == false {
			break
		}
	}
	if len(seen) < steps+steps/every {
		t.Errorf("there are %d events", len(seen))
	}
	if n := len(c.do("GET", path+"/checkpoints", nil, 200)["data"].([]any)); n != steps/every {
		t.Errorf("there are %d checkpoints", n)
	}
	if err := os.RemoveAll(checkpoint.Dir(filepath.Join(c.m.jobs, id, "model"), every)); err != nil { // as save_total_limit does
		t.Fatal(err)
	}
	if left := c.do("GET", path+"/checkpoints", nil, 200)["data"].([]any); len(left) != steps/every-1 || left[len(left)-1].(map[string]any)["step_number"] != 2.0*every {
		t.Errorf("after the first was deleted the checkpoints are %v", left)
	}

	// It is told of again when the folder is opened again, and gone when it is deleted.
	dir := filepath.Dir(c.m.jobs)
	c.close()
	gone := ""
	c = open(t, dir, func(o *Options) { o.Gone = func(model string) { gone = model } })
	if len(c.done) != 1 || c.done[0] != name {
		t.Errorf("after opening again %v was told", c.done)
	}
	c.do("DELETE", path, nil, 200)
	c.do("GET", path, nil, 404)
	if gone != name {
		t.Errorf("%q was told to be gone", gone)
	}
}

// A job that holds rows out isn't told to.
func TestHeldOut(t *testing.T) {
	c := open(t, t.TempDir())
	for size, want := range map[string]bool{"": true, `, "hone": {"test_size": 0}`: true, `, "hone": {"test_size": 0.5}`: false} {
		path := jobPath(c.do("POST", "/v1/fine_tuning/jobs", `{"model": "base", "training_file": "`+c.upload("rows.jsonl", rows)+`"`+size+`}`, 200))
		c.whole(path)
		if events := fmt.Sprint(c.do("GET", path+"/events?limit=100", nil, 200)["data"]); strings.Contains(events, "hold some rows out") != want {
			t.Errorf("with%s it is told to: %v", size, !want)
		}
	}
}

func TestPauseAndResume(t *testing.T) {
	c := open(t, t.TempDir())
	path := c.create("waits")
	c.do("POST", path+"/resume", nil, 400)
	c.waitStep(path, 8)
	if s := c.do("POST", path+"/pause", nil, 200)["status"]; s != paused {
		t.Errorf("the job is %v", s)
	}
	id := path[strings.LastIndex(path, "/")+1:]
	for range 500 {
		if c.m.view(c.m.all[id]).Status == paused {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if c.m.view(c.m.all[id]).Status != paused {
		t.Fatal("the worker of a paused job doesn't end")
	}
	other := c.create("base") // goes first now
	c.whole(other)
	c.do("POST", path+"/resume", nil, 200)
	c.whole(path)
}

func TestCancel(t *testing.T) {
	c := open(t, t.TempDir())
	first := c.create("waits")
	c.waitStep(first, 3)
	second := c.create("base")
	c.wait(second, queued)
	c.do("POST", second+"/cancel", nil, 200)
	c.do("POST", first+"/cancel", nil, 200)
	c.do("POST", first+"/cancel", nil, 400)
	for _, path := range []string{first, second} {
		c.wait(path, cancelled)
	}
	c.whole(c.create("base"))
	if len(c.done) != 1 {
		t.Errorf("told of %v", c.done)
	}
}

func TestFailures(t *testing.T) {
	c := open(t, t.TempDir())
	reason := func(path string) map[string]any {
		t.Helper()
		return c.wait(path, failed)["error"].(map[string]any)
	}
	if e := reason(c.create("fails")); e["code"] != "training_failed" || e["message"] != "train: nothing in rows.jsonl can be learnt" {
		t.Errorf("a run that fails: %v", e)
	}
	if e := reason(c.create("dies")); e["code"] != "worker_died" || !strings.Contains(e["message"].(string), "died 3 times") || !strings.Contains(e["message"].(string), "out of memory") {
		t.Errorf("a worker that dies again and again: %v", e)
	}
	bad := c.upload("chats.jsonl", `{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
{"messages": [{"role": "wizard", "content": "a"}]}
`)
	e := reason(jobPath(c.do("POST", "/v1/fine_tuning/jobs", map[string]any{"model": "base", "training_file": bad}, 200)))
	if e["param"] != "training_file" || !strings.Contains(e["message"].(string), "chats.jsonl:2") && !strings.Contains(e["message"].(string), "chats.jsonl, line 2") {
		t.Errorf("a message of a wizard: %v", e)
	}
	good := c.upload("rows.jsonl", rows)
	broken := c.upload("held.jsonl", rows+"{\n")
	e = reason(jobPath(c.do("POST", "/v1/fine_tuning/jobs", map[string]any{"model": "base", "training_file": good, "validation_file": broken}, 200)))
	if e["param"] != "validation_file" || !strings.Contains(e["message"].(string), "held.jsonl:4") && !strings.Contains(e["message"].(string), "held.jsonl, line 4") {
		t.Errorf("a line of validation that is no JSON: %v", e)
	}
}

// A Manager that closes has its worker save; the next one goes on.
func TestCloseAndOpen(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	path := c.create("waits")
	c.waitStep(path, 3)
	second := c.create("base")
	c.wait(second, queued)
	c.close()
	c = open(t, dir)
	c.whole(path)
	c.whole(second)
}

// What couldn't be written, as on a full disk, is written when it can be: when another job's state is, or at the end.
func TestSavedLater(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for i, later := range []func(){func() { c.whole(c.create("base")) }, c.close} {
		path := c.create("base")
		c.whole(path)
		j := c.m.all[path[strings.LastIndex(path, "/")+1:]]
		if err := os.Rename(j.dir, j.dir+".away"); err != nil {
			t.Fatal(err)
		}
		c.m.mu.Lock()
		j.Metadata = map[string]string{"changed": "yes"}
		c.m.keep(j)
		c.m.mu.Unlock()
		if err := os.Rename(j.dir+".away", j.dir); err != nil {
			t.Fatal(err)
		}
		later()
		if b, err := os.ReadFile(j.path("job.json")); err != nil || !strings.Contains(string(b), "changed") {
			t.Errorf("%d: the folder has %s, %v", i, b, err)
		}
	}
}

func TestOneManager(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := Open(dir, c.m.o); err == nil || !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("a folder opens twice: %v", err)
	}
}

// What is broken is left out and left alone.
func TestCorruptFolders(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	path := c.create("base")
	c.whole(path)
	id, file := path[strings.LastIndex(path, "/")+1:], c.upload("rows.jsonl", rows)
	c.close()
	for i, text := range []string{"", "{", `{"id": "` + id + `"}`, "null", `{"id": "ftjob-aaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "running", "base": "/etc", "fine_tuned": "x", "settings": {"output_dir": "/"}}`} {
		d := filepath.Join(dir, "jobs", "ftjob-"+strings.Repeat(string(rune('a'+i)), 26))
		if err := errors.Join(os.Mkdir(d, 0o777), os.WriteFile(filepath.Join(d, "job.json"), []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "jobs", "ftjob-"+strings.Repeat("z", 26)), 0o777), os.Mkdir(filepath.Join(dir, "jobs", "..notes"), 0o777),
		os.WriteFile(filepath.Join(dir, "files", file, "file.json"), []byte("[]"), 0o666)); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir)
	if jobs := c.do("GET", "/v1/fine_tuning/jobs", nil, 200)["data"].([]any); len(jobs) != 1 || len(c.done) != 1 {
		t.Errorf("%d jobs are listed, %d models told of", len(jobs), len(c.done))
	}
	if files := c.do("GET", "/v1/files", nil, 200)["data"].([]any); len(files) != 1 {
		t.Errorf("%d files are listed", len(files))
	}
	c.whole(c.create("base"))
}
