package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hone-ml/hone"
)

// alive expects the server to classify.
func alive(t testing.TB, url string) {
	t.Helper()
	if status, v := post(t, url+"/v1/classify", `{"input": "a film"}`); status != 200 {
		t.Errorf("the server answers %d, %v", status, v)
	}
}

// What is wrong with a request is said, and the server goes on.
func TestBadRequests(t *testing.T) {
	_, web := newServer(t, Config{MaxBody: 4000}, map[string]string{"mood": newModel(t, 1)})
	deep := strings.Repeat("[", 1500)
	for _, c := range []struct {
		method, path, body string
		status             int
		param, message     string
	}{
		{"POST", "/v1/completions", ``, 400, "", "no body"},
		{"POST", "/v1/completions", `{"prompt": "a"`, 400, "", "not JSON"},
		{"POST", "/v1/completions", `[]`, 400, "", "expected an object"},
		{"POST", "/v1/completions", `{"prompt": ` + deep, 400, "", "not JSON"},
		{"POST", "/v1/completions", `{"prompt": ` + deep + strings.Repeat("]", 1500) + `}`, 400, "prompt", "expected a text"},
		{"POST", "/v1/completions", `{"prompt": "` + strings.Repeat("a", 5000) + `"}`, 413, "", "more than 4000 bytes"},
		{"POST", "/v1/completions", `{"prompt": "` + strings.Repeat("a ", 400) + `"}`, 400, "", "the model takes 128"},
		{"POST", "/v1/completions", `{"prompt": [1, 999999]}`, 400, "", "no token 999999"},
		{"POST", "/v1/completions", `{"prompt": []}`, 400, "prompt", "0 inputs"},
		{"POST", "/v1/completions", `{"prompt": "a", "temperature": "hot"}`, 400, "temperature", "expected a number, found a text"},
		{"POST", "/v1/completions", `{"prompt": "a", "temperature": -1}`, 400, "temperature", "0 to 2"},
		{"POST", "/v1/completions", `{"prompt": "a", "max_tokens": 0}`, 400, "max_tokens", "at least 1"},
		{"POST", "/v1/completions", `{"prompt": "a", "max_tokens": 1.5}`, 400, "max_tokens", "a whole number, found 1.5"},
		{"POST", "/v1/completions", `{"prompt": "a", "stream_options": {"include_usage": 1}}`, 400, "stream_options.include_usage", "true or false"},
		{"POST", "/v1/completions", `{"prompt": "a", "n": 3, "temperature": 0}`, 400, "n", "the same"},
		{"POST", "/v1/completions", `{"prompt": ["a", "b"], "n": 100}`, 400, "n", "200 answers"},
		{"POST", "/v1/completions", `{"prompt": "a", "stop": [""]}`, 400, "stop", "0 bytes"},
		{"POST", "/v1/completions", `{"prompt": "a", "logit_bias": {"x": 1}}`, 400, "logit_bias", "no token id"},
		{"POST", "/v1/completions", `{"prompt": "a", "suffix": "b"}`, 400, "suffix", "inserted"},
		{"POST", "/v1/chat/completions", `{"messages": []}`, 400, "messages", "empty"},
		{"POST", "/v1/chat/completions", `{"messages": [{"content": "a"}]}`, 400, "messages", "no role"},
		{"POST", "/v1/chat/completions", `{"messages": [{"role": "robot", "content": "a"}]}`, 400, "messages", "no robots"},
		{"POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}`, 400, "messages.content", "parts of the type text"},
		{"POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "a"}], "tools": [{}]}`, 400, "tools", "no tools"},
		{"POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_object"}}`, 400, "response_format", "answers are text"},
		{"POST", "/v1/classify", `{"input": []}`, 400, "input", "0 texts"},
		{"POST", "/v1/classify", `{"input": {"a": 1}}`, 400, "input", "a text or a list of texts, found an object"},
		{"POST", "/v1/embeddings", `{"input": ""}`, 400, "input", "is empty"},
		{"POST", "/v1/embeddings", `{"input": "a", "dimensions": 3}`, 400, "dimensions", "have 32"},
		{"POST", "/v1/classify", `{"model": "../../etc/passwd", "input": "a"}`, 404, "model", "no model"},
		{"GET", "/v1/models/..%2F..%2Fetc%2Fpasswd", ``, 404, "", "shortest form"},
		{"GET", "/v1/models/../../etc/passwd", ``, 404, "", "shortest form"},
		{"GET", "/v1/models/nothing", ``, 404, "", "no model"},
		{"GET", "/v1/nothing", ``, 404, "", "there is no GET /v1/nothing"},
		{"GET", "/v1/completions", ``, 405, "", "doesn't take GET"},
		{"PUT", "/v1/classify", `{}`, 405, "", "doesn't take PUT"},
	} {
		r, err := http.NewRequest(c.method, web.URL+c.path, strings.NewReader(c.body))
		check(t, err)
		got, err := http.DefaultClient.Do(r)
		check(t, err)
		status, v := answerOf(t, got)
		message, _ := at(v, "error", "message").(string)
		param, _ := at(v, "error", "param").(string)
		if status != c.status || param != c.param || !strings.Contains(message, c.message) {
			t.Errorf("%s %s %.80s: %d, param %q, %q", c.method, c.path, c.body, status, param, message)
		}
		if got.Header.Get("X-Request-Id") == "" {
			t.Error("an answer without an id")
		}
	}
	alive(t, web.URL)
}

// Without the key there is nothing; pages of other origins and false names are turned away.
func TestStrangers(t *testing.T) {
	mood := newModel(t, 1)
	_, open := newServer(t, Config{AllowOrigins: []string{"https://app.example.com"}}, map[string]string{"mood": mood})
	s, err := New(Config{Device: hone.Device(1), APIKey: "sesame"})
	check(t, err)
	t.Cleanup(s.Close)
	check(t, s.Add(context.Background(), "mood", mood))
	s.Mount("GET /v1/guests", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "guest") }))
	s.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") }))
	locked := httptest.NewServer(s.Handler())
	t.Cleanup(locked.Close)
	for _, c := range []struct {
		url, path string
		header    [2]string
		status    int
	}{
		{locked.URL, "/v1/models", [2]string{}, 401},
		{locked.URL, "/v1/models", [2]string{"Authorization", "Bearer sesam"}, 401},
		{locked.URL, "/v1/models", [2]string{"Authorization", "sesame"}, 401},
		{locked.URL, "/v1/models", [2]string{"Authorization", "Bearer sesame"}, 200},
		{locked.URL, "/metrics", [2]string{}, 401},
		{locked.URL, "/v1/guests", [2]string{}, 401},
		{locked.URL, "/v1/guests", [2]string{"Authorization", "bearer sesame"}, 200},
		{locked.URL, "/", [2]string{}, 200},
		{locked.URL, "/healthz", [2]string{}, 200},
		{locked.URL, "/v1/models", [2]string{"Host", "models.example.com"}, 401}, // a key makes names harmless
		{open.URL, "/v1/models", [2]string{"Host", "evil.example.com"}, 403},
		{open.URL, "/v1/models", [2]string{"Host", "127.0.0.1.example.com"}, 403},
		{open.URL, "/v1/models", [2]string{"Host", "localhost:99"}, 200},
		{open.URL, "/v1/models", [2]string{"Host", "[::1]:99"}, 200},
		{open.URL, "/v1/classify", [2]string{"Origin", "https://evil.example.com"}, 403},
		{open.URL, "/v1/classify", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{open.URL, "/v1/classify", [2]string{"Origin", "https://app.example.com"}, 200},
	} {
		r, err := http.NewRequest("GET", c.url+c.path, nil)
		if c.path == "/v1/classify" {
			r, err = http.NewRequest("POST", c.url+c.path, strings.NewReader(`{"input": "a"}`))
		}
		check(t, err)
		if r.Header.Set(c.header[0], c.header[1]); c.header[0] == "Host" {
			r.Host = c.header[1]
		} else if c.header[0] == "" {
			r.Header = http.Header{}
		}
		got, err := http.DefaultClient.Do(r)
		check(t, err)
		got.Body.Close()
		if got.StatusCode != c.status {
			t.Errorf("%s with %q: %d, expected %d", c.path, c.header, got.StatusCode, c.status)
		}
		allowed := c.header[1] == "https://app.example.com"
		if h := got.Header.Get("Access-Control-Allow-Origin"); (h != "") != allowed {
			t.Errorf("%s with %q: allows the origin %q", c.path, c.header, h)
		}
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	check(t, err)
	bare, err := New(Config{Device: hone.Device(1)})
	check(t, err)
	if err := bare.Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), "there is no API key") {
		t.Errorf("the world without a key: %v", err)
	}
}

// One request too many is turned away, at once.
func TestFull(t *testing.T) {
	s, web := newServer(t, Config{MaxRequests: 1}, map[string]string{"mood": newModel(t, 1)})
	s.slots <- struct{}{}
	r, err := http.Post(web.URL+"/v1/classify", "", strings.NewReader(`{"input": "a"}`))
	check(t, err)
	if status, v := answerOf(t, r); status != 429 || r.Header.Get("Retry-After") == "" || at(v, "error", "code") != "queue_full" {
		t.Errorf("%d, %v", status, v)
	}
	<-s.slots
	alive(t, web.URL)
}

// The work for a client that leaves ends with it, and what takes too long is cut.
func TestCancel(t *testing.T) {
	s, web := newServer(t, Config{}, map[string]string{"mood": newModel(t, 1)})
	ctx, leave := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "POST", web.URL+"/v1/completions", strings.NewReader(`{"prompt": ["a", "b"], "max_tokens": 120, "n": 30, "stream": true, "logit_bias": {"420": -100}}`))
	check(t, err)
	got, err := http.DefaultClient.Do(r)
	check(t, err)
	bufio.NewReader(got.Body).ReadString('\n')
	leave()
	got.Body.Close()
	for deadline := time.Now().Add(10 * time.Second); len(s.slots) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a request goes on without its client")
		}
	}
	s.config.Timeout = time.Nanosecond
	if status, v := post(t, web.URL+"/v1/completions", `{"prompt": "a"}`); status != 504 {
		t.Errorf("%d, %v", status, v)
	}
	s.config.Timeout = time.Minute
	alive(t, web.URL)
}

// A panic is one request's, be it in a handler or in the engine.
func TestPanics(t *testing.T) {
	var log bytes.Buffer
	s, web := newServer(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, map[string]string{"mood": newModel(t, 1)})
	for _, e := range s.engines {
		if err := e.call(context.Background(), func() error { panic("in the engine") }); err == nil {
			t.Error("a panic is no success")
		}
		err := e.compute(context.Background(), []*item{{kind: embed, ids: []int32{1 << 30}}}) // an index out of range
		if err == nil {
			t.Error("a panic is no success")
		}
	}
	alive(t, web.URL)
	s.Mount("GET /v1/mine", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("in a handler") }))
	mine := httptest.NewServer(s.Handler())
	defer mine.Close()
	r, err := http.Get(mine.URL + "/v1/mine")
	check(t, err)
	if status, v := answerOf(t, r); status != 500 || at(v, "error", "code") != "internal_error" {
		t.Errorf("%d, %v", status, v)
	}
	alive(t, mine.URL)
	mine.Close()
	for _, want := range []string{"in the engine", "in a handler", "out of range"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// When the server ends, it lets requests finish and takes no new ones.
func TestDrain(t *testing.T) {
	s, err := New(Config{Device: hone.Device(1), Drain: 20 * time.Second})
	check(t, err)
	t.Cleanup(s.Close)
	check(t, s.Add(context.Background(), "mood", newModel(t, 1)))
	l, err := s.Listen("127.0.0.1:0")
	check(t, err)
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	url := fmt.Sprintf("http://%s", l.Addr())
	r, err := http.Post(url+"/v1/completions", "", strings.NewReader(`{"prompt": "a", "max_tokens": 120, "n": 20, "stream": true, "logit_bias": {"420": -100}}`))
	check(t, err)
	defer r.Body.Close()
	end()
	b, err := io.ReadAll(r.Body)
	if err != nil || !bytes.HasSuffix(b, []byte("data: [DONE]\n\n")) {
		t.Errorf("a request in work was cut: %v, …%q", err, b[max(0, len(b)-100):])
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url + "/readyz"); err == nil {
		t.Error("the server still takes requests")
	}
}

// Clients that send or read slowly hold up nobody.
func TestSlowClients(t *testing.T) {
	_, web := newServer(t, Config{MaxRequests: 4}, map[string]string{"mood": newModel(t, 1)})
	address := strings.TrimPrefix(web.URL, "http://")
	var open []net.Conn
	for i := range 50 {
		c, err := net.Dial("tcp", address)
		check(t, err)
		open = append(open, c)
		fmt.Fprintf(c, "POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n")
		if i%2 == 0 { // the head is whole, the body never comes
			fmt.Fprintf(c, "\r\n{")
		}
	}
	// Nobody reads these answers.
	for range 2 {
		c, err := net.Dial("tcp", address)
		check(t, err)
		open = append(open, c)
		body := `{"prompt": "a", "max_tokens": 100, "n": 10, "stream": true, "logprobs": 5}`
		fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { alive(t, web.URL) })
	}
	wg.Wait()
	for _, c := range open {
		c.Close()
	}
}

// A narrow listener's connections take little that nobody reads.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// Clients that send a byte at a time, to the server, to a mounted route or to none, and clients that never read their stream, are dropped
// at the limit. Others are served meanwhile, and afterwards nothing is left of them: no place and no goroutine, and with it no memory.
func TestTricklersAreDropped(t *testing.T) {
	const stall = time.Second
	s, err := New(Config{Device: hone.Device(1), Stall: stall, MaxRequests: 8})
	check(t, err)
	t.Cleanup(s.Close)
	check(t, s.Add(context.Background(), "mood", newModel(t, 1)))
	s.Mount("POST /v1/files", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestTimeout)
		}
	}))
	l, err := s.Listen("127.0.0.1:0")
	check(t, err)
	ctx, end := context.WithCancel(context.Background())
	defer end()
	go s.Serve(ctx, narrow{l})
	url := fmt.Sprintf("http://%s", l.Addr())
	defer http.DefaultClient.CloseIdleConnections()
	alive(t, url)
	before := runtime.NumGoroutine()

	dial := func(path string, length int, body string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		check(t, err)
		t.Cleanup(func() { c.Close() })
		c.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", path, length, body)
		return c
	}
	var wg sync.WaitGroup
	for i := range 9 {
		c := dial([]string{"/v1/classify", "/v1/files", "/v1/nothing"}[i%3], 2000, "{")
		wg.Go(func() {
			begun := time.Now()
			for time.Since(begun) < 30*stall {
				if _, err := c.Write([]byte(" ")); err != nil {
					return // dropped
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Error("a client that sends a byte at a time is kept")
		})
	}
	const body = `{"prompt": ["a", "b"], "max_tokens": 120, "n": 30, "stream": true, "logprobs": 5, "logit_bias": {"420": -100}}`
	var deaf []net.Conn // never read
	for range 3 {
		deaf = append(deaf, dial("/v1/completions", len(body), body))
	}
	busy := func() bool { return len(s.slots) > 0 || runtime.NumGoroutine() > before+2 }
	for begun := time.Now(); busy(); time.Sleep(10 * time.Millisecond) {
		if alive(t, url); time.Since(begun) > 30*stall {
			t.Fatalf("%d requests are left, and %d goroutines of %d", len(s.slots), runtime.NumGoroutine(), before)
		}
	}
	wg.Wait()
	for _, c := range deaf { // what they get now is what was on its way when they were dropped
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if b, _ := io.ReadAll(c); !bytes.Contains(b, []byte("data: ")) || bytes.Contains(b, []byte("[DONE]")) {
			t.Errorf("a client that never read was given %d bytes to the end", len(b))
		}
	}
	alive(t, url)
}

// A client that reads a long answer slowly, but reads it, gets all of it, though it takes longer than the limit.
func TestSlowReadersGetAll(t *testing.T) {
	const stall = time.Second
	s, err := New(Config{Device: hone.Device(1), Stall: stall})
	check(t, err)
	t.Cleanup(s.Close)
	long := bytes.Repeat([]byte("0123456789abcdef"), 16*stretch/16+1)
	s.Mount("GET /v1/long", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(long) }))
	l, err := s.Listen("127.0.0.1:0")
	check(t, err)
	ctx, end := context.WithCancel(context.Background())
	defer end()
	go s.Serve(ctx, narrow{l})

	c, err := net.Dial("tcp", l.Addr().String())
	check(t, err)
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprint(c, "GET /v1/long HTTP/1.0\r\nHost: localhost\r\n\r\n")
	begun := time.Now()
	var got bytes.Buffer
	for err == nil {
		_, err = io.CopyN(&got, c, stretch)
		time.Sleep(stall / 10)
	}
	if took := time.Since(begun); took < stall {
		t.Fatalf("the answer took %v, which shows nothing of a limit of %v", took, stall)
	}
	if err != io.EOF || !bytes.HasSuffix(got.Bytes(), long) {
		t.Errorf("a slow client got %d bytes of %d: %v", got.Len(), len(long), err)
	}
}
