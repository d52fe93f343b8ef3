package serve

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// metrics are counts since the start, for Prometheus.
type metrics struct {
	inFlight atomic.Int64

	mu       sync.Mutex
	requests map[requestKey]int64
	times    map[string]*histogram // by route
	used     map[tokenKey]int64
}

type requestKey struct {
	route  string
	status int
}

type tokenKey struct{ model, kind string }

// A histogram counts durations.
type histogram struct {
	counts [len(bounds) + 1]int64
	sum    float64
}

var bounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requests == nil {
		m.requests, m.times, m.used = map[requestKey]int64{}, map[string]*histogram{}, map[tokenKey]int64{}
	}
	m.requests[requestKey{route, status}]++
	h := m.times[route]
	if h == nil {
		h = &histogram{}
		m.times[route] = h
	}
	h.sum += took.Seconds()
	i, _ := slices.BinarySearch(bounds[:], took.Seconds())
	h.counts[i]++
}

func (m *metrics) tokens(model string, prompt, generated int) {
	if model == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used[tokenKey{model, "prompt"}] += int64(prompt)
	m.used[tokenKey{model, "generated"}] += int64(generated)
}

// metricsPage answers GET /metrics in Prometheus's text format, version 0.0.4.
func (s *Server) metricsPage(w http.ResponseWriter, r *http.Request) error {
	var b bytes.Buffer
	head := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	one := func(name, kind, help string, v any) {
		head(name, kind, help)
		fmt.Fprintf(&b, "%s %v\n", name, v)
	}
	s.metrics.write(&b, head)
	one("hone_requests_in_flight", "gauge", "Requests that are being answered, this one included.", s.metrics.inFlight.Load())
	one("hone_requests_in_work", "gauge", "Requests to models, in work or waiting.", len(s.slots))
	one("hone_requests_limit", "gauge", "Requests to models beyond which clients are turned away.", cap(s.slots))

	var waiting, passes, rows int64
	s.mu.RLock()
	models := len(s.models)
	for _, e := range s.engines {
		waiting, passes, rows = waiting+e.waiting.Load(), passes+e.passes.Load(), rows+e.rows.Load()
	}
	s.mu.RUnlock()
	one("hone_models", "gauge", "Models and adapters that are served.", models)
	one("hone_sequences_waiting", "gauge", "Sequences and texts that no pass has taken in yet.", waiting)
	one("hone_passes_total", "counter", "Passes of a model.", passes)
	one("hone_pass_sequences_total", "counter", "Sequences and texts of all passes: divided by the passes, how well they are batched.", rows)

	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	one("go_memstats_sys_bytes", "gauge", "Memory that the process has from the system.", mem.Sys)
	one("go_memstats_heap_alloc_bytes", "gauge", "Memory in use, weights included.", mem.HeapAlloc)
	one("go_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine())
	one("process_start_time_seconds", "gauge", "Start of the server, in seconds since 1970.", s.started.Unix())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, err := w.Write(b.Bytes())
	return err
}

// write writes what has labels.
func (m *metrics) write(b io.Writer, head func(name, kind, help string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	head("hone_requests_total", "counter", "Requests by route and status.")
	for _, k := range slices.SortedFunc(maps.Keys(m.requests), func(a, b requestKey) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.status, b.status))
	}) {
		fmt.Fprintf(b, "hone_requests_total{route=%q,status=\"%d\"} %d\n", k.route, k.status, m.requests[k])
	}
	head("hone_tokens_total", "counter", "Tokens of prompts read and of answers generated.")
	for _, k := range slices.SortedFunc(maps.Keys(m.used), func(a, b tokenKey) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.kind, b.kind))
	}) {
		fmt.Fprintf(b, "hone_tokens_total{model=%s,kind=%q} %d\n", label(k.model), k.kind, m.used[k])
	}
	head("hone_request_duration_seconds", "histogram", "Time from a request's head to the end of its answer.")
	for _, route := range slices.Sorted(maps.Keys(m.times)) {
		h, sum := m.times[route], int64(0)
		for i, n := range h.counts {
			sum += n
			le := "+Inf"
			if i < len(bounds) {
				le = fmt.Sprint(bounds[i])
			}
			fmt.Fprintf(b, "hone_request_duration_seconds_bucket{route=%q,le=%q} %d\n", route, le, sum)
		}
		fmt.Fprintf(b, "hone_request_duration_seconds_sum{route=%q} %g\nhone_request_duration_seconds_count{route=%q} %d\n", route, h.sum, route, sum)
	}
}

// label quotes a label's value, in which only three characters are special.
func label(v string) string {
	var b bytes.Buffer
	b.WriteByte('"')
	for _, r := range v {
		switch r {
		case '\\', '"':
			b.WriteByte('\\')
		case '\n':
			b.WriteString(`\n`)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}
