package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hone-ml/hone/compute"
)

// A Config is the settings of a Server. Zero values stand for the defaults.
type Config struct {
	Device compute.Device // required; hone.Device makes one
	Dtype  string         // how the weights of base models are held (model.LoadFrozen); "" is auto

	// APIKey is what clients send as "Authorization: Bearer KEY". Without one the server answers only clients of
	// this machine; see Serve.
	APIKey string
	// AllowOrigins are the origins, such as https://app.example.com, whose pages may use the server from a browser.
	AllowOrigins []string
	TLS          *tls.Config // nil means plain HTTP

	CacheBytes  int64         // keys and values of the sequences in work, for each base model; 1 GiB
	MaxRequests int           // in work or waiting; more are answered with 429; 256
	MaxBody     int64         // bytes of a request; 2 MiB
	MaxUpload   int64         // bytes of a request to a mounted route; 1 GiB
	MaxTokens   int           // answers that don't say how long they may be end here; 1024
	Timeout     time.Duration // of one request; 10 minutes
	Stall       time.Duration // how long a client may take to send a request, or to read the next 64 KiB of an answer; 30 seconds
	Drain       time.Duration // how long requests in work may go on when the server ends; 30 seconds

	Log *slog.Logger // one line for each request, without its contents; nil means none
}

// A Server answers requests with the models that it was given. Its methods are safe for concurrent use, but Mount,
// which comes before Handler.
type Server struct {
	config  Config
	log     *slog.Logger
	metrics metrics
	started time.Time

	routes  map[string]map[string]handler // by path and method
	mounted map[string]http.Handler
	page    http.Handler

	slots    chan struct{} // one for each request in work or waiting
	draining atomic.Bool

	loading sync.Mutex // held while a model is loaded
	mu      sync.RWMutex
	models  map[string]*served
	engines map[string]*engine // by folder of the base model
}

// New returns a Server without models.
func New(c Config) (*Server, error) {
	if c.Device == nil {
		return nil, errors.New("serve: a Config needs a Device: hone.Device(0)")
	}
	for _, origin := range c.AllowOrigins {
		if !strings.Contains(origin, "://") || strings.HasSuffix(origin, "/") {
			return nil, fmt.Errorf("serve: %q is no origin: write it as browsers do, https://app.example.com", origin)
		}
	}
	c.CacheBytes = cmp.Or(c.CacheBytes, 1<<30)
	c.MaxRequests = cmp.Or(c.MaxRequests, 256)
	c.MaxBody = cmp.Or(c.MaxBody, 2<<20)
	c.MaxUpload = cmp.Or(c.MaxUpload, 1<<30)
	c.MaxTokens = cmp.Or(c.MaxTokens, 1024)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Minute)
	c.Stall = cmp.Or(c.Stall, 30*time.Second)
	c.Drain = cmp.Or(c.Drain, 30*time.Second)
	s := &Server{config: c, log: c.Log, started: time.Now(), routes: map[string]map[string]handler{}, mounted: map[string]http.Handler{},
		slots: make(chan struct{}, c.MaxRequests), models: map[string]*served{}, engines: map[string]*engine{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.openAI()
	s.ollama()
	s.route("POST /v1/classify", s.classify)
	s.route("GET /metrics", s.metricsPage)
	return s, nil
}

// Serve answers the connections of l until ctx ends. Then it takes no new requests, lets those in work go on for
// Config.Drain, and returns. Without an API key it refuses a listener that other machines reach.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if err := s.private(l); err != nil {
		return err
	}
	// Requests outlive ctx, so that they can be answered while the server drains.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler: s.Handler(), BaseContext: func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), TLSConfig: s.config.TLS,
		// A deadline of HTTP/2 ends a stream even while nothing is written to it.
		Protocols: new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	failed := make(chan error, 1)
	go func() {
		if s.config.TLS != nil {
			failed <- srv.ServeTLS(l, "", "")
			return
		}
		failed <- srv.Serve(l)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), s.config.Drain)
	defer stop()
	if err := srv.Shutdown(late); err == nil {
		return nil
	}
	cancel() // their clients learn of it
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	if srv.Shutdown(last) != nil {
		srv.Close()
	}
	return fmt.Errorf("serve: requests that were still in work after %v were cut off", s.config.Drain)
}

// Listen opens a listener for Serve, which may come later: an address that is taken or that Serve would refuse is
// known at once.
func (s *Server) Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return l, s.private(l)
}

// private closes a listener that other machines reach while no key protects the server.
func (s *Server) private(l net.Listener) error {
	if s.config.APIKey != "" || loopback(l.Addr()) {
		return nil
	}
	l.Close()
	return fmt.Errorf("serve: other machines can reach %s, and there is no API key: set one (--api_key or HONE_API_KEY), or listen on 127.0.0.1", l.Addr())
}

// loopback reports whether only this machine reaches a.
func loopback(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

// Mount adds a route in net/http's syntax, before Handler is called. Its requests are logged, counted and
// authenticated as the Server's own, their bodies bounded by Config.MaxUpload. The handler of "/" is a page for
// browsers, which needs no key: a browser has none before it has the page, so that there may be no secret on it.
func (s *Server) Mount(pattern string, h http.Handler) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "", pattern
	}
	if path == "/" && (method == "" || method == http.MethodGet) {
		s.page = h
		return
	}
	s.mounted[pattern] = h
}

// Close stops the engines. Requests in work fail.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.engines {
		e.close()
	}
	clear(s.engines)
	clear(s.models)
}
