package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads the JSON of headers and indexes: strict, without reflection (headers of large models
// have 100,000 tensors), and with the place of a fault. Callers look for duplicate keys themselves.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) errorf(format string, a ...any) error {
	return fmt.Errorf("JSON byte %d: %s", s.i, fmt.Sprintf(format, a...))
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
		default:
			return s.b[s.i]
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if got := s.peek(); got != c {
		if s.i == len(s.b) {
			return s.errorf("ends where %q should be", c)
		}
		return s.errorf("%q where %q should be", got, c)
	}
	s.i++
	return nil
}

// list reads open, items, close; item is called with the scanner at each.
func (s *scanner) list(open, close byte, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.peek() == close {
		s.i++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() != ',' {
			return s.expect(close)
		}
		s.i++
	}
}

// object reads an object; value is called with each key and the scanner at its value.
func (s *scanner) object(value func(key string) error) error {
	return s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return value(key)
	})
}

func (s *scanner) array(item func() error) error { return s.list('[', ']', item) }

func (s *scanner) str() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	start, escaped := s.i, false
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c < 0x20:
			return "", s.errorf("control character %#02x in a string", c)
		case c == '\\':
			escaped = true
			s.i++
		case c == '"':
			raw := s.b[start:s.i]
			s.i++
			if !escaped {
				return string(raw), nil
			}
			return s.unescape(s.b[start-1 : s.i])
		}
	}
	return "", s.errorf("ends inside a string")
}

// unescape decodes a string with its quotes. Halves of surrogate pairs, which encoding/json would
// replace, are an error: two names would become one.
func (s *scanner) unescape(quoted []byte) (string, error) {
	var v string
	if err := json.Unmarshal(quoted, &v); err != nil {
		return "", s.errorf("bad escape in a string")
	}
	if !surrogatesPair(quoted) {
		return "", s.errorf("half a surrogate pair in a string")
	}
	return v, nil
}

// surrogatesPair reports whether every escape of a surrogate in a valid quoted string has its other half.
func surrogatesPair(quoted []byte) bool {
	escape := func(i int) rune { // the code unit of an escape at i, -1 where there is none
		if i+6 > len(quoted) || quoted[i] != '\\' || quoted[i+1] != 'u' {
			return -1
		}
		n, _ := strconv.ParseUint(string(quoted[i+2:i+6]), 16, 16)
		return rune(n)
	}
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		if r := escape(i); utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escape(i+6)) == utf8.RuneError {
				return false
			}
			i += 6
		}
		i++ // what is escaped may itself be a backslash
	}
	return true
}

func (s *scanner) uint() (uint64, error) {
	s.peek()
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	digits := s.b[start:s.i]
	next := byte(0)
	if s.i < len(s.b) {
		next = s.b[s.i]
	}
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' || next == '.' || next == 'e' || next == 'E' {
		return 0, s.errorf("a whole number from 0 should be here")
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, s.errorf("%s does not fit 64 bits", quote(string(digits)))
	}
	return n, nil
}

// skip passes over any value.
func (s *scanner) skip(depth int) error {
	if depth == 0 {
		return s.errorf("nested too deeply")
	}
	switch s.peek() {
	case '{':
		return s.object(func(string) error { return s.skip(depth - 1) })
	case '[':
		return s.array(func() error { return s.skip(depth - 1) })
	case '"':
		_, err := s.str()
		return err
	}
	start := s.i
	for s.i < len(s.b) && !isDelimiter(s.b[s.i]) {
		s.i++
	}
	if !json.Valid(s.b[start:s.i]) {
		s.i = start
		return s.errorf("no JSON value")
	}
	return nil
}

func isDelimiter(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

// null passes over null if it is next.
func (s *scanner) null() bool {
	s.peek()
	if len(s.b)-s.i >= 4 && string(s.b[s.i:s.i+4]) == "null" {
		s.i += 4
		return true
	}
	return false
}

// document checks that b is UTF-8, reads it by value, and allows nothing but white space after it.
func document(b []byte, value func(*scanner) error) error {
	if !utf8.Valid(b) {
		return errors.New("not UTF-8")
	}
	s := &scanner{b: b}
	if err := value(s); err != nil {
		return err
	}
	if s.peek(); s.i < len(b) {
		return s.errorf("more follows the object")
	}
	return nil
}

// quote quotes a name from a file, cut to a length that fits a message.
func quote(name string) string {
	const most = 200
	if len(name) > most {
		return strconv.Quote(name[:most]) + "…"
	}
	return strconv.Quote(name)
}
