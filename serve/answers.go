package serve

import (
	"context"
	"sync"
	"time"

	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/tokenizer"
)

// answers are what the engine generates for one request. The engine never waits for whoever reads them: tokens that
// are not read yet are kept, and their number is bounded by the request's.
type answers struct {
	mu     sync.Mutex
	queue  []piece
	ended  bool
	err    error
	notify chan struct{} // has one place

	// the engine's alone until the end
	seqs        []*generate.Sequence
	started     time.Time // when the engine took it
	first, last time.Time // tokens
}

// A piece is a token of one of the answers.
type piece struct {
	index int
	generate.Token
}

// generate has the engine answer requests, all on one adapter. Answer j to request i has the index i·n + j, if each
// request asks for n.
func (e *engine) generate(ctx context.Context, tok *tokenizer.Tokenizer, n int, requests []generate.Request) (*answers, error) {
	a := &answers{notify: make(chan struct{}, 1)}
	ok := e.do(func() {
		a.started = time.Now()
		for i, r := range requests {
			r.Tokenizer = tok
			r.Emit = func(s *generate.Sequence, t generate.Token) { a.put(piece{i*n + s.Index, t}) }
			seqs, err := e.batch.Add(ctx, r)
			if err != nil {
				for _, s := range a.seqs {
					s.Cancel()
				}
				a.end(bad("", "%s", plain(err)))
				return
			}
			a.seqs = append(a.seqs, seqs...)
		}
		e.live = append(e.live, a)
	})
	if !ok {
		return nil, errClosed
	}
	return a, nil
}

// settle ends the answers whose sequences are all finished.
func (e *engine) settle() {
	n := 0
	for _, a := range e.live {
		open := false
		var err error
		for _, s := range a.seqs {
			open = open || s.Finish == ""
			if err == nil {
				err = s.Err
			}
		}
		if open && err == nil {
			e.live[n], n = a, n+1
			continue
		}
		for _, s := range a.seqs { // one that failed takes the others with it
			s.Cancel()
		}
		a.end(err)
	}
	clear(e.live[n:])
	e.live = e.live[:n]
}

func (a *answers) put(p piece) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = time.Now()
	if a.first.IsZero() {
		a.first = a.last
	}
	a.queue = append(a.queue, p)
	a.ring()
}

func (a *answers) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.ended, a.err = true, err
	}
	a.ring()
}

func (a *answers) ring() {
	select {
	case a.notify <- struct{}{}:
	default:
	}
}

// next waits and returns the pieces that have come, none at the end.
func (a *answers) next(ctx context.Context) ([]piece, error) {
	for {
		a.mu.Lock()
		got, ended, err := a.queue, a.ended, a.err
		a.queue = nil
		a.mu.Unlock()
		if len(got) > 0 || ended {
			if len(got) > 0 {
				err = nil // first what came before it
			}
			return got, err
		}
		select {
		case <-a.notify:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// generated returns the number of tokens of all answers. It may be called at the end only.
func (a *answers) generated() (n int) {
	for _, s := range a.seqs {
		n += len(s.IDs())
	}
	return n
}
