package tokenizer

import "unicode/utf8"

// A span is a half-open range of bytes.
type span struct{ start, end int }

// A text is a piece of input on its way through the pipeline, and where it came from.
type text struct {
	s   string
	at  int    // where s starts in the original, when s is a verbatim piece of it
	org []span // org[i] is what byte i of s stands for in the original; nil when s is verbatim
}

// cut returns s[i:j].
func (t text) cut(i, j int) text {
	if t.org == nil {
		return text{s: t.s[i:j], at: t.at + i}
	}
	return text{s: t.s[i:j], org: t.org[i:j]}
}

// origin returns the bytes of the original that s[i:j] stands for; an empty range has an empty origin.
func (t text) origin(i, j int) span {
	switch {
	case t.org == nil:
		return span{t.at + i, t.at + j}
	case i < j:
		return span{t.org[i].start, t.org[j-1].end}
	case i < len(t.org):
		return span{t.org[i].start, t.org[i].start}
	case len(t.org) > 0:
		return span{t.org[i-1].end, t.org[i-1].end}
	}
	return span{}
}

// start returns where s begins in the original.
func (t text) start() int { return t.origin(0, 0).start }

// A rewriter builds a new text out of an old one from left to right. It is lazy: as long as only keep was called,
// nothing is copied.
type rewriter struct {
	in   text
	out  []byte
	org  []span
	done int  // bytes of in that are kept or replaced so far
	skip int  // bytes removed from the start of in
	used bool // something was changed
	// track is false where nobody asks for offsets
	track bool
}

// replace puts r in place of in.s[i:j], which lies at or after all that was replaced before; what lies between is
// kept. Every byte of r stands for the bytes of "from".
func (w *rewriter) replace(i, j int, r string, from span) {
	w.flush(i)
	w.used = true
	if i == 0 && r == "" {
		w.skip = j
	}
	w.out = append(w.out, r...)
	if w.track {
		for range len(r) {
			w.org = append(w.org, from)
		}
	}
	w.done = j
}

// flush keeps the bytes up to i.
func (w *rewriter) flush(i int) {
	w.out = append(w.out, w.in.s[w.done:i]...)
	if !w.track {
		w.done = i
		return
	}
	for w.done < i {
		// the bytes of one character stand for that whole character
		_, n := utf8.DecodeRuneInString(w.in.s[w.done:])
		from := w.in.origin(w.done, w.done+n)
		for range n {
			w.org = append(w.org, from)
		}
		w.done += n
	}
}

// text returns the result. Without track its origins are wrong, except that at is 0 where it was before.
func (w *rewriter) text() text {
	if !w.used {
		return w.in
	}
	w.flush(len(w.in.s))
	if !w.track {
		return text{s: string(w.out), at: w.in.at + w.skip}
	}
	return text{s: string(w.out), org: append([]span{}, w.org...)}
}
