package tokenizer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// A pair is two tokens that stand side by side.
type pair struct{ left, right int32 }

// A pairCount is how often a pair stands in the texts.
type pairCount struct {
	pair
	n     int64
	fresh []int32 // words in which the merge under way made it
}

// A symbolSpan is where a word stands.
type symbolSpan struct{ start, end int }

// A learner finds merges. Words are rows of token ids that shrink in place; pairs know the words that they are in, so
// that a merge touches those alone.
//
// All that stands side by side as a pair does so since the merge that made the younger of its tokens. So a pair is
// complete when it goes into the queue, and only gets rarer while it waits there. Nor can two pairs make the same
// token: what is inside a token has merged as it would have by itself.
type learner struct {
	vocabSize, maxLength int
	minFrequency         int64

	tokens []string // by id, in the byte-level alphabet
	ids    map[string]int32
	length []int // of each token, in bytes of text

	symbols []int32
	words   []symbolSpan
	weights []int64 // how often each word occurs

	pairs  []pairCount
	at     map[pair]int32 // index in pairs
	made   []int32        // pairs with fresh words
	queue  queue
	merges []pair
}

// newLearner prepares words for o, which is complete.
func newLearner(words []word, o TrainOptions) (*learner, error) {
	l := &learner{vocabSize: o.VocabSize, maxLength: math.MaxInt, minFrequency: int64(max(1, o.MinFrequency)),
		ids: map[string]int32{}, at: map[pair]int32{}}
	if o.MaxTokenLength > 0 {
		l.maxLength = o.MaxTokenLength
	}
	for _, token := range o.SpecialTokens {
		l.token(token)
	}
	for _, b := range alphabet(words, o.LimitAlphabet) {
		l.token(string(byteRune[b]))
	}
	if n := len(l.tokens); n > o.VocabSize {
		return nil, fmt.Errorf("vocab_size %d has no room for the alphabet of bytes and %d special tokens: make it at least %d", o.VocabSize, len(o.SpecialTokens), n)
	}
	l.load(words)
	return l, nil
}

// alphabet returns the bytes that are tokens of their own, in the order of what they are written as.
func alphabet(words []word, limit int) []byte {
	var n [256]int64
	all := make([]byte, 256)
	for b := range all {
		all[b] = byte(b)
	}
	slices.SortFunc(all, func(a, b byte) int { return cmp.Compare(byteRune[a], byteRune[b]) })
	if limit == 0 {
		return all
	}
	for _, w := range words {
		for i := range len(w.text) {
			n[w.text[i]] += w.n
		}
	}
	seen := slices.DeleteFunc(slices.Clone(all), func(b byte) bool { return n[b] == 0 })
	slices.SortStableFunc(seen, func(a, b byte) int { return cmp.Compare(n[b], n[a]) })
	seen = seen[:min(limit, len(seen))]
	return slices.DeleteFunc(all, func(b byte) bool { return !slices.Contains(seen, b) })
}

// token returns the id of a token, a new one unless it is a special token too.
func (l *learner) token(s string) int32 {
	id, ok := l.ids[s]
	if !ok {
		id = int32(len(l.tokens))
		l.ids[s] = id
		l.tokens = append(l.tokens, s)
		l.length = append(l.length, utf8.RuneCountInString(s))
	}
	return id
}

// load lays out the words as bytes, counts their pairs and fills the queue.
func (l *learner) load(words []word) {
	var ids [256]int32
	for b := range ids {
		ids[b] = -1
		if id, ok := l.ids[string(byteRune[b])]; ok {
			ids[b] = id
		}
	}
	size := 0
	for _, w := range words {
		size += len(w.text)
	}
	l.symbols = make([]int32, 0, size)
	for _, w := range words {
		start := len(l.symbols)
		for i := range len(w.text) {
			if id := ids[w.text[i]]; id >= 0 {
				l.symbols = append(l.symbols, id)
			}
		}
		if len(l.symbols)-start < 2 { // nothing to merge
			l.symbols = l.symbols[:start]
			continue
		}
		at := int32(len(l.words))
		l.words = append(l.words, symbolSpan{start, len(l.symbols)})
		l.weights = append(l.weights, w.n)
		for i := start + 1; i < len(l.symbols); i++ {
			l.found(pair{l.symbols[i-1], l.symbols[i]}, at)
		}
	}
	l.enqueue()
}

// count adds n to the count of a pair and returns it.
func (l *learner) count(p pair, n int64) int32 {
	i, ok := l.at[p]
	if !ok {
		i = int32(len(l.pairs))
		l.at[p] = i
		l.pairs = append(l.pairs, pairCount{pair: p})
	}
	l.pairs[i].n += n
	return i
}

// found counts a pair that stands in a word from now on.
func (l *learner) found(p pair, word int32) {
	i := l.count(p, l.weights[word])
	c := &l.pairs[i]
	if len(c.fresh) == 0 {
		l.made = append(l.made, i)
	} else if c.fresh[len(c.fresh)-1] == word {
		return
	}
	c.fresh = append(c.fresh, word)
}

// enqueue puts the pairs that were found into the queue, if they may be merged at all.
func (l *learner) enqueue() {
	for _, i := range l.made {
		c := &l.pairs[i]
		if c.n >= l.minFrequency {
			l.queue.push(candidate{c.n, c.pair, i, c.fresh})
		}
		c.fresh = nil
	}
	l.made = l.made[:0]
}

// learn merges until the vocabulary is full or nothing is left that occurs often enough. It tells the size of the
// vocabulary now and then.
func (l *learner) learn(ctx context.Context, tell func(tokens int)) error {
	for len(l.tokens) < l.vocabSize && len(l.queue) > 0 {
		top := l.queue[0]
		if n := l.pairs[top.at].n; n != top.n { // it has changed since it was put there
			l.queue[0].n = n
			l.queue.down()
			continue
		}
		if top.n < l.minFrequency {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		l.queue.pop()
		id := l.token(l.tokens[top.left] + l.tokens[top.right])
		l.merges = append(l.merges, top.pair)
		for _, w := range top.words {
			l.merge(w, top.pair, id)
		}
		l.enqueue()
		if len(l.merges)%256 == 0 {
			tell(len(l.tokens))
		}
	}
	tell(len(l.tokens))
	return nil
}

// merge puts id in the place of every p in a word.
func (l *learner) merge(word int32, p pair, id int32) {
	span := &l.words[word]
	s := l.symbols[span.start:span.end]
	n := l.weights[word]
	out := 0
	for i := 0; i < len(s); i++ {
		if s[i] != p.left || i+1 == len(s) || s[i+1] != p.right {
			s[out] = s[i]
			out++
			continue
		}
		i++
		if out > 0 {
			before := s[out-1]
			l.count(pair{before, p.left}, -n)
			l.join(pair{before, id}, word)
		}
		s[out] = id
		out++
		if i+1 < len(s) {
			after := s[i+1]
			l.count(pair{p.right, after}, -n)
			l.join(pair{id, after}, word)
		}
	}
	span.end = span.start + out
}

// join counts a pair that a merge made, unless its token would be too long.
func (l *learner) join(p pair, word int32) {
	if l.length[p.left]+l.length[p.right] < l.maxLength {
		l.found(p, word)
	}
}

// A candidate is a pair that may be merged in words.
type candidate struct {
	n int64 // when it was put into the queue
	pair
	at    int32 // index of the pair
	words []int32
}

// before reports whether a is merged before b: it is more frequent, or as frequent with lower ids.
func (a *candidate) before(b *candidate) bool {
	if a.n != b.n {
		return a.n > b.n
	}
	return a.left < b.left || a.left == b.left && a.right < b.right
}

// A queue is a heap of candidates, the first to be merged at its top.
type queue []candidate

func (q *queue) push(c candidate) {
	*q = append(*q, c)
	h := *q
	i := len(h) - 1
	for i > 0 && c.before(&h[(i-1)/2]) {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = c
}

func (q *queue) pop() {
	h := *q
	n := len(h) - 1
	h[0], h[n] = h[n], candidate{}
	*q = h[:n]
	q.down()
}

// down moves the top to its place.
func (q queue) down() {
	if len(q) == 0 {
		return
	}
	c, i := q[0], 0
	for {
		k := 2*i + 1
		if k+1 < len(q) && q[k+1].before(&q[k]) {
			k++
		}
		if k >= len(q) || !q[k].before(&c) {
			break
		}
		q[i] = q[k]
		i = k
	}
	q[i] = c
}
