// Command load asks a running hone serve as many clients at once do, checks every answer against what it was when
// nothing else was being computed, and prints how much came per second:
//
//	hone serve --model mood=out --port 8080 &
//	go run ./bench/load --url http://127.0.0.1:8080 --pid $!
//	go run ./bench/load --url http://127.0.0.1:8080 --one_at_a_time
//
// With --llama it asks llama.cpp's server for the same completions afterwards; its answers are checked against its own.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	url     = flag.String("url", "http://127.0.0.1:8080", "hone serve")
	llama   = flag.String("llama", "", "llama.cpp's server, such as http://127.0.0.1:8081")
	name    = flag.String("model", "", "model to ask; empty for the only one")
	key     = flag.String("api_key", os.Getenv("HONE_API_KEY"), "key to send")
	kinds   = flag.String("kinds", "classify,completions", "requests to send, in this order")
	clients = flag.Int("clients", 64, "clients at once")
	seconds = flag.Int("seconds", 60, "how long each kind of request is sent")
	tokens  = flag.Int("max_tokens", 32, "tokens of a completion")
	single  = flag.Bool("one_at_a_time", false, "let only one request be in work, as a server without batching does")
	pid     = flag.Int("pid", 0, "process of the server, whose memory is watched (Linux)")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	for kind := range strings.SplitSeq(*kinds, ",") {
		var err error
		switch kind {
		case "classify":
			err = load(kind, classifications())
		case "completions":
			if err = load(kind, completions(*url)); err == nil && *llama != "" {
				err = load("completions of llama.cpp", completions(*llama))
			}
		default:
			err = fmt.Errorf("kind %q is not classify or completions", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A request and its answer when it is alone.
type request struct {
	url, body string
	read      func(io.Reader) (answer, error)
	want      answer
}

// An answer is a text or a label, with a probability that may differ in its last digits.
type answer struct {
	text  string
	score float64
	units int // texts or pieces of text
}

func (a answer) like(b answer) bool {
	return a.text == b.text && a.units == b.units && math.Abs(a.score-b.score) < 1e-3
}

// texts are inputs of many lengths.
func texts() (all []string) {
	words := strings.Fields("a gorgeous witty seductive movie that never finds its feet and leaves you with the feeling of having seen all of it before")
	for i := range 48 {
		all = append(all, strings.Join(words[i%7:i%7+1+i%16], " "))
	}
	return all
}

func classifications() (all []*request) {
	for _, t := range texts() {
		body, _ := json.Marshal(map[string]any{"model": *name, "input": t})
		all = append(all, &request{url: *url + "/v1/classify", body: string(body), read: func(r io.Reader) (answer, error) {
			var v struct {
				Data []struct {
					Label string
					Score float64
				}
			}
			if err := json.NewDecoder(r).Decode(&v); err != nil || len(v.Data) != 1 {
				return answer{}, fmt.Errorf("%d classes for one text, %w", len(v.Data), err)
			}
			return answer{v.Data[0].Label, v.Data[0].Score, 1}, nil
		}})
	}
	return all
}

func completions(url string) (all []*request) {
	for _, t := range texts() {
		body, _ := json.Marshal(map[string]any{"model": *name, "prompt": t, "max_tokens": *tokens, "temperature": 0, "stream": true})
		all = append(all, &request{url: url + "/v1/completions", body: string(body), read: readStream})
	}
	return all
}

// readStream returns the text of a stream of events and the number of its pieces.
func readStream(r io.Reader) (answer, error) {
	var text strings.Builder
	n := 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if data == "[DONE]" {
			return answer{text: text.String(), units: n}, nil
		}
		var v struct{ Choices []struct{ Text string } }
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			return answer{}, err
		}
		for _, c := range v.Choices {
			text.WriteString(c.Text)
			n++
		}
	}
	return answer{}, fmt.Errorf("the stream ends without [DONE] after %q", text.String())
}

func (q *request) ask() (answer, error) {
	r, err := http.NewRequest(http.MethodPost, q.url, strings.NewReader(q.body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+*key)
	r.Close = *llama != "" && strings.HasPrefix(q.url, *llama) // it closes connections at will, after so many requests
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(got.Body)
		return answer{}, fmt.Errorf("%s: %s %s", q.url, got.Status, b)
	}
	return q.read(got.Body)
}

// load sends requests for the time and prints what came.
func load(title string, all []*request) error {
	for _, q := range all {
		var err error
		if q.want, err = q.ask(); err != nil {
			return err
		}
	}
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = *clients
	var wg sync.WaitGroup
	var mu, turn sync.Mutex
	var units, wrong atomic.Int64
	var times []time.Duration
	var failed error
	before, start := memory(), time.Now()
	end := start.Add(time.Duration(*seconds) * time.Second)
	for c := range *clients {
		wg.Go(func() {
			for i := c; time.Now().Before(end); i++ {
				q := all[i%len(all)]
				asked := time.Now()
				if *single {
					turn.Lock()
				}
				got, err := q.ask()
				if *single {
					turn.Unlock()
				}
				mu.Lock()
				times = append(times, time.Since(asked))
				if err != nil {
					failed = err
				} else if !got.like(q.want) && wrong.Add(1) == 1 {
					fmt.Printf("%s\nalone: %v\nunder load: %v\n", q.body, q.want, got)
				}
				mu.Unlock()
				units.Add(int64(got.units))
			}
		})
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	slices.Sort(times)
	at := func(p float64) time.Duration { return times[int(p*float64(len(times)-1))].Round(time.Millisecond) }
	fmt.Printf("%s: %d requests in %.0f s by %d clients, %.1f/s, %.1f pieces/s; median %v, 99%% within %v; memory %s before, %s after; %d answers differ\n",
		title, len(times), took, *clients, float64(len(times))/took, float64(units.Load())/took, at(0.5), at(0.99), before, memory(), wrong.Load())
	return failed
}

// memory tells the server's memory.
func memory() string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", *pid))
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			return string(bytes.TrimSpace(rest))
		}
	}
	return "unknown"
}
