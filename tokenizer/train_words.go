package tokenizer

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"
	"strings"
)

// batchBytes is how much text a goroutine counts at a time.
const batchBytes = 1 << 20

// A word is a piece of text within which tokens merge, and how often it occurs.
type word struct {
	text string
	n    int64
}

// A tally counts words, in the order in which they first came.
type tally struct {
	words []word
	at    map[string]int32 // index in words
}

// add counts n more of text; own says that the text may be kept as it is.
func (t *tally) add(text string, n int64, own bool) {
	if i, ok := t.at[text]; ok {
		t.words[i].n += n
		return
	}
	if !own {
		text = strings.Clone(text) // else it would keep all of a document in memory
	}
	t.at[text] = int32(len(t.words))
	t.words = append(t.words, word{text, n})
}

// A wordCounter counts the words of texts. Batches are counted in parallel and added up in their order, so that the
// result, even with a limit, doesn't depend on the number of processors.
type wordCounter struct {
	stages   []stage
	max      int // distinct words, or 0
	progress func(TrainProgress)

	tally
	done TrainProgress
}

// A batch is texts that are counted together.
type batch struct {
	texts  []string
	bytes  int
	counts tally
	err    error
	ready  chan struct{} // closed when counts or err is there
}

// read counts the words of all texts.
func (c *wordCounter) read(ctx context.Context, texts iter.Seq[string]) error {
	c.at = map[string]int32{}
	var running []*batch
	next := func() error { // takes the oldest batch
		b := running[0]
		running = running[1:]
		<-b.ready
		return c.absorb(b)
	}
	start := func(b *batch) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.ready = make(chan struct{})
		go func() {
			defer close(b.ready)
			b.count(c.stages)
		}()
		running = append(running, b)
		if len(running) < runtime.GOMAXPROCS(0) {
			return nil
		}
		return next()
	}
	b := new(batch)
	for s := range texts {
		b.texts = append(b.texts, s)
		if b.bytes += len(s); b.bytes < batchBytes && len(b.texts) < batchBytes/16 {
			continue
		}
		if err := start(b); err != nil {
			return err
		}
		b = new(batch)
	}
	if err := start(b); err != nil {
		return err
	}
	for len(running) > 0 {
		if err := next(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// count fills b.counts. Its words share memory with the texts.
func (b *batch) count(stages []stage) {
	b.counts.at = make(map[string]int32, 1<<12)
	scans := scanners(stages)
	cut := Tokenizer{stages: stages}
	for _, s := range b.texts {
		t := valid(s, false)
		if len(scans) == 1 { // the fast path of words below
			for i := 0; i < len(t.s); {
				j := scans[0](t.s, i)
				b.counts.add(t.s[i:j], 1, true)
				i = j
			}
			continue
		}
		b.err = cut.words(t, stages, false, func(w text) error {
			b.counts.add(w.s, 1, true)
			return nil
		})
		if b.err != nil {
			return
		}
	}
}

// absorb adds a batch that has been counted.
func (c *wordCounter) absorb(b *batch) error {
	if b.err != nil {
		return b.err
	}
	for _, w := range b.counts.words {
		c.add(w.text, w.n, false)
	}
	if c.max > 0 && len(c.words) > c.max {
		c.forget(max(1, c.max/2))
	}
	c.done.Bytes += int64(b.bytes)
	c.done.Words = len(c.words)
	c.progress(c.done)
	return nil
}

// forget leaves the n most frequent words, of equally frequent ones those that came first.
func (c *wordCounter) forget(n int) {
	slices.SortStableFunc(c.words, func(a, b word) int { return cmp.Compare(b.n, a.n) })
	c.done.Forgotten += len(c.words) - n
	c.words = slices.Clone(c.words[:n])
	c.at = make(map[string]int32, n)
	for i, w := range c.words {
		c.at[w.text] = int32(i)
	}
}
