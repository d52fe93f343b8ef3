package main

import (
	"bufio"
	"bytes"
	"context"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A serverProcess is a hone serve that runs until the test ends.
type serverProcess struct {
	url string
	cmd *exec.Cmd
	log *bytes.Buffer // complete after stop
	end chan struct{}
}

// startServer runs hone serve on any free port and waits until it answers.
func startServer(t testing.TB, dir string, args ...string) *serverProcess {
	t.Helper()
	return watchServer(t, honeProcess(t, dir, append([]string{"serve", "--port", "0"}, args...)...))
}

// watchServer starts a hone serve and waits until it answers.
func watchServer(t testing.TB, c *exec.Cmd) *serverProcess {
	t.Helper()
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &serverProcess{cmd: c, log: &bytes.Buffer{}, end: make(chan struct{})}
	t.Cleanup(func() { p.stop(t) })
	address := make(chan string, 1)
	go func() {
		defer close(p.end)
		for lines := bufio.NewScanner(io.TeeReader(out, p.log)); lines.Scan(); {
			if m := regexp.MustCompile(`Serving at (https?://[^/]+)`).FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	select {
	case p.url = <-address:
	case <-p.end:
		t.Fatalf("hone serve ended:\n%s", p.log)
	case <-time.After(20 * time.Second):
		t.Fatal("hone serve doesn't say where it serves")
	}
	return p
}

// stop ends the server as systemd does and expects it to go in order.
func (p *serverProcess) stop(t testing.TB) {
	t.Helper()
	if p.cmd.ProcessState != nil {
		return
	}
	if runtime.GOOS == "windows" {
		p.cmd.Process.Kill()
	} else {
		p.cmd.Process.Signal(os.Interrupt)
	}
	<-p.end
	if err := p.cmd.Wait(); err != nil && runtime.GOOS != "windows" {
		t.Errorf("hone serve: %v\n%s", err, p.log)
	}
}

// curl does what a README's curl does, on the server's own port.
func (p *serverProcess) curl(t testing.TB, args []string) {
	t.Helper()
	if p == nil {
		t.Errorf("%q: nothing is served yet", args)
		return
	}
	url, body := "", ""
	for i, a := range args {
		if path, ok := strings.CutPrefix(a, "http://127.0.0.1:8080"); ok {
			url = p.url + path
		}
		if a == "-d" {
			body = args[i+1]
		}
	}
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if b, err := io.ReadAll(got.Body); err != nil || got.StatusCode != http.StatusOK {
		t.Errorf("%q: %s, %v\n%s", args, got.Status, err, b)
	}
}

// The command says what is wrong before it loads a model, serves under the names that it was given, and logs
// nothing that a client wrote.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--model", "base", "--host", "0.0.0.0"}, "there is no API key"},
		{[]string{"--model", "nowhere/at/all"}, "nowhere/at/all"},
		{[]string{"--model", "base", "--model", "base"}, "there is a model base already"},
		{[]string{"--model", "base", "--tls_cert", "x"}, "belong together"},
		{[]string{"--model", "base", "--port", "65536"}, "--port 65536 is none"},
		{[]string{"--model", "base", "--port", strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)}, "choose one with --port"},
		{[]string{"--model", "base", "--max_requests", "0"}, "--max_requests must be positive"},
	} {
		out, err := honeProcess(t, dir, append([]string{"serve", "--port", "0"}, c.args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("hone serve %q: %v, without %q:\n%s", c.args, err, c.want, out)
		}
	}
	p := startServer(t, dir, "--model", "base", "--model", "again=base", "--dtype", "int8")
	r, err := http.Get(p.url + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	models, _ := io.ReadAll(r.Body)
	r.Body.Close()
	for _, name := range []string{`"id":"base"`, `"id":"again"`} {
		if !bytes.Contains(models, []byte(name)) {
			t.Errorf("no %s in %s", name, models)
		}
	}
	p.curl(t, []string{"curl", "http://127.0.0.1:8080/v1/completions", "-d", `{"model": "again", "prompt": "a secret", "max_tokens": 3}`})
	p.stop(t)
	for _, want := range []string{"Models: again, base.\n", "Try: curl " + p.url + "/v1/completions -d '{\"model\": \"again\","} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("it doesn't say %q:\n%s", want, p.log)
		}
	}
	if log := p.log.String(); strings.Contains(log, "secret") || !slices.ContainsFunc(strings.Split(log, "\n"), func(l string) bool {
		return strings.Contains(l, "route=/v1/completions status=200") && strings.Contains(l, "generated_tokens=3")
	}) {
		t.Errorf("the log should tell of the request, but not what was in it:\n%s", log)
	}
}

// A model of --models_dir is offered on the page, and is estimated as it is trained; nothing outside that folder is.
func TestModelsDir(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	if err := copyFolder(filepath.Join(dir, "house", "ours"), filepath.Join(dir, "base")); err != nil {
		t.Fatal(err)
	}
	p := startServer(t, dir, "--models_dir", "house")
	if about := fetch(t, http.MethodGet, p.url+"/v1/hone/about", ""); !strings.Contains(about, `"name":"ours"`) {
		t.Errorf("the page isn't told of it: %s", about)
	}
	c := openai.NewClient(option.WithBaseURL(p.url+"/v1/"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	rows, err := os.Open(filepath.Join(dir, "reviews", "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	file, err := c.Files.New(context.Background(), openai.FileNewParams{File: rows, Purpose: openai.FilePurposeFineTune})
	if err != nil {
		t.Fatal(err)
	}
	plan := fetch(t, http.MethodPost, p.url+"/v1/hone/plan", `{"model": "ours", "training_file": "`+file.ID+`", "hone": {"max_steps": 3}}`)
	if !strings.Contains(plan, `"steps":3,`) || !strings.Contains(plan, `"fits":true`) {
		t.Errorf("the estimate is %s", plan)
	}
	for _, name := range []string{"../base", "house/../base", "/etc", "..", "base"} {
		r, err := http.Post(p.url+"/v1/hone/plan", "application/json", strings.NewReader(`{"model": "`+name+`", "training_file": "`+file.ID+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusNotFound {
			t.Errorf("the estimate of %s: %s", name, r.Status)
		}
	}
}
