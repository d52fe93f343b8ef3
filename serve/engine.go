package serve

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
)

// An engine is a base model in memory and the goroutine that computes with it. Others hand it functions, which it
// calls between passes; nobody else touches what its second part holds.
type engine struct {
	dir     string
	log     *slog.Logger
	vocab   int
	context int // most tokens of a sequence
	names   int // of models that use it; guarded by Server.mu

	mu     sync.Mutex
	inbox  []func()
	closed bool
	wake   chan struct{} // has one place

	run    *model.Run
	set    *lora.Set
	batch  *generate.Batch
	tokens int // of the batch's cache
	live   []*answers
	items  []*item

	// for the metrics
	waiting, passes, rows atomic.Int64
}

// newEngine loads the base model in dir and starts.
func newEngine(dir string, c *Config, log *slog.Logger) (*engine, error) {
	m, err := weights(dir, c.Dtype)
	if err != nil {
		return nil, err
	}
	e := &engine{dir: dir, log: log, vocab: m.Config.VocabSize, wake: make(chan struct{}, 1), run: m.NewRun(c.Device), set: lora.NewSet(m)}
	e.set.Device = c.Device
	e.tokens = c.cacheTokens(m.Config)
	e.context = c.context(m.Config)
	e.reset()
	go e.loop()
	return e, nil
}

// weights loads a base model into memory of its own: somebody may overwrite the folder while the server runs. In fewer
// bits it is never there in float32, piece by piece apart.
func weights(dir, dtype string) (*model.Model, error) {
	m, err := model.LoadFrozen(dir, cmp.Or(dtype, model.Auto))
	if err != nil {
		return nil, err
	}
	err = m.Own()
	debug.FreeOSMemory() // the pieces
	return m, err
}

// cacheTokens is what the cache of a model holds. One that takes 64 of the longest sequences is never full.
func (c *Config) cacheTokens(m *model.Config) int {
	return int(max(min(c.CacheBytes/generate.CacheBytes(m, 1), 64*int64(m.MaxPositions)), 1))
}

// context is the most tokens of a sequence.
func (c *Config) context(m *model.Config) int { return min(m.MaxPositions, c.cacheTokens(m)) }

// reset makes the batch anew.
func (e *engine) reset() {
	e.batch = generate.NewBatch(e.run, nil, e.tokens)
	e.batch.Use = e.use
}

// use makes the model compute with an adapter.
func (e *engine) use(adapter string) {
	if err := e.set.Use(adapter); err != nil {
		panic(err) // it is removed only when nobody uses it
	}
}

// forget lets an adapter go.
func (e *engine) forget(adapter string) error {
	e.use("")
	return e.set.Remove(adapter)
}

// check returns an error for tokens that the model can't take, with more to come after them.
func (e *engine) check(ids []int32, more int) error {
	if n := len(ids) + more; n > e.context {
		return refusal(400, invalid, "context_length_exceeded", "the input has %d tokens, but the model takes %d: shorten it", n, e.context)
	}
	for _, id := range ids {
		if id < 0 || int(id) >= e.vocab {
			return bad("", "there is no token %d; the vocabulary has %d", id, e.vocab)
		}
	}
	return nil
}

// do has f called by the engine's goroutine before its next pass. It returns false, and f is not called, if the
// engine is closed.
func (e *engine) do(f func()) bool {
	e.mu.Lock()
	ok := !e.closed
	if ok {
		e.inbox = append(e.inbox, f)
	}
	e.mu.Unlock()
	e.ring()
	return ok
}

var errClosed = fmt.Errorf("serve: the model is no longer in memory")

// call waits for what f returns.
func (e *engine) call(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	ok := e.do(func() {
		err := fmt.Errorf("serve: the model's engine failed; its log tells why")
		defer func() { result <- err }()
		err = f()
	})
	if !ok {
		return errClosed
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *engine) ring() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// close ends the goroutine; what is in work fails.
func (e *engine) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.ring()
}

// loop takes in what has come and makes a pass, as long as there is something to do; else it sleeps.
func (e *engine) loop() {
	for {
		e.mu.Lock()
		todo, closed := e.inbox, e.closed
		e.inbox = nil
		e.mu.Unlock()
		for _, f := range todo {
			e.guard(f)
		}
		if closed {
			e.abort(errClosed)
			return
		}
		if len(e.live) == 0 && len(e.items) == 0 {
			<-e.wake
			continue
		}
		e.guard(e.step)
		e.waiting.Store(int64(e.batch.Waiting() + len(e.items)))
	}
}

// step is one token of every sequence that is being generated, and one pass of other work.
func (e *engine) step() {
	if len(e.live) > 0 {
		e.passes.Add(1)
		e.rows.Add(int64(e.batch.Len() - e.batch.Waiting()))
		e.batch.Step()
		e.settle()
	}
	if len(e.items) > 0 {
		e.passes.Add(1)
		e.rows.Add(int64(e.pass()))
	}
}

// guard calls f and outlives its panics: what was in work fails, and the engine goes on.
func (e *engine) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			e.log.Error("panic while computing", "folder", e.dir, "panic", p, "stack", string(debug.Stack()))
			e.abort(fmt.Errorf("serve: panic while computing: %v", p))
			e.reset()
		}
	}()
	f()
}

// abort fails everything in work.
func (e *engine) abort(err error) {
	for _, a := range e.live {
		a.end(err)
	}
	for _, x := range e.items {
		x.finish(err)
	}
	e.live, e.items = nil, nil
}
