package tokenizer

import "unicode/utf8"

// The byte-level alphabet of GPT-2: printable Latin-1 bytes stand for themselves, the other 68 for U+0100 onwards.
var byteRune, runeByte = func() (to [256]rune, from map[rune]byte) {
	from = make(map[rune]byte, 256)
	next := rune(0x100)
	for b := range to {
		to[b] = rune(b)
		if !('!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b && b <= 0xff) {
			to[b] = next
			next++
		}
		from[to[b]] = byte(b)
	}
	return
}()

// appendMapped appends s in the byte-level alphabet.
func appendMapped(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = utf8.AppendRune(dst, byteRune[s[i]])
	}
	return dst
}

// appendUnmapped appends the bytes that token stands for; a token with a character outside the alphabet stands for
// itself.
func appendUnmapped(dst []byte, token string) []byte {
	n := len(dst)
	for _, r := range token {
		b, ok := runeByte[r]
		if !ok {
			return append(dst[:n], token...)
		}
		dst = append(dst, b)
	}
	return dst
}

// appendLossy appends b as UTF-8 with U+FFFD for each maximal part of a broken character, as Python's
// errors="replace" and Rust's from_utf8_lossy do.
func appendLossy(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			n = brokenPrefix(b)
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}

// brokenPrefix returns how many bytes of b, which begins with no valid character, are the start of one; at least 1.
func brokenPrefix(b []byte) int {
	need, low, high := 0, byte(0x80), byte(0xbf)
	switch c := b[0]; {
	case 0xc2 <= c && c <= 0xdf:
		need = 1
	case 0xe0 <= c && c <= 0xef:
		need = 2
		if c == 0xe0 {
			low = 0xa0
		} else if c == 0xed {
			high = 0x9f
		}
	case 0xf0 <= c && c <= 0xf4:
		need = 3
		if c == 0xf0 {
			low = 0x90
		} else if c == 0xf4 {
			high = 0x8f
		}
	}
	n := 1
	for ; n <= need && n < len(b) && low <= b[n] && b[n] <= high; n++ {
		low, high = 0x80, 0xbf
	}
	return n
}

// incomplete returns how many bytes at the end of b begin a character that more bytes could complete.
func incomplete(b []byte) int {
	for n := 1; n <= min(3, len(b)); n++ {
		tail := b[len(b)-n:]
		if c := tail[0]; c < 0x80 || c >= 0xc0 {
			if !utf8.FullRune(tail) && brokenPrefix(tail) == n {
				return n
			}
			return 0
		}
	}
	return 0
}

// valid returns s as a text of valid UTF-8, with U+FFFD in place of what is not.
func valid(s string, track bool) text {
	t := text{s: s}
	if utf8.ValidString(s) {
		return t
	}
	w := rewriter{in: t, track: track}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			n = brokenPrefix([]byte(s[i:min(i+4, len(s))]))
			w.replace(i, i+n, "\uFFFD", span{i, i + n})
		}
		i += n
	}
	return w.text()
}
