package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestReadStream(t *testing.T) {
	const begun = "data: {\"choices\": [{\"text\": \"a \"}]}\n\ndata: {\"choices\": [{\"text\": \"film\"}]}\n\n"
	if got, err := readStream(strings.NewReader(begun + "data: [DONE]\n\n")); err != nil || got != (answer{text: "a film", units: 2}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := readStream(strings.NewReader(begun)); err == nil {
		t.Error("a stream that is cut off is taken for whole")
	}
}

// A server whose answers change under load, or that refuses, is found out.
func TestAsk(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := asked.Add(1); n < 3 {
			fmt.Fprintf(w, `{"data": [{"label": "pos", "score": %g}]}`, []float64{0.9, 0.6}[n-1])
			return
		}
		http.Error(w, "too many", http.StatusTooManyRequests)
	}))
	defer s.Close()
	*url = s.URL
	q := classifications()[0]
	alone, err := q.ask()
	if err != nil || alone != (answer{"pos", 0.9, 1}) {
		t.Fatalf("%v, %v", alone, err)
	}
	if other, err := q.ask(); err != nil || other.like(alone) {
		t.Errorf("%v, %v is like %v", other, err, alone)
	}
	if _, err := q.ask(); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("refused: %v", err)
	}
}
