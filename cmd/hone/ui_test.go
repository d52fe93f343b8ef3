package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A run with a page tells it everything while it trains, serves the model afterwards, and ends in order at Ctrl-C.
func TestTrainWithPage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a test can't send Ctrl-C to another process there")
	}
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	c := honeProcess(t, dir, "train", "--ui", "--model", "base", "--dataset", "reviews", "--output_dir", "out", "--max_steps", "3", "--logging_steps", "1")
	errors, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	var said bytes.Buffer
	url, stays := make(chan string, 1), make(chan bool)
	go func() {
		defer close(stays)
		for lines := bufio.NewScanner(io.TeeReader(errors, &said)); lines.Scan(); {
			if m := regexp.MustCompile(`Follow the run at (http://127\.0\.0\.1:\d+)$`).FindStringSubmatch(lines.Text()); m != nil {
				url <- m[1]
			}
			if strings.Contains(lines.Text(), "The page stays at") {
				stays <- true
			}
		}
	}()
	at := ""
	select {
	case at = <-url:
	case <-stays:
		t.Fatalf("hone train ended:\n%s", &said)
	case <-time.After(30 * time.Second):
		t.Fatal("hone train doesn't say where its page is")
	}
	log := fetch(t, http.MethodGet, at+"/v1/fine_tuning/jobs/run/log?follow=true", "") // returns when the run is over
	for _, want := range []string{`"type":"plan"`, `"step":3`, `"eval_accuracy":`, `"type":"done"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	if !<-stays {
		t.Fatalf("the page doesn't stay:\n%s", &said)
	}
	var job struct {
		Status string
		Tuned  string `json:"fine_tuned_model"`
		Hone   map[string]any
	}
	if err := json.Unmarshal([]byte(fetch(t, http.MethodGet, at+"/v1/fine_tuning/jobs/run", "")), &job); err != nil || job.Status != "succeeded" || job.Tuned != "out" || job.Hone["max_steps"] != 3.0 {
		t.Errorf("%+v, %v", job, err)
	}
	if page := fetch(t, http.MethodGet, at+"/", ""); !strings.Contains(page, "app.js") {
		t.Errorf("no page: %s", page)
	}
	if got := fetch(t, http.MethodPost, at+"/v1/classify", `{"model": "out", "input": "a fine film"}`); !strings.Contains(got, `"label"`) {
		t.Errorf("the model isn't served: %s", got)
	}
	c.Process.Signal(os.Interrupt)
	for range stays {
	}
	if err := c.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, &said)
	}
}

func fetch(t *testing.T, method, url, body string) string {
	t.Helper()
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v: %s", url, r.Status, err, b)
	}
	return string(b)
}
