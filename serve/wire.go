package serve

import (
	"io"
	"net/http"
	"time"
)

// A response watches what is written, and gives up clients that don't read it.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration // how long the client may take to read what was written
	status  int
	bytes   int64
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// stretch is what a client reads within stall at least, in bytes: one that needs minutes for a long answer is slow, but there.
const stretch = 64 << 10

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	for n := 0; ; {
		w.control.SetWriteDeadline(time.Now().Add(w.stall)) // not every writer has deadlines
		k, err := w.ResponseWriter.Write(b[n:min(n+stretch, len(b))])
		n += k
		w.bytes += int64(k)
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// Flush implements http.Flusher.
func (w *response) Flush() { w.FlushError() }

// FlushError is what http.ResponseController looks for.
func (w *response) FlushError() error {
	w.control.SetWriteDeadline(time.Now().Add(w.stall))
	return w.control.Flush()
}

// Unwrap is what http.ResponseController looks for.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A steadyBody is a body of any size whose sender may neither stall nor trickle: it has to be there after stall and a second for
// each KiB.
type steadyBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	late    time.Time
}

func (b *steadyBody) Read(p []byte) (int, error) {
	now := time.Now()
	if b.late.IsZero() {
		b.late = now.Add(b.stall)
	}
	if soon := now.Add(b.stall); soon.Before(b.late) {
		b.control.SetReadDeadline(soon)
	} else {
		b.control.SetReadDeadline(b.late)
	}
	n, err := b.ReadCloser.Read(p)
	b.late = b.late.Add(time.Duration(n) * time.Second / 1024)
	b.control.SetReadDeadline(time.Time{}) // or it would end requests that only wait for their answer
	return n, err
}

// A stream writes values as they come: server-sent events for OpenAI, lines for Ollama.
type stream struct {
	w           http.ResponseWriter
	r           *http.Request
	kind        string // content type
	before, end string // of each value
	begun       bool
	err         error // the first; later writes do nothing
}

func eventStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{w: w, r: r, kind: "text/event-stream", before: "data: ", end: "\n"}
}

func lineStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{w: w, r: r, kind: "application/x-ndjson"}
}

// send writes a value; flush makes it leave.
func (s *stream) send(v any) {
	if !s.begun {
		s.begun = true
		h := s.w.Header()
		h.Set("Content-Type", s.kind)
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would wait for more
		s.w.WriteHeader(http.StatusOK)
	}
	s.raw(s.before)
	if s.err == nil {
		s.err = encode(s.w, v)
	}
	s.raw(s.end)
}

func (s *stream) raw(text string) {
	if s.err == nil && text != "" {
		_, s.err = io.WriteString(s.w, text)
	}
}

func (s *stream) flush() {
	if s.err == nil && s.begun {
		s.err = http.NewResponseController(s.w).Flush()
	}
}

// fail ends the stream with an error: as the answer if nothing was sent, else as its last value.
func (s *stream) fail(err error) error {
	if s.begun {
		s.send(failBody(s.r, asAPI(err)))
		s.flush()
	}
	return err
}
