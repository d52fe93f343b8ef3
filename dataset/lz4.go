package dataset

import "errors"

var errLZ4 = errors.New("the LZ4 block is garbled")

// lz4Block decodes an LZ4 block (lz4_Block_format.md) into dst and returns the number of bytes. It fails if
// they don't fit.
func lz4Block(dst, src []byte) (int, error) {
	n := 0
	for {
		if len(src) == 0 {
			return n, errLZ4
		}
		token := src[0]
		src = src[1:]
		literals, rest, ok := lz4Length(int(token>>4), src)
		if !ok || literals > len(rest) || literals > len(dst)-n {
			return n, errLZ4
		}
		n += copy(dst[n:], rest[:literals])
		if src = rest[literals:]; len(src) == 0 {
			return n, nil // the last sequence has no match
		}
		if len(src) < 2 {
			return n, errLZ4
		}
		back := int(src[0]) | int(src[1])<<8
		match, rest, ok := lz4Length(int(token&15), src[2:])
		match += 4
		if !ok || back == 0 || back > n || match > len(dst)-n {
			return n, errLZ4
		}
		src = rest
		// A match may overlap what it writes: it repeats, so it is copied in pieces that are there already.
		for match > 0 {
			k := copy(dst[n:n+min(match, back)], dst[n-back:n])
			n += k
			match -= k
		}
	}
}

// lz4Length continues a length of 15 with the bytes that add to it.
func lz4Length(n int, src []byte) (length int, rest []byte, ok bool) {
	if n < 15 {
		return n, src, true
	}
	for i, c := range src {
		if n += int(c); c < 255 {
			return n, src[i+1:], true
		}
	}
	return 0, nil, false
}
