package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// A bpe is a byte-pair encoding model: it turns words into tokens.
type bpe struct {
	vocab *vocab
	pairs *pairTable

	// byteLevel: words are raw bytes and the vocabulary is written in the byte-level alphabet. Otherwise words and
	// vocabulary are both text, and a word begins as its characters.
	byteLevel bool
	bytes     [256]int32 // byteLevel: the token of each byte; byteFallback: of <0x00> to <0xFF>; or -1

	byteFallback bool
	ignoreMerges bool  // a word that is in the vocabulary is one token
	fuseUnk      bool  // unknown characters in a row are one token
	unk          int32 // or -1: unknown characters vanish

	cache   wordCache
	scratch sync.Pool // of *symbols
}

// symbols is a word while it is being merged.
type symbols struct {
	id   []int32
	size []int32  // bytes of the word that the token stands for
	rank []uint32 // of the merge with the next symbol
	next []int32  // long words only: links to the neighbours
	prev []int32
	heap []uint64 // long words only: rank<<32 | position
	buf  []byte
}

func (s *symbols) reset() { s.id, s.size, s.rank = s.id[:0], s.size[:0], s.rank[:0] }

func (s *symbols) add(id, size int32) {
	s.id = append(s.id, id)
	s.size = append(s.size, size)
}

// appendWord appends the tokens of one word.
func (m *bpe) appendWord(dst []int32, word string) []int32 {
	if len(word) > maxCached {
		s := m.encode(word)
		dst = append(dst, s.id...)
		m.release(s)
		return dst
	}
	slot := m.cache.slot(word)
	if e := slot.Load(); e != nil && e.word == word {
		return append(dst, e.ids...)
	}
	s := m.encode(word)
	slot.Store(&cached{strings.Clone(word), append([]int32(nil), s.id...)})
	dst = append(dst, s.id...)
	m.release(s)
	return dst
}

// encode returns the merged symbols of a word; hand them back with release.
func (m *bpe) encode(word string) *symbols {
	if !m.ignoreMerges {
		return m.merged(word)
	}
	s := m.symbols()
	token := word
	if m.byteLevel {
		s.buf = appendMapped(s.buf[:0], word)
		token = string(s.buf)
	}
	if id := m.vocab.id(token); id >= 0 {
		s.add(id, int32(len(word)))
		return s
	}
	m.release(s)
	return m.merged(word)
}

// symbols returns empty ones.
func (m *bpe) symbols() *symbols {
	s, _ := m.scratch.Get().(*symbols)
	if s == nil {
		s = new(symbols)
	}
	s.reset()
	return s
}

// merged is encode by merges alone.
func (m *bpe) merged(word string) *symbols {
	s := m.symbols()
	if m.byteLevel {
		m.splitBytes(s, word)
	} else {
		m.splitChars(s, word)
	}
	if len(s.id) <= 48 {
		m.mergeShort(s)
	} else {
		m.mergeLong(s)
	}
	return s
}

// release takes symbols back for the next word, unless an enormous one has made them large.
func (m *bpe) release(s *symbols) {
	if cap(s.id) <= 1<<16 {
		m.scratch.Put(s)
	}
}

func (m *bpe) splitBytes(s *symbols, word string) {
	unknown := int32(0) // bytes of a fused unknown token, not yet added
	for i := range len(word) {
		id := m.bytes[word[i]]
		if id < 0 {
			unknown = m.unknown(s, unknown, 1)
			continue
		}
		unknown = m.flushUnknown(s, unknown)
		s.add(id, 1)
	}
	m.flushUnknown(s, unknown)
}

func (m *bpe) splitChars(s *symbols, word string) {
	unknown := int32(0)
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		char := word[i : i+n]
		i += n
		if id := m.vocab.id(char); id >= 0 {
			unknown = m.flushUnknown(s, unknown)
			s.add(id, int32(n))
		} else if m.byteFallback && m.hasBytes(char) {
			// an unknown token that is pending stays so, as in the reference
			for k := range n {
				s.add(m.bytes[char[k]], 1)
			}
		} else {
			unknown = m.unknown(s, unknown, int32(n))
		}
	}
	m.flushUnknown(s, unknown)
}

func (m *bpe) hasBytes(char string) bool {
	for k := range len(char) {
		if m.bytes[char[k]] < 0 {
			return false
		}
	}
	return true
}

func (m *bpe) unknown(s *symbols, pending, size int32) int32 {
	if m.unk < 0 {
		return 0
	}
	if m.fuseUnk {
		return pending + size
	}
	m.flushUnknown(s, pending)
	return size
}

func (m *bpe) flushUnknown(s *symbols, pending int32) int32 {
	if pending > 0 {
		s.add(m.unk, pending)
	}
	return 0
}

// mergeShort looks for the lowest rank again after each merge, which is the fastest for short words.
func (m *bpe) mergeShort(s *symbols) {
	n := len(s.id)
	for i := 1; i < n; i++ {
		s.rank = append(s.rank, m.pairs.rank(s.id[i-1], s.id[i]))
	}
	for n > 1 {
		best, at := noRank, 0
		for i, r := range s.rank {
			if r < best {
				best, at = r, i
			}
		}
		if best == noRank {
			return
		}
		s.id[at] = m.pairs.slot(s.id[at], s.id[at+1]).id
		s.size[at] += s.size[at+1]
		copy(s.id[at+1:], s.id[at+2:])
		copy(s.size[at+1:], s.size[at+2:])
		copy(s.rank[at:], s.rank[at+1:])
		n--
		s.id, s.size, s.rank = s.id[:n], s.size[:n], s.rank[:n-1]
		if at > 0 {
			s.rank[at-1] = m.pairs.rank(s.id[at-1], s.id[at])
		}
		if at < n-1 {
			s.rank[at] = m.pairs.rank(s.id[at], s.id[at+1])
		}
	}
}

// mergeLong keeps the candidates in a heap and the symbols in a list: O(n log n).
func (m *bpe) mergeLong(s *symbols) {
	n := len(s.id)
	s.next, s.prev, s.heap = s.next[:0], s.prev[:0], s.heap[:0]
	for i := range n {
		s.next = append(s.next, int32(i+1))
		s.prev = append(s.prev, int32(i-1))
		s.rank = append(s.rank, noRank)
	}
	for i := range n - 1 {
		s.push(m, int32(i))
	}
	for len(s.heap) > 0 {
		top := s.pop()
		i := int32(top & 0xffffffff)
		if s.size[i] == 0 || s.rank[i] != uint32(top>>32) {
			continue // merged away or changed since
		}
		j := s.next[i]
		s.id[i] = m.pairs.slot(s.id[i], s.id[j]).id
		s.size[i] += s.size[j]
		s.size[j] = 0
		s.next[i] = s.next[j]
		if k := s.next[i]; k < int32(n) {
			s.prev[k] = i
		}
		s.push(m, i)
		if h := s.prev[i]; h >= 0 {
			s.push(m, h)
		}
	}
	out := 0
	for i := range n {
		if s.size[i] > 0 {
			s.id[out], s.size[out] = s.id[i], s.size[i]
			out++
		}
	}
	s.id, s.size = s.id[:out], s.size[:out]
}

// push ranks symbol i and its neighbour.
func (s *symbols) push(m *bpe, i int32) {
	s.rank[i] = noRank
	j := s.next[i]
	if int(j) >= len(s.id) {
		return
	}
	r := m.pairs.rank(s.id[i], s.id[j])
	s.rank[i] = r
	if r == noRank {
		return
	}
	s.heap = append(s.heap, uint64(r)<<32|uint64(uint32(i)))
	for k := len(s.heap) - 1; k > 0; {
		up := (k - 1) / 2
		if s.heap[up] <= s.heap[k] {
			break
		}
		s.heap[up], s.heap[k] = s.heap[k], s.heap[up]
		k = up
	}
}

func (s *symbols) pop() uint64 {
	h := s.heap
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for k := 0; ; {
		c := 2*k + 1
		if c >= last {
			break
		}
		if c+1 < last && h[c+1] < h[c] {
			c++
		}
		if h[k] <= h[c] {
			break
		}
		h[k], h[c] = h[c], h[k]
		k = c
	}
	s.heap = h
	return top
}

// A wordCache remembers the tokens of words: a fixed number of slots, each of which holds the last word that fell
// into it. Slots are replaced atomically, so that readers need no lock.
type wordCache struct{ slots []atomic.Pointer[cached] }

type cached struct {
	word string
	ids  []int32
}

const (
	maxCached  = 40 // bytes of a word
	cacheSlots = 1 << 15
)

func (c *wordCache) slot(word string) *atomic.Pointer[cached] {
	return &c.slots[hash(word)&(cacheSlots-1)]
}

// parseBPE reads the "model" entry of tokenizer.json.
func parseBPE(raw []byte, byteLevel bool) (*bpe, error) {
	var c struct {
		Type         *string
		Dropout      *float64
		Unk          *string `json:"unk_token"`
		Prefix       *string `json:"continuing_subword_prefix"`
		Suffix       *string `json:"end_of_word_suffix"`
		FuseUnk      bool    `json:"fuse_unk"`
		ByteFallback bool    `json:"byte_fallback"`
		IgnoreMerges bool    `json:"ignore_merges"`
	}
	// the large entries are read apart: encoding/json would go through them twice more
	o, err := fields(raw)
	if err != nil {
		return nil, err
	}
	var small object
	for _, f := range o {
		if f.key != "vocab" && f.key != "merges" {
			small = append(small, f)
		}
	}
	if err := json.Unmarshal(small.compact(), &c); err != nil {
		return nil, err
	}
	switch {
	case c.Type != nil && *c.Type != "BPE":
		return nil, fmt.Errorf("type %q is not supported: only BPE is", *c.Type)
	case c.Type == nil && o.at("merges") == nil:
		return nil, fmt.Errorf(`no "type" and no "merges": only BPE is supported`)
	case c.Dropout != nil && *c.Dropout != 0:
		return nil, fmt.Errorf("dropout %g is not supported: set it to null", *c.Dropout)
	case c.Prefix != nil && *c.Prefix != "":
		return nil, fmt.Errorf("continuing_subword_prefix %q is not supported", *c.Prefix)
	case c.Suffix != nil && *c.Suffix != "":
		return nil, fmt.Errorf("end_of_word_suffix %q is not supported", *c.Suffix)
	}
	tokens, ids, err := parseVocab(o.at("vocab"))
	if err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	m := &bpe{byteLevel: byteLevel, byteFallback: c.ByteFallback && !byteLevel, ignoreMerges: c.IgnoreMerges,
		fuseUnk: c.FuseUnk, unk: -1}
	if m.vocab, err = newVocab(tokens, ids); err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	if c.Unk != nil {
		if m.unk = m.vocab.id(*c.Unk); m.unk < 0 {
			return nil, fmt.Errorf("unk_token %q is not in vocab", clip(*c.Unk))
		}
	}
	for b := range m.bytes {
		if byteLevel {
			m.bytes[b] = m.vocab.id(string(byteRune[b]))
		} else {
			m.bytes[b] = m.vocab.id(fmt.Sprintf("<0x%02X>", b))
		}
		if byteLevel && c.ByteFallback && m.bytes[b] < 0 {
			return nil, fmt.Errorf("byte_fallback with a ByteLevel pre_tokenizer needs all 256 bytes in vocab; %q is missing", byteRune[b])
		}
	}
	m.cache.slots = make([]atomic.Pointer[cached], cacheSlots)
	if err := m.readMerges(o.at("merges")); err != nil {
		return nil, fmt.Errorf("merges: %w", err)
	}
	return m, nil
}

func (m *bpe) readMerges(raw []byte) error {
	list, err := parseMerges(raw)
	if err != nil {
		return err
	}
	m.pairs = newPairTable(len(list))
	var both []byte
	for rank, p := range list {
		both = append(append(both[:0], p[0]...), p[1]...)
		left, right, id := m.vocab.id(p[0]), m.vocab.id(p[1]), m.vocab.id(string(both))
		if left < 0 || right < 0 || id < 0 {
			return fmt.Errorf("merge %d, %q and %q: one of them or what they merge to is not in vocab", rank, clip(p[0]), clip(p[1]))
		}
		m.pairs.put(left, right, uint32(rank), id)
	}
	return nil
}
