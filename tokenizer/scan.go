package tokenizer

import "unicode/utf8"

// A scanner returns the end of the piece of s that starts at byte i < len(s). Pieces cover the whole string.
// s is valid UTF-8 and i stands at the start of a character.
type scanner func(s string, i int) int

// The patterns that have a hand-written scanner, several times faster than any regular expression engine.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scannerFor returns the hand-written scanner of an exact pattern, or nil.
func scannerFor(pattern string) scanner {
	t := classes()
	switch pattern {
	case patternGPT2:
		return t.gpt2
	case patternLlama3:
		return func(s string, i int) int { return t.cl100k(s, i, 3) }
	case patternQwen2:
		return func(s string, i int) int { return t.cl100k(s, i, 1) }
	}
	return nil
}

// gpt2 scans by patternGPT2.
func (t *bmp) gpt2(s string, i int) int {
	j := i
	switch s[i] {
	case '\'':
		if n := contraction(s[i+1:], false); n > 0 {
			return i + 1 + n
		}
	case ' ':
		// " ?" takes a space only before something that is not white space
		if i+1 < len(s) {
			if c, _ := t.at(s, i+1); c != space {
				j = i + 1
			}
		}
	}
	c, n := t.at(s, j)
	if c == space {
		return t.blanks(s, j)
	}
	return t.run(s, j+n, c)
}

// cl100k scans by patternLlama3 (digits 3) and patternQwen2 (digits 1): numbers come in groups of digits.
func (t *bmp) cl100k(s string, i, digits int) int {
	if s[i] == '\'' {
		if n := contraction(s[i+1:], true); n > 0 {
			return i + 1 + n
		}
	}
	c, n := t.at(s, i)
	switch c {
	case letter:
		return t.run(s, i+n, letter)
	case number:
		for j := i + n; ; j += n {
			if digits--; digits == 0 || j == len(s) {
				return j
			}
			if c, n = t.at(s, j); c != number {
				return j
			}
		}
	}
	if j := i + n; j < len(s) && s[i] != '\r' && s[i] != '\n' {
		next, m := t.at(s, j)
		if next == letter {
			return t.run(s, j+m, letter)
		}
		if s[i] == ' ' && next == other {
			c, n = other, 1+m
		}
	}
	if c == other {
		j := t.run(s, i+n, other)
		for j < len(s) && (s[j] == '\r' || s[j] == '\n') {
			j++
		}
		return j
	}
	end := t.run(s, i+n, space)
	for j := end; j > i; j-- {
		if s[j-1] == '\r' || s[j-1] == '\n' {
			return j
		}
	}
	return lastBlank(s, i, end)
}

// blanks scans \s+(?!\S)|\s+ at byte i, which is white space.
func (t *bmp) blanks(s string, i int) int { return lastBlank(s, i, t.run(s, i, space)) }

// lastBlank leaves the last character of the white space s[i:end] to what follows it, if it is not alone.
func lastBlank(s string, i, end int) int {
	if end == len(s) {
		return end
	}
	_, n := utf8.DecodeLastRuneInString(s[i:end])
	if end-n > i {
		return end - n
	}
	return end
}

// contraction returns the length of s, t, re, ve, m, ll or d at the start of s, or 0. With fold in either case,
// where ſ (U+017F) counts as an s.
func contraction(s string, fold bool) int {
	if s == "" {
		return 0
	}
	lower := func(c byte) byte {
		if fold && 'A' <= c && c <= 'Z' {
			return c | 0x20
		}
		return c
	}
	a := lower(s[0])
	switch a {
	case 's', 't', 'm', 'd':
		return 1
	case 0xc5:
		if fold && len(s) > 1 && s[1] == 0xbf {
			return 2
		}
	}
	if len(s) > 1 {
		switch b := lower(s[1]); {
		case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
			return 2
		}
	}
	return 0
}

// digitScanner cuts numbers from the rest: each digit by itself, or runs of them.
func digitScanner(individual bool) scanner {
	return func(s string, i int) int {
		r, n := utf8.DecodeRuneInString(s[i:])
		digit := isDigit(r)
		if digit && individual {
			return i + n
		}
		return runOf(s, i+n, func(r rune) bool { return isDigit(r) == digit })
	}
}

func runOf(s string, i int, in func(rune) bool) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !in(r) {
			break
		}
		i += n
	}
	return i
}
