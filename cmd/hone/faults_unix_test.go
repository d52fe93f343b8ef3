//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const key = "sesame"

// ask sends a request with the key and returns status and body.
func (p *serverProcess) ask(t *testing.T, method, path, kind, body string) (int, string) {
	t.Helper()
	q, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+key)
	q.Header.Set("Content-Type", kind)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// alive makes sure that the server still answers.
func (p *serverProcess) alive(t *testing.T) {
	t.Helper()
	if status, body := p.ask(t, "POST", "/v1/completions", "application/json", `{"model": "base", "prompt": "a film", "max_tokens": 2}`); status != 200 {
		t.Errorf("the server answers %d: %s", status, body)
	}
}

// form is an upload of a file of that name.
func form(name, rows string) (kind, body string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	m.WriteField("purpose", "fine-tune")
	w, _ := m.CreateFormFile("file", name)
	io.WriteString(w, rows)
	m.Close()
	return m.FormDataContentType(), b.String()
}

// Whatever is wrong with a request to a real hone serve, it is told so with a status that fits, nothing is written
// outside the server's folders, and the server goes on.
func TestServerFaults(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HONE_API_KEY", key)
	p := startServer(t, dir, "--model", "base", "--jobs_dir", "tuning", "--models_dir", "house")
	const reviews = `{"text": "good", "label": "pos"}` + "\n" + `{"text": "bad", "label": "neg"}` + "\n"

	t.Run("keys", func(t *testing.T) {
		for _, path := range []string{"/v1/models", "/v1/files", "/v1/fine_tuning/jobs", "/v1/hone/about", "/v1/hone/runs", "/metrics", "/api/tags"} {
			for _, sent := range []string{"", "Bearer sesam", "Bearer ", "Basic sesame", "Bearer sesame2"} {
				q, err := http.NewRequest("GET", p.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				q.Header.Set("Authorization", sent)
				r, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				r.Body.Close()
				if r.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s with %q: %s", path, sent, r.Status)
				}
			}
			if status, _ := p.ask(t, "GET", path, "", ""); status != 200 {
				t.Errorf("%s with the key: %d", path, status)
			}
		}
	})

	t.Run("requests", func(t *testing.T) {
		kind, body := form("../../../up.jsonl", reviews)
		status, answer := p.ask(t, "POST", "/v1/files", kind, body)
		id := ""
		if _, after, ok := strings.Cut(answer, `"id":"`); ok {
			id, _, _ = strings.Cut(after, `"`)
		}
		if status != 200 || id == "" {
			t.Fatalf("a file whose name climbs: %d, %s", status, answer)
		}
		job := func(format string, args ...any) string {
			return fmt.Sprintf(`{"training_file": %q, `, id) + fmt.Sprintf(format, args...) + "}"
		}
		kind, broken := form("x.jsonl", reviews)
		for _, c := range []struct {
			method, path, kind, body string
			status                   int
		}{
			{"POST", "/v1/completions", "", `{"prompt": "a`, 400},
			{"POST", "/v1/completions", "", `{"model": "base", "prompt": "` + strings.Repeat("a", 3<<20) + `"}`, 413},
			{"POST", "/v1/completions", "", `{"model": "../base", "prompt": "a"}`, 404},
			{"POST", "/v1/classify", "", `{"model": "tuning/jobs/../../base", "input": "a"}`, 404},
			{"POST", "/api/generate", "", `{"model": "../base", "prompt": "a"}`, 404},
			{"GET", "/v1/models/..%2Fbase", "", "", 404},
			{"GET", "/v1/../../etc/passwd", "", "", 404},
			{"GET", "/..%2f..%2fetc%2fpasswd", "", "", 404},
			{"POST", "/v1/files", "application/json", `{}`, 400},
			{"POST", "/v1/files", kind, broken[:len(broken)/2], 400},
			{"GET", "/v1/files/..%2F..%2Fbase%2Fconfig.json/content", "", "", 404},
			{"GET", "/v1/files/" + id + "%2F..%2F" + id + "/content", "", "", 404},
			{"DELETE", "/v1/files/..", "", "", 404},
			{"DELETE", "/v1/files/%2E%2E", "", "", 404},
			{"POST", "/v1/fine_tuning/jobs", "", `{`, 400},
			{"POST", "/v1/fine_tuning/jobs", "", `[]`, 400},
			{"POST", "/v1/fine_tuning/jobs", "", `{"model": "base", "training_file": "../../base"}`, 404},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": "../base"`), 404},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": ".."`), 404},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": %q`, dir), 404},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": "base", "suffix": "../../up"`), 400},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": "base", "hone": {"output_dir": "../up"}`), 400},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": "base", "hone": {"resume_from_checkpoint": "../up"}`), 400},
			{"POST", "/v1/fine_tuning/jobs", "", job(`"model": "base", "seed": 1e99`), 400},
			{"POST", "/v1/fine_tuning/jobs", "", `{"model": "` + strings.Repeat("a", 2<<20) + `"}`, 413},
			{"GET", "/v1/fine_tuning/jobs/..%2f..%2fbase", "", "", 404},
			{"POST", "/v1/fine_tuning/jobs/ftjob-1/cancel", "", "", 404},
			{"POST", "/v1/hone/check", "application/json", `{"training_file": "../../base"}`, 404},
			{"POST", "/v1/hone/plan", "", `{"model": "../base", "training_file": "` + id + `"}`, 404},
			{"POST", "/v1/hone/plan", "", `{"model": `, 400},
			{"POST", "/v1/hone/mistakes", "", `{"model": "../base", "training_file": "` + id + `"}`, 404},
			{"GET", "/v1/hone/samples/..%2f..%2fbase", "", "", 404},
		} {
			status, answer := p.ask(t, c.method, c.path, c.kind, c.body)
			if status != c.status || !strings.Contains(answer, `"error"`) || strings.Contains(answer, dir) && !strings.Contains(c.body, dir) {
				t.Errorf("%s %s %.90s: %d, expected %d: %s", c.method, c.path, c.body, status, c.status, answer)
			}
		}
		if up, _ := filepath.Glob(filepath.Join(dir, "up*")); len(up) > 0 {
			t.Errorf("files beside the server's folders: %q", up)
		}
		p.alive(t)
	})

	// What says that it is giant is refused before it is sent.
	t.Run("giants", func(t *testing.T) {
		for _, path := range []string{"/v1/files", "/v1/completions", "/v1/fine_tuning/jobs", "/v1/hone/check"} {
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n{", path, key, int64(1)<<42)
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			r.Body.Close()
			if r.StatusCode != http.StatusRequestEntityTooLarge && r.StatusCode != http.StatusInsufficientStorage {
				t.Errorf("a body of 4 TB to %s: %s", path, r.Status)
			}
		}
		p.alive(t)
	})

	t.Run("slow", func(t *testing.T) { slowClients(t, p) })
}

// slowClients makes sure that who sends nothing more is let go, and that neither they nor those who don't read what they
// asked for hold up anybody.
func slowClients(t *testing.T, p *serverProcess) {
	address := strings.TrimPrefix(p.url, "http://")
	head := "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n"
	stream := `{"model": "base", "prompt": "a", "max_tokens": 100, "n": 10, "stream": true, "logprobs": 5}`
	dial := func(sent string) net.Conn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		io.WriteString(c, sent)
		return c
	}
	var header, body []net.Conn
	for range 20 {
		header = append(header, dial(head))
		body = append(body, dial(head+"Content-Length: 1000\r\n\r\n{"))
		dial(head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(stream), stream)) // and never reads
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	for ctx.Err() == nil {
		p.alive(t)
	}
	// An unfinished header is given up after ten seconds.
	if testing.Short() {
		return
	}
	for _, c := range header {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a client that doesn't end its header is kept: %v", err)
		}
	}
	p.alive(t)
}

// A disk that fills up while a job trains fails the job, which says so, and nothing else: the server serves, and the job
// of somebody else succeeds.
func TestServerJobOnAFullDisk(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to set a limit with")
	}
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	c := honeProcess(t, dir, "serve", "--port", "0", "--model", "base", "--jobs_dir", "tuning")
	// Files of more than 100 blocks, of 512 or 1024 bytes, can't be written: the weights have 170 kB.
	c.Args = append([]string{"sh", "-c", `ulimit -f 100 && exec "$0" "$@"`}, c.Args...)
	c.Path = sh
	p := watchServer(t, c)
	api := p.openAI()
	job := over(t, api, newTestJob(t, api, dir, map[string]any{"max_steps": 8, "save_steps": 4}).ID)
	if job.Status != "failed" || !strings.Contains(job.Error.Message, "can't be saved") || !strings.Contains(job.Error.Message, "too large") {
		t.Errorf("on a full disk the job is %s", job.RawJSON())
	}
	p.alive(t)
	if kind, body := form("large.jsonl", strings.Repeat(`{"text": "good", "label": "pos"}`+"\n", 20000)); true {
		if status, answer := p.ask(t, "POST", "/v1/files", kind, body); status < 500 || !strings.Contains(answer, `"error"`) {
			t.Errorf("an upload to a full disk: %d, %s", status, answer)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tuning", "files", ".*")); len(left) > 0 {
		t.Errorf("an upload that failed leaves %q", left)
	}
	adapter := over(t, api, newTestJob(t, api, dir, map[string]any{"max_steps": 2, "lora": true, "lora_r": 1, "save_strategy": "no"}).ID)
	if adapter.Status != "succeeded" {
		t.Errorf("a job that needs little room is %s", adapter.RawJSON())
	}
	p.stop(t)
	if _, err := os.Stat(filepath.Join(dir, "tuning", "jobs", job.ID, "model")); err == nil {
		t.Error("a failed job left a model")
	}
}
