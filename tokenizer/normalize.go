package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A normalizer rewrites a piece of text before it is cut into words. With track, the result knows where each of its
// bytes came from.
type normalizer func(t text, track bool) (text, error)

func sequence(steps []normalizer) normalizer {
	return func(t text, track bool) (_ text, err error) {
		for _, step := range steps {
			if t, err = step(t, track); err != nil {
				return t, err
			}
		}
		return t, nil
	}
}

// normalForm is NFC, NFD, NFKC or NFKD.
func normalForm(f norm.Form) normalizer {
	decompose := norm.NFD
	if f == norm.NFKC || f == norm.NFKD {
		decompose = norm.NFKD
	}
	return func(t text, track bool) (text, error) {
		if f.IsNormalString(t.s) {
			return t, nil
		}
		w := rewriter{in: t, track: track}
		for i := 0; i < len(t.s); {
			j := i + segment(t.s[i:])
			if old := t.s[i:j]; !f.IsNormalString(old) {
				w.align(i, j, normalForms(f, decompose, old), decompose)
			}
			i = j
		}
		return w.text(), nil
	}
}

// segment returns the end of the first character of s with all that can combine with it.
func segment(s string) int {
	for i := range s {
		if i > 0 && norm.NFKC.PropertiesString(s[i:]).BoundaryBefore() {
			return i
		}
	}
	return len(s)
}

// maxMarks is how many combining marks x/text normalizes in a row; beyond it would insert U+034F.
const maxMarks = 20

// normalForms returns the normal form of a segment.
func normalForms(f, decompose norm.Form, s string) string {
	if utf8.RuneCountInString(s) <= maxMarks {
		return f.String(s)
	}
	return slowForm(f, decompose, s)
}

// slowForm is f.String without a limit.
func slowForm(f, decompose norm.Form, s string) string {
	var runes []rune
	for _, r := range s {
		runes = append(runes, []rune(decompose.String(string(r)))...)
	}
	class := func(r rune) uint8 { return decompose.PropertiesString(string(r)).CCC() }
	for i := 0; i < len(runes); {
		j := i
		for j < len(runes) && class(runes[j]) > 0 {
			j++
		}
		slices.SortStableFunc(runes[i:j], func(a, b rune) int { return int(class(a)) - int(class(b)) })
		i = j + 1
	}
	if f == decompose {
		return string(runes)
	}
	return string(compose(runes, class))
}

// compose is the canonical composition algorithm of Unicode (UAX 15), in place.
func compose(runes []rune, class func(rune) uint8) []rune {
	out := runes[:0]
	starter, last := -1, uint8(0)
	for _, r := range runes {
		c := class(r)
		if starter >= 0 && (starter == len(out)-1 || last < c) {
			if both := []rune(norm.NFC.String(string([]rune{out[starter], r}))); len(both) == 1 {
				out[starter] = both[0]
				continue
			}
		}
		if c == 0 {
			starter = len(out)
		}
		last = c
		out = append(out, r)
	}
	return out
}

// align replaces in.s[i:j] by its normal form seg, giving each new character an origin as the reference does: the first
// part of a decomposed character stands for the next character of the text, its other parts for the one before, and
// a composed character for the first of those that it swallows.
func (w *rewriter) align(i, j int, seg string, decompose norm.Form) {
	type decomposed struct {
		class uint8
		first bool
	}
	var parts []decomposed
	var origins []span // of each character of the old text
	for k, r := range w.in.s[i:j] {
		origins = append(origins, w.in.origin(i+k, i+k+utf8.RuneLen(r)))
		for n, r := range decompose.String(string(r)) {
			parts = append(parts, decomposed{decompose.PropertiesString(string(r)).CCC(), n == 0})
		}
	}
	for a := 0; a < len(parts); a++ {
		b := a
		for b < len(parts) && parts[b].class > 0 {
			b++
		}
		slices.SortStableFunc(parts[a:b], func(x, y decomposed) int { return int(x.class) - int(y.class) })
		a = b
	}
	from := make([]span, len(parts))
	next := 0
	for k, p := range parts {
		if p.first {
			next++
		}
		from[k] = origins[max(0, next-1)]
	}
	swallowed := len(from) - utf8.RuneCountInString(seg)
	at, k := i, 0
	for _, r := range seg {
		w.replace(at, j, string(r), from[min(k, len(from)-1)])
		if at = j; k == 0 {
			k = max(0, swallowed)
		}
		k++
	}
}

func lowercase(t text, track bool) (text, error) {
	w := rewriter{in: t, track: track}
	for i, r := range t.s {
		n := utf8.RuneLen(r)
		switch low := unicode.ToLower(r); {
		case r == 'İ': // the one character whose lower case is two
			w.replace(i, i+n, "i̇", t.origin(i, i+n))
		case low != r:
			w.replace(i, i+n, string(low), t.origin(i, i+n))
		}
	}
	return w.text(), nil
}

func strip(left, right bool) normalizer {
	return func(t text, _ bool) (text, error) {
		i, j := 0, len(t.s)
		if left {
			i = j - len(strings.TrimLeftFunc(t.s, unicode.IsSpace))
		}
		if right {
			j = max(i, len(strings.TrimRightFunc(t.s, unicode.IsSpace)))
		}
		return t.cut(i, j), nil
	}
}

func prepend(prefix string) normalizer {
	return func(t text, track bool) (text, error) {
		if t.s == "" {
			return t, nil
		}
		_, n := utf8.DecodeRuneInString(t.s)
		w := rewriter{in: t, track: track}
		w.replace(0, 0, prefix, t.origin(0, n))
		w.skip = 0
		return w.text(), nil
	}
}

func replaceAll(p pattern, with string) normalizer {
	return func(t text, track bool) (text, error) {
		w := rewriter{in: t, track: track}
		err := p.find(t.s, func(i, j int) {
			w.replace(i, j, with, t.origin(i, j))
		})
		return w.text(), err
	}
}

func (b *builder) normalizer(raw []byte, depth int) (normalizer, error) {
	var c struct {
		Type        string
		Normalizers []rawJSON
		StripLeft   bool `json:"strip_left"`
		StripRight  bool `json:"strip_right"`
		Prepend     string
		Pattern     rawJSON
		Content     string
	}
	if err := unmarshalStage("normalizer", raw, &c, depth); err != nil {
		return nil, err
	}
	switch c.Type {
	case "NFC":
		return normalForm(norm.NFC), nil
	case "NFD":
		return normalForm(norm.NFD), nil
	case "NFKC":
		return normalForm(norm.NFKC), nil
	case "NFKD":
		return normalForm(norm.NFKD), nil
	case "Lowercase":
		return lowercase, nil
	case "Strip":
		return strip(c.StripLeft, c.StripRight), nil
	case "Prepend":
		return prepend(c.Prepend), nil
	case "Replace":
		p, err := parsePattern(c.Pattern)
		if err != nil {
			return nil, err
		}
		return replaceAll(p, c.Content), nil
	case "Sequence":
		var steps []normalizer
		for _, raw := range c.Normalizers {
			step, err := b.normalizer(raw, depth+1)
			if err != nil {
				return nil, err
			}
			steps = append(steps, step)
		}
		return sequence(steps), nil
	}
	return nil, fmt.Errorf("normalizer %q is not supported (NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace and Sequence are)", c.Type)
}
