package page

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// A Live is one run that trains in this very process: it looks like a job of package jobs to the page, and it can only
// be followed and stopped. Its events are the lines of an events file, which the trainer writes.
type Live struct {
	ID       string         // of the job
	Name     string         // for people
	Base     string         // the model that it starts from
	Settings map[string]any // by the names of hone train's flags
	Events   string         // path of the events file
	Stop     func()         // called once, when a person stops the run; may be nil

	created time.Time
	mu      sync.Mutex
	tuned   string
	err     error
	over    bool
	stop    sync.Once
}

// Handler serves the run under /v1/fine_tuning/jobs.
func (l *Live) Handler() http.Handler {
	l.created = time.Now()
	mux := http.NewServeMux()
	const base = "/v1/fine_tuning/jobs"
	mux.HandleFunc("GET "+base, func(w http.ResponseWriter, r *http.Request) {
		reply(w, map[string]any{"object": "list", "data": []any{l.job()}, "has_more": false})
	})
	mux.HandleFunc("GET "+base+"/{id}", l.known(func(w http.ResponseWriter, r *http.Request) { reply(w, l.job()) }))
	mux.HandleFunc("POST "+base+"/{id}/cancel", l.known(func(w http.ResponseWriter, r *http.Request) {
		l.stop.Do(func() {
			if l.Stop != nil {
				l.Stop()
			}
		})
		reply(w, l.job())
	}))
	mux.HandleFunc("GET "+base+"/{id}/log", l.known(l.log))
	return mux
}

func (l *Live) known(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != l.ID {
			fail(w, http.StatusNotFound, "", fmt.Errorf("page: there is no run %.60q", r.PathValue("id")))
			return
		}
		h(w, r)
	}
}

// End says how the run ended, after its last event was written: tuned is the name under which the model can be asked,
// "" if it can't be.
func (l *Live) End(tuned string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over, l.tuned, l.err = true, tuned, err
}

// job is the run in the shape of a job.
func (l *Live) job() map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := map[string]any{"id": l.ID, "object": "fine_tuning.job", "status": "running", "model": l.Base, "suffix": l.Name, "created_at": l.created.Unix(), "hone": l.Settings}
	switch {
	case l.err != nil:
		j["status"], j["error"] = "failed", map[string]string{"message": l.err.Error()}
	case l.over:
		j["status"], j["fine_tuned_model"] = "succeeded", cmp.Or(l.tuned, l.Name)
	}
	return j
}

// poll is how often an events file that is followed is looked at.
const poll = 150 * time.Millisecond

// log answers with the events so far, one a line; with follow=true as server-sent events, until the run is over.
func (l *Live) log(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open(l.Events)
	if err != nil {
		fail(w, http.StatusInternalServerError, "", errors.New("page: the events file can't be read"))
		return
	}
	defer f.Close()
	if r.FormValue("follow") != "true" {
		w.Header().Set("Content-Type", "application/jsonl")
		io.Copy(w, f)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	in := bufio.NewReader(f)
	var part []byte
	for {
		l.mu.Lock()
		over := l.over // asked before reading, so that nothing is missed
		l.mu.Unlock()
		for {
			b, err := in.ReadBytes('\n')
			if part = append(part, b...); err != nil {
				break
			}
			fmt.Fprintf(w, "data: %s\n\n", bytes.TrimSpace(part))
			part = part[:0]
		}
		if http.NewResponseController(w).Flush() != nil || over {
			return
		}
		select {
		case <-time.After(poll):
		case <-r.Context().Done():
			return
		}
	}
}
