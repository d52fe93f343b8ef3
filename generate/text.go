package generate

import (
	"strings"

	"github.com/hone-ml/hone/tokenizer"
)

// A text turns a sequence's tokens into text and looks for stop strings in it, as the reference does: a stop
// string counts if the last token brings its end, wherever it begins, be it in the prompt or in a special token.
type text struct {
	shown *tokenizer.Stream // without special tokens: what users see
	full  *tokenizer.Stream // with them: what stop strings are looked for in; nil without stop strings
	tail  string            // the end of full that a stop string may begin in
	stops []string
	trim  bool   // the text ends before the stop string
	held  string // the end of shown that may turn out to be the beginning of a stop string; with trim only
}

// newText returns the text of s, or nil without a tokenizer.
func newText(tok *tokenizer.Tokenizer, s *Sequence) *text {
	if tok == nil {
		return nil
	}
	t := &text{shown: tok.Stream(true), stops: s.req.Config.StopStrings, trim: s.req.TrimStop}
	if len(t.stops) == 0 {
		return t
	}
	t.full = tok.Stream(false)
	if !t.trim { // where the text is cut, a stop string in the prompt has no place to cut
		ids := s.ids
		if most := t.longest(); len(ids) > most {
			ids = ids[len(ids)-most:]
		}
		t.keep(tok.Decode(ids, false))
	}
	return t
}

// longest returns the length of the longest stop string, which is also the most tokens that it can have.
func (t *text) longest() (n int) {
	for _, s := range t.stops {
		n = max(n, len(s))
	}
	return n
}

// keep remembers the end of seen.
func (t *text) keep(seen string) {
	i := max(len(seen)-t.longest()+1, 0)
	t.tail = seen[i:]
}

// next returns what can be shown after the token id, and whether a stop string has come.
func (t *text) next(id int32) (show string, stopped bool) {
	show = t.shown.Next(id)
	if t.full == nil {
		return show, false
	}
	seen := t.tail + t.full.Next(id)
	for _, s := range t.stops {
		stopped = stopped || strings.Contains(seen, s)
	}
	t.keep(seen)
	if !t.trim {
		return show, stopped
	}
	show = t.held + show
	if stopped {
		t.held = ""
		return show[:t.cut(show)], true
	}
	n := t.hold(show)
	show, t.held = show[:len(show)-n], show[len(show)-n:]
	return show, false
}

// cut returns where the first stop string in s begins, len(s) if there is none.
func (t *text) cut(s string) int {
	at := len(s)
	for _, stop := range t.stops {
		if i := strings.Index(s, stop); i >= 0 {
			at = min(at, i)
		}
	}
	return at
}

// hold returns how many bytes at the end of s may be the beginning of a stop string.
func (t *text) hold(s string) (n int) {
	for _, stop := range t.stops {
		for k := min(len(stop)-1, len(s)); k > n; k-- {
			if strings.HasSuffix(s, stop[:k]) {
				n = k
			}
		}
	}
	return n
}

// flush returns what is still held back at the end of the sequence.
func (t *text) flush(stopped bool) string {
	rest := t.shown.Flush()
	if t.trim && stopped {
		return ""
	}
	held := t.held
	t.held = ""
	return held + rest
}
