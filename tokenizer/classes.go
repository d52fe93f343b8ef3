package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// A class says how the pre-tokenizers' patterns see a character: \p{L}, \p{N}, \s or none of them.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

// Letters and numbers of Unicode 16, which the reference's patterns know and Go's tables (15.0) do not.
var (
	newLetters = [][2]rune{
		{0x1c89, 0x1c8a}, {0xa7cb, 0xa7cd}, {0xa7da, 0xa7dc}, {0x105c0, 0x105f3}, {0x10d4a, 0x10d65},
		{0x10d6f, 0x10d85}, {0x10ec2, 0x10ec4}, {0x11380, 0x11389}, {0x1138b, 0x1138b}, {0x1138e, 0x1138e},
		{0x11390, 0x113b5}, {0x113b7, 0x113b7}, {0x113d1, 0x113d1}, {0x113d3, 0x113d3}, {0x11bc0, 0x11be0},
		{0x13460, 0x143fa}, {0x16100, 0x1611d}, {0x16d40, 0x16d6c}, {0x18cff, 0x18cff}, {0x1e5d0, 0x1e5ed},
		{0x1e5f0, 0x1e5f0}, {0x2ebf0, 0x2ee5d},
	}
	newNumbers = [][2]rune{
		{0x10d40, 0x10d49}, {0x116d0, 0x116e3}, {0x11bf0, 0x11bf9}, {0x16130, 0x16139}, {0x16d70, 0x16d79},
		{0x1ccf0, 0x1ccf9}, {0x1e5f1, 0x1e5fa},
	}
	// digits that only the Digits pre-tokenizer knows (Unicode 17)
	newDigits = [][2]rune{{0x11de0, 0x11de9}, {0x16ff4, 0x16ff6}}
)

// bmp is the class of every character below U+10000.
type bmp [1 << 16]class

var classes = sync.OnceValue(func() *bmp {
	t := new(bmp)
	for r := range t {
		t[r] = slowClass(rune(r))
	}
	return t
})

func slowClass(r rune) class {
	switch {
	case unicode.Is(unicode.L, r) || inRanges(newLetters, r):
		return letter
	case unicode.Is(unicode.N, r) || inRanges(newNumbers, r):
		return number
	case unicode.Is(unicode.White_Space, r):
		return space
	}
	return other
}

func inRanges(ranges [][2]rune, r rune) bool {
	for _, p := range ranges {
		if p[0] <= r && r <= p[1] {
			return true
		}
	}
	return false
}

// at returns the class of the character of s at byte i, and its length in bytes.
func (t *bmp) at(s string, i int) (class, int) {
	if c := s[i]; c < utf8.RuneSelf {
		return t[c], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if int(r) < len(t) {
		return t[r], n
	}
	return slowClass(r), n
}

// run returns the end of the run of class want that starts at byte i, which is i where there is none.
func (t *bmp) run(s string, i int, want class) int {
	for i < len(s) {
		c, n := t.at(s, i)
		if c != want {
			break
		}
		i += n
	}
	return i
}

// isWord is \w of the reference's regex crate, which decides about single_word tokens.
func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z'
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic,
		unicode.Join_Control) || inRanges(newLetters, r) || inRanges(newNumbers, r)
}

func isDigit(r rune) bool {
	if r < utf8.RuneSelf {
		return '0' <= r && r <= '9'
	}
	return unicode.Is(unicode.N, r) || inRanges(newNumbers, r) || inRanges(newDigits, r)
}

func isPunct(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.Is(unicode.P, r)
}
