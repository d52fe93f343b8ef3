package page

import (
	"bufio"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

type job struct {
	Status string
	Tuned  string `json:"fine_tuned_model"`
	Error  struct{ Message string }
}

func TestLiveIsFollowedToItsEnd(t *testing.T) {
	events := filepath.Join(t.TempDir(), "events.jsonl")
	f, err := os.Create(events)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString(`{"type":"plan","max_steps":2}` + "\n" + `{"type":"log","st`)
	stopped := 0
	l := &Live{ID: "run", Name: "reviews", Base: "gpt2", Events: events, Stop: func() { stopped++ }}
	s := httptest.NewServer(l.Handler())
	defer s.Close()
	r, err := http.Get(s.URL + "/v1/fine_tuning/jobs/run/log?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	next := func() (line string) {
		for lines.Scan() {
			if line = lines.Text(); line != "" {
				return line
			}
		}
		return "end"
	}
	if got := next(); got != `data: {"type":"plan","max_steps":2}` {
		t.Fatal(got)
	}
	f.WriteString(`ep":1}` + "\n")
	if got := next(); got != `data: {"type":"log","step":1}` {
		t.Fatal(got)
	}
	for range 2 {
		if j := answer[job](t, l.Handler(), post("/v1/fine_tuning/jobs/run/cancel", ""), 200); j.Status != "running" || stopped != 1 {
			t.Errorf("%+v, stopped %d times", j, stopped)
		}
	}
	f.WriteString(`{"type":"done"}` + "\n")
	l.End("reviews", nil)
	if got := next() + next(); got != `data: {"type":"done"}end` {
		t.Error(got)
	}
	if j := answer[job](t, l.Handler(), get("/v1/fine_tuning/jobs/run"), 200); j.Status != "succeeded" || j.Tuned != "reviews" {
		t.Errorf("%+v", j)
	}
	answer[refusal](t, l.Handler(), get("/v1/fine_tuning/jobs/other"), 404)
	l.End("", errors.New("the disk is full"))
	if j := answer[job](t, l.Handler(), get("/v1/fine_tuning/jobs/run"), 200); j.Status != "failed" || j.Error.Message != "the disk is full" {
		t.Errorf("%+v", j)
	}
}
