//go:build !f64

package roofline

import (
	"math/rand/v2"
	"strings"

	"github.com/hone-ml/hone/tokenizer"
)

// tokenize measures encoding on one thread. The text is made up: words of syllables, few of them frequent as in
// languages, so that neither the tokenizer's cache nor its merges have it easy.
func (b *bench) tokenize(t *tokenizer.Tokenizer) {
	if t == nil || b.ctx.Err() != nil {
		return
	}
	text := prose(1 << 20)
	ids := t.Append(nil, text)
	seconds := b.fastest(func() { ids = t.Append(ids[:0], text) }, func() {})
	r := Result{Section: Tokenize, Name: "made-up text", Threads: 1, Seconds: seconds, Value: float64(len(text)) / seconds / 1e6, Unit: "MB/s"}
	if b.ctx.Err() == nil {
		b.emit(r)
	}
}

// prose returns text of about n bytes, always the same.
func prose(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 20000)
	for i := range words {
		for range 1 + r.IntN(4) {
			words[i] += string("bcdfghklmnprstvw"[r.IntN(16)]) + string("aeiou"[r.IntN(5)]) + []string{"", "", "n", "r", "st", "l"}[r.IntN(6)]
		}
	}
	zipf := rand.NewZipf(r, 1.1, 2.7, uint64(len(words)-1))
	var s strings.Builder
	for length := 0; s.Len() < n; length++ {
		word := words[zipf.Uint64()]
		if length%14 == 0 {
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		s.WriteString(word + []string{" ", " ", " ", " ", ", "}[r.IntN(5)])
		if length%14 == 13 {
			s.WriteString("- and so on. ")
		}
	}
	return s.String()
}
