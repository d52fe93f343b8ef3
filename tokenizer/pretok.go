package tokenizer

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A splitter cuts a piece of text into smaller ones.
type splitter func(t text, track bool, emit func(text) error) error

// A stage is one pre-tokenizer: exactly one of its fields is set.
type stage struct {
	scan  scanner
	split splitter
}

// behavior says what becomes of the matches of a pattern.
type behavior string

const (
	removed            behavior = "Removed"
	isolated           behavior = "Isolated"
	mergedWithPrevious behavior = "MergedWithPrevious"
	mergedWithNext     behavior = "MergedWithNext"
	contiguous         behavior = "Contiguous"
)

func (b behavior) known() bool {
	switch b {
	case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous:
		return true
	}
	return false
}

// A part is a piece of text between or in matches.
type part struct {
	span
	match bool
}

// splitBy cuts by the matches that find yields; invert exchanges what matches and what does not.
func splitBy(find func(s string, yield func(i, j int)) error, b behavior, invert bool) splitter {
	return func(t text, _ bool, emit func(text) error) error {
		var parts []part
		at := 0
		err := find(t.s, func(i, j int) {
			if i > at {
				parts = append(parts, part{span{at, i}, invert})
			}
			parts = append(parts, part{span{i, j}, !invert})
			at = j
		})
		if err != nil {
			return err
		}
		if at < len(t.s) {
			parts = append(parts, part{span{at, len(t.s)}, invert})
		}
		for _, p := range b.apply(parts) {
			if err := emit(t.cut(p.start, p.end)); err != nil {
				return err
			}
		}
		return nil
	}
}

// apply joins or drops parts in place.
func (b behavior) apply(parts []part) []part {
	out := parts[:0]
	switch b {
	case isolated:
		return parts
	case removed:
		for _, p := range parts {
			if !p.match {
				out = append(out, p)
			}
		}
	case contiguous:
		for _, p := range parts {
			if n := len(out); n > 0 && out[n-1].match == p.match {
				out[n-1].end = p.end
			} else {
				out = append(out, p)
			}
		}
	case mergedWithPrevious:
		last := false
		for _, p := range parts {
			if n := len(out); p.match && !last && n > 0 {
				out[n-1].end = p.end
			} else {
				out = append(out, p)
			}
			last = p.match
		}
	case mergedWithNext:
		last := false
		for _, p := range parts {
			if n := len(out); !p.match && last {
				out[n-1].end = p.end
			} else {
				out = append(out, p)
			}
			last = p.match
		}
	}
	return out
}

// runes yields the characters for which in holds, one by one.
func runes(in func(rune) bool) func(s string, yield func(i, j int)) error {
	return func(s string, yield func(i, j int)) error {
		for i, r := range s {
			if in(r) {
				yield(i, i+utf8.RuneLen(r))
			}
		}
		return nil
	}
}

// words yields the matches of \w+|[^\w\s]+.
func words(s string, yield func(i, j int)) error {
	kind := func(r rune) int {
		switch {
		case isWord(r):
			return 1
		case unicode.IsSpace(r):
			return 0
		}
		return 2
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		k := kind(r)
		j := runOf(s, i+n, func(r rune) bool { return kind(r) == k })
		if k > 0 {
			yield(i, j)
		}
		i = j
	}
	return nil
}

// prefixSpace puts a space before a piece that does not begin with white space.
func prefixSpace(t text, track bool, emit func(text) error) error {
	if r, n := utf8.DecodeRuneInString(t.s); n > 0 && r != ' ' {
		w := rewriter{in: t, track: track}
		w.replace(0, 0, " ", t.origin(0, n))
		t = w.text()
	}
	return emit(t)
}

// metaspace writes spaces as replacement, puts one in front by scheme, and cuts before each.
func metaspace(replacement, scheme string, split bool) splitter {
	cut := splitBy(pattern{literal: replacement}.find, mergedWithNext, false)
	return func(t text, track bool, emit func(text) error) error {
		w := rewriter{in: t, track: track}
		first, n := utf8.DecodeRuneInString(t.s)
		if n > 0 && first != ' ' && string(first) != replacement &&
			(scheme == "always" || scheme == "first" && t.start() == 0) {
			w.replace(0, 0, replacement, t.origin(0, n))
		}
		for i := range len(t.s) {
			if t.s[i] == ' ' {
				w.replace(i, i+1, replacement, t.origin(i, i+1))
			}
		}
		t = w.text()
		if !split {
			return emit(t)
		}
		return cut(t, track, emit)
	}
}

// preTokenizer appends the stages of one entry of tokenizer.json.
func (b *builder) preTokenizer(raw []byte, depth int) error {
	var c struct {
		Type             string
		PreTokenizers    []rawJSON `json:"pretokenizers"`
		AddPrefixSpace   *bool     `json:"add_prefix_space"`
		UseRegex         *bool     `json:"use_regex"`
		IndividualDigits bool      `json:"individual_digits"`
		Pattern          rawJSON
		Behavior         behavior
		Invert           bool
		Replacement      string
		PrependScheme    string `json:"prepend_scheme"`
		Split            *bool
		Delimiter        string
	}
	if err := unmarshalStage("pre_tokenizer", raw, &c, depth); err != nil {
		return err
	}
	if b.byteLevel && c.Type != "Sequence" {
		return fmt.Errorf("pre_tokenizer %q after ByteLevel is not supported: ByteLevel must come last", c.Type)
	}
	add := func(s splitter) { b.stages = append(b.stages, stage{split: s}) }
	scan := func(s scanner) { b.stages = append(b.stages, stage{scan: s}) }
	switch c.Type {
	case "Sequence":
		for _, raw := range c.PreTokenizers {
			if err := b.preTokenizer(raw, depth+1); err != nil {
				return err
			}
		}
	case "ByteLevel":
		b.byteLevel = true
		if c.AddPrefixSpace == nil || *c.AddPrefixSpace {
			add(prefixSpace)
		}
		if c.UseRegex == nil || *c.UseRegex {
			scan(classes().gpt2)
		}
	case "Digits":
		scan(digitScanner(c.IndividualDigits))
	case "Split":
		p, err := parsePattern(c.Pattern)
		if err != nil {
			return err
		}
		switch {
		case !c.Behavior.known():
			return fmt.Errorf("Split behavior %q is unknown", c.Behavior)
		case p.scan != nil && c.Behavior == isolated || p.scan != nil && c.Behavior == removed && c.Invert:
			// the pattern matches everywhere, so that pieces are all that there is
			scan(p.scan)
		default:
			add(splitBy(p.find, c.Behavior, c.Invert))
		}
	case "Punctuation":
		if c.Behavior == "" {
			c.Behavior = isolated
		}
		if !c.Behavior.known() {
			return fmt.Errorf("Punctuation behavior %q is unknown", c.Behavior)
		}
		add(splitBy(runes(isPunct), c.Behavior, false))
	case "Whitespace":
		add(splitBy(words, removed, true))
	case "WhitespaceSplit":
		add(splitBy(runes(unicode.IsSpace), removed, false))
	case "CharDelimiterSplit":
		if c.Delimiter == "" {
			return fmt.Errorf("CharDelimiterSplit has no delimiter")
		}
		add(splitBy(pattern{literal: c.Delimiter}.find, removed, false))
	case "Metaspace":
		if utf8.RuneCountInString(c.Replacement) != 1 {
			return fmt.Errorf("Metaspace replacement %q is not one character", c.Replacement)
		}
		switch c.PrependScheme {
		case "":
			c.PrependScheme = "always"
			if c.AddPrefixSpace != nil && !*c.AddPrefixSpace {
				c.PrependScheme = "never"
			}
		case "always", "first", "never":
		default:
			return fmt.Errorf("Metaspace prepend_scheme %q is not always, first or never", c.PrependScheme)
		}
		add(metaspace(c.Replacement, c.PrependScheme, c.Split == nil || *c.Split))
	default:
		return fmt.Errorf("pre_tokenizer %q is not supported (ByteLevel, Split, Digits, Metaspace, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit and Sequence are)", c.Type)
	}
	return nil
}
