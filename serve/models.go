package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/generate"
)

// A served model is a name that requests may ask for.
type served struct {
	name    string
	dir     string
	created time.Time
	about   *hone.Outline
	users   sync.WaitGroup // requests
	load    *load          // nil: not begun, or failed; guarded by Server.mu

	// what there is once the load has succeeded
	parts   *hone.Parts
	prompts generate.Pipeline // makes prompts; it has no Run
	engine  *engine
	adapter string // of the engine's model; "" means that alone
}

// A load is the way of a model into memory. It goes on when those who wait for it leave.
type load struct {
	done chan struct{}
	err  error // once done is closed
}

// Add loads the model or the adapter in dir and serves it under a name. An adapter shares the memory of its base
// model, whether that has a name or not. It may be called at any time, but returns only when the model is there.
func (s *Server) Add(ctx context.Context, name, dir string) error {
	m, err := s.offer(name, dir)
	if err != nil {
		return err
	}
	if err := s.loaded(ctx, m); err != nil {
		s.Remove(name)
		return err
	}
	return nil
}

// Offer serves the model or the adapter in dir under a name from now on, but loads it only when somebody first asks it
// something. Those wait for it, within the time of a request; a load that fails is tried again by the next.
func (s *Server) Offer(name, dir string) error {
	_, err := s.offer(name, dir)
	return err
}

func (s *Server) offer(name, dir string) (*served, error) {
	if name == "" || len(name) > 200 || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return nil, fmt.Errorf("serve: %.200q can't be the name of a model: it must have 1 to 200 characters and no spaces", name)
	}
	about, err := hone.OpenOutline(dir)
	if err != nil {
		return nil, err
	}
	m := &served{name: name, dir: dir, created: time.Now(), about: about}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.models[name] != nil {
		return nil, fmt.Errorf("serve: there is a model %s already: remove it first, or choose another name", name)
	}
	s.models[name] = m
	return m, nil
}

// loaded waits until the model is in memory, and begins to load it if nobody has.
func (s *Server) loaded(ctx context.Context, m *served) error {
	s.mu.Lock()
	l := m.load
	if l == nil {
		l = &load{done: make(chan struct{})}
		m.load = l
		go s.bring(m, l)
	}
	s.mu.Unlock()
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bring loads a model. One is loaded at a time: two would take each other's processors and memory.
func (s *Server) bring(m *served, l *load) {
	defer close(l.done)
	s.loading.Lock()
	defer s.loading.Unlock()
	start := time.Now()
	if s.model(m.name) != m {
		l.err = errClosed
		return
	}
	err := s.assemble(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.models[m.name] != m { // it was removed meanwhile, or the server closed
		err = errClosed
	}
	if err != nil {
		if m.engine != nil {
			s.release(m.engine)
		}
		m.engine, m.load = nil, nil
		l.err = fmt.Errorf("serve: model %s can't be loaded: %w", m.name, err)
		return
	}
	m.engine.names++
	s.log.Info("serving", "model", m.name, "folder", m.dir, "base", m.parts.Base, "loaded_in", time.Since(start).Round(time.Millisecond))
}

// assemble makes of m's folder what requests need.
func (s *Server) assemble(m *served) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while loading: %v", p)
			s.log.Error("panic while loading", "folder", m.dir, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if m.parts, err = hone.OpenParts(m.dir); err != nil {
		return err
	}
	m.prompts.Tokenizer, m.prompts.Template = m.parts.Tokenizer, m.parts.Template
	if m.engine, err = s.engineOf(m.parts.Base); err != nil {
		return err
	}
	if m.parts.Base != m.parts.Dir {
		m.adapter = m.name
		if err := m.engine.call(context.Background(), func() error { return m.engine.set.Load(m.name, m.dir) }); err != nil {
			return err
		}
	}
	return m.fits()
}

// fits returns an error if the tokenizer makes tokens that the model doesn't have.
func (m *served) fits() error {
	if v := m.parts.Verbalizer; v != nil {
		for i, w := range v.Words() {
			if err := m.engine.check(w, 0); err != nil {
				return fmt.Errorf("serve: %s: the label word of %s: %w", m.dir, v.Labels[i], err)
			}
		}
	}
	return nil
}

// engineOf returns the engine of the base model in dir, which it loads unless it is there.
func (s *Server) engineOf(dir string) (*engine, error) {
	key, err := filepath.EvalSymlinks(dir)
	if err == nil {
		key, err = filepath.Abs(key)
	}
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	s.mu.RLock()
	e := s.engines[key]
	s.mu.RUnlock()
	if e != nil {
		return e, nil
	}
	if e, err = newEngine(key, &s.config, s.log); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.engines[key] = e
	s.mu.Unlock()
	return e, nil
}

// release ends an engine that no name needs. The caller holds mu.
func (s *Server) release(e *engine) {
	if e.names == 0 {
		e.close()
		delete(s.engines, e.dir)
	}
}

// Remove takes a model's name away. Requests in work on it are answered; then its memory is let go.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	m := s.models[name]
	delete(s.models, name)
	s.mu.Unlock()
	if m == nil {
		return
	}
	go func() {
		m.users.Wait()
		s.loading.Lock() // nobody is about to share the engine
		defer s.loading.Unlock()
		if m.engine == nil {
			return // it never was in memory
		}
		if m.adapter != "" {
			m.engine.call(context.Background(), func() error { return m.engine.forget(m.adapter) })
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		m.engine.names--
		s.release(m.engine)
	}()
}

func (s *Server) model(name string) *served {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.models[name]
}

// names returns the names of all models, sorted.
func (s *Server) names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.models))
}

// Models returns the folders of the models that are served, by name.
func (s *Server) Models() map[string]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	dirs := make(map[string]string, len(s.models))
	for name, m := range s.models {
		dirs[name] = m.dir
	}
	return dirs
}

// A question is the body of a request to a model.
type question interface {
	check() error
	model() string
}

// begin reads and checks a request's body and takes the request in; see start.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, q question) (m *served, ctx context.Context, done func(), err error) {
	if err := s.read(w, r, q); err != nil {
		return nil, nil, nil, err
	}
	if err := q.check(); err != nil {
		return nil, nil, nil, err
	}
	return s.start(r, q.model())
}

// start takes a request in: it finds the model and a place among the requests in work, bounds the time, and waits for the
// model if that is not in memory yet. done must be called at the end. An empty name means the only model there is.
func (s *Server) start(r *http.Request, name string) (m *served, ctx context.Context, done func(), err error) {
	if s.draining.Load() {
		return nil, nil, nil, errDraining
	}
	s.mu.RLock()
	m = s.models[name]
	if name == "" && len(s.models) == 1 {
		for _, m = range s.models {
		}
	}
	if m != nil {
		m.users.Add(1)
	}
	s.mu.RUnlock()
	if m == nil {
		e := refusal(http.StatusNotFound, invalid, "model_not_found", "there is no model %.200q; there are %.400q", name, s.names())
		e.Param = "model"
		return nil, nil, nil, e
	}
	select {
	case s.slots <- struct{}{}:
	default:
		m.users.Done()
		return nil, nil, nil, refusal(http.StatusTooManyRequests, "rate_limit_error", "queue_full", "%d requests are in work or waiting already: try again soon", cap(s.slots))
	}
	callOf(r).model = m.name
	ctx, cancel := context.WithTimeout(r.Context(), s.config.Timeout)
	done = func() {
		cancel()
		<-s.slots
		m.users.Done()
	}
	if err := s.loaded(ctx, m); err != nil {
		late := ctx.Err()
		done()
		if late == nil {
			s.log.Error("a model can't be loaded", "id", callOf(r).id, "error", err)
			err = refusal(http.StatusInternalServerError, unavailable, "model_unavailable", "the model %s can't be loaded; the server's log tells why", m.name)
		}
		return nil, nil, nil, err
	}
	return m, ctx, done, nil
}

// info is a model as /v1/models shows it: OpenAI's fields, and under "hone" what it can do.
func (s *Server) info(m *served) map[string]any {
	c := m.about.Config
	own := map[string]any{"model_type": c.ModelType, "parameters": c.NumParams(), "context_length": s.config.context(c), "chat": m.about.ChatTemplate != "", "adapter": m.about.Base != m.about.Dir}
	if m.about.Labels != nil {
		own["labels"] = m.about.Labels
	}
	return map[string]any{"id": m.name, "object": "model", "created": m.created.Unix(), "owned_by": "hone", "hone": own}
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request) error {
	data := []any{}
	for _, name := range s.names() {
		if m := s.model(name); m != nil {
			data = append(data, s.info(m))
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

func (s *Server) showModel(w http.ResponseWriter, r *http.Request) error {
	m := s.model(r.PathValue("id"))
	if m == nil {
		return refusal(http.StatusNotFound, invalid, "model_not_found", "there is no model %.200q; there are %.400q", r.PathValue("id"), s.names())
	}
	return writeJSON(w, http.StatusOK, s.info(m))
}

// digest is a name for this model while it is served, which is not one of its bytes.
func (m *served) digest() string {
	sum := sha256.Sum256(fmt.Append(nil, m.name, m.dir, m.created.UnixNano()))
	return hex.EncodeToString(sum[:])
}
