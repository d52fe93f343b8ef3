package serve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// A handler answers one route. An error that it returns before it wrote anything is the answer.
type handler func(http.ResponseWriter, *http.Request) error

// route adds one of the Server's own routes, "METHOD /path".
func (s *Server) route(pattern string, h handler) {
	method, path, _ := strings.Cut(pattern, " ")
	if s.routes[path] == nil {
		s.routes[path] = map[string]handler{}
	}
	s.routes[path][method] = h
}

// Handler returns the Server as an http.Handler, for servers other than Serve's.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, methods := range s.routes {
		mux.Handle(path, s.authorized(byMethod(methods)))
	}
	for pattern, h := range s.mounted {
		mux.Handle(pattern, s.authorized(s.guest(h)))
	}
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("/readyz", s.ready)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		api := strings.HasPrefix(r.URL.Path, "/v1/") || strings.HasPrefix(r.URL.Path, "/api/")
		switch {
		case s.page != nil && !api:
			s.page.ServeHTTP(w, r)
		case r.URL.Path == "/":
			w.Write([]byte("hone is running\n"))
		default:
			fail(w, r, refusal(http.StatusNotFound, invalid, "unknown_url", "there is no %s %s here", r.Method, r.URL.Path))
		}
	})
	return s.front(mux)
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		fail(w, r, errDraining)
		return
	}
	w.Write([]byte("ready\n"))
}

var errDraining = refusal(http.StatusServiceUnavailable, unavailable, "shutting_down", "the server is shutting down")

// byMethod chooses the handler of a path by the request's method.
func byMethod(methods map[string]handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := methods[r.Method]
		if r.Method == http.MethodHead && h == nil {
			h = methods[http.MethodGet]
		}
		if h == nil {
			for m := range methods {
				w.Header().Add("Allow", m)
			}
			fail(w, r, refusal(http.StatusMethodNotAllowed, invalid, "method_not_allowed", "%s doesn't take %s", r.URL.Path, r.Method))
			return
		}
		if err := h(w, r); err != nil {
			c := callOf(r)
			if asAPI(err).Status >= 500 {
				c.fault = err
			}
			if w.(*response).status == 0 {
				fail(w, r, err)
			}
		}
	})
}

// authorized lets requests through that bring the key.
func (s *Server) authorized(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(s.config.APIKey))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.config.APIKey != "" {
			scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			// Hashes have one length, so that the comparison's time tells nothing of the key.
			got := sha256.Sum256([]byte(strings.TrimSpace(key)))
			if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				fail(w, r, refusal(http.StatusUnauthorized, invalid, "invalid_api_key", "the API key is missing or wrong: send it as \"Authorization: Bearer KEY\""))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// guest bounds the bodies of a mounted route.
func (s *Server) guest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			fail(w, r, errDraining)
			return
		}
		if r.ContentLength > s.config.MaxUpload {
			fail(w, r, tooLarge(s.config.MaxUpload))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, &steadyBody{ReadCloser: r.Body, control: http.NewResponseController(w), stall: s.config.Stall}, s.config.MaxUpload)
		}
		next.ServeHTTP(w, r)
	})
}

// front is what every request passes: it names, watches and logs it, turns away what only an attack would send, and
// survives its panics.
func (s *Server) front(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	for _, origin := range s.config.AllowOrigins {
		if err := cross.AddTrustedOrigin(origin); err != nil {
			s.log.Warn("an origin is not allowed after all", "origin", origin, "error", err)
		}
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c := &call{start: time.Now(), id: randomID("req-")}
		w := &response{ResponseWriter: rw, control: http.NewResponseController(rw), stall: s.config.Stall}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		w.Header().Set("X-Request-Id", c.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		s.metrics.inFlight.Add(1)
		defer func() {
			s.metrics.inFlight.Add(-1)
			w.control.SetReadDeadline(time.Now().Add(w.stall)) // net/http reads what is left of the body
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("panic", "id", c.id, "panic", p, "stack", string(debug.Stack()))
				if w.status == 0 {
					fail(w, r, errors.New("panic"))
				}
			}
			s.finish(c, w, r)
		}()
		if err := s.decent(r); err != nil {
			fail(w, r, err)
			return
		}
		if s.allowOrigin(w, r) {
			return
		}
		if err := cross.Check(r); err != nil {
			fail(w, r, refusal(http.StatusForbidden, invalid, "cross_origin", "pages of other origins may not use this server: start it with --allow_origin if %s shall", r.Header.Get("Origin")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// decent refuses paths that climb and, where no key protects the server, names that are not this machine's own: a
// page whose name was made to point here (DNS rebinding) would otherwise count as one of ours.
func (s *Server) decent(r *http.Request) error {
	if p := r.URL.Path; !strings.HasPrefix(p, "/") || path.Clean(p) != p && path.Clean(p)+"/" != p {
		return refusal(http.StatusNotFound, invalid, "unknown_url", "the path %.200q is not in its shortest form", p)
	}
	if s.config.APIKey != "" {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return nil
	}
	return refusal(http.StatusForbidden, invalid, "unknown_host", "this server is for its own machine and not known as %.200q: use localhost, or start it with an API key", r.Host)
}

// allowOrigin tells browsers about origins that may use the server, and reports whether that was all they asked.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) (preflight bool) {
	origin := r.Header.Get("Origin")
	if !slices.Contains(s.config.AllowOrigins, origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// A call is what is known of a request while it is answered.
type call struct {
	id                string
	start             time.Time
	model             string
	prompt, generated int // tokens
	fault             error
}

type callKey struct{}

func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// finish counts and logs a request.
func (s *Server) finish(c *call, w *response, r *http.Request) {
	took := time.Since(c.start)
	status := w.status
	if r.Context().Err() != nil && (status == 0 || status == statusGone) {
		status = statusGone
	} else if status == 0 {
		status = http.StatusOK
	}
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	s.metrics.request(route, status, took)
	s.metrics.tokens(c.model, c.prompt, c.generated)
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("id", c.id), slog.String("client", r.RemoteAddr), slog.String("method", r.Method), slog.String("route", route),
		slog.Int("status", status), slog.Int64("bytes", w.bytes), slog.Duration("took", took.Round(time.Microsecond))}
	if c.model != "" {
		attrs = append(attrs, slog.String("model", c.model), slog.Int("prompt_tokens", c.prompt), slog.Int("generated_tokens", c.generated))
	}
	if c.fault != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", c.fault.Error()))
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}

// randomID returns a name that no other thing has.
func randomID(prefix string) string {
	var b [12]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}
