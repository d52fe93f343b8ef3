package serve_test

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/serve"
)

// A server with a model that hone train left in out, an adapter beside it, and a route of its own.
func Example() {
	s, err := serve.New(serve.Config{Device: hone.Device(0), Log: slog.Default()})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for name, dir := range map[string]string{"reviews": "out", "tickets": "adapter"} {
		if err := s.Add(ctx, name, dir); err != nil {
			log.Fatal(err)
		}
	}
	s.Mount("GET /v1/hello", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello\n")) }))
	l, err := s.Listen("127.0.0.1:8080")
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Serve(ctx, l); err != nil {
		log.Fatal(err)
	}
}
