package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner walks JSON text strictly (RFC 8259), straight into columns: encoding/json would box every value
// and say only the offset of a fault.
type scanner struct {
	b       []byte
	i       int
	scratch []byte // decoded string, valid until the next one
}

// fault is an error at byte offset at of the scanner's text.
type fault struct {
	at  int
	msg string
}

func (f *fault) Error() string { return f.msg }

func (s *scanner) fault(format string, args ...any) error {
	return &fault{s.i, fmt.Sprintf(format, args...)}
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// peek skips space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// found describes what stands at the scanner's position.
func (s *scanner) found() string {
	if s.i >= len(s.b) {
		return "the end"
	}
	r, size := utf8.DecodeRune(s.b[s.i:])
	switch {
	case r == utf8.RuneError && size <= 1:
		return fmt.Sprintf("byte 0x%02X", s.b[s.i])
	case r < ' ':
		return fmt.Sprintf("byte 0x%02X", r)
	}
	return strconv.Quote(string(r))
}

func (s *scanner) expect(c byte, where string) error {
	if s.peek() != c {
		return s.fault("found %s, expected %q %s", s.found(), c, where)
	}
	s.i++
	return nil
}

// text scans a string and returns its value, which holds until the next call.
func (s *scanner) text() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fault("found %s, expected a string in double quotes", s.found())
	}
	open := s.i
	s.i++
	start := s.i
	ascii := byte(0)
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			v := s.b[start:s.i]
			if ascii >= utf8.RuneSelf && !utf8.Valid(v) {
				return nil, s.badUTF8(start)
			}
			s.i++
			return v, nil
		case c == '\\':
			return s.escaped(open, start)
		case c < ' ':
			return nil, s.fault("raw control byte 0x%02X in a string; write it as an escape such as \\n", c)
		}
		ascii |= c
		s.i++
	}
	return nil, &fault{open, "string without closing quote"}
}

func (s *scanner) badUTF8(start int) error {
	for s.i = start; s.i < len(s.b); {
		r, size := utf8.DecodeRune(s.b[s.i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		s.i += size
	}
	return s.fault("byte 0x%02X is not UTF-8; save the file as UTF-8", s.b[min(s.i, len(s.b)-1)])
}

// escaped finishes a string from its first backslash on.
func (s *scanner) escaped(open, start int) ([]byte, error) {
	out := append(s.scratch[:0], s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.scratch = out
			if !utf8.Valid(out) {
				return nil, s.badUTF8(start)
			}
			s.i++
			return out, nil
		case c < ' ':
			return nil, s.fault("raw control byte 0x%02X in a string; write it as an escape such as \\n", c)
		case c != '\\':
			out = append(out, c)
			s.i++
			continue
		}
		var err error
		if out, err = s.escape(out); err != nil {
			return nil, err
		}
	}
	s.scratch = out
	return nil, &fault{open, "string without closing quote"}
}

// escape appends what the escape sequence at the scanner's position stands for.
func (s *scanner) escape(out []byte) ([]byte, error) {
	if s.i+1 >= len(s.b) {
		return out, s.fault("escape without an end")
	}
	c := s.b[s.i+1]
	if k := bytes.IndexByte([]byte(`"\/bfnrt`), c); k >= 0 {
		s.i += 2
		return append(out, "\"\\/\b\f\n\r\t"[k]), nil
	}
	if c != 'u' {
		return out, s.fault(`unknown escape \%s`, clip(string(rune(c)), 1))
	}
	r, ok := hex4(s.b[s.i+2:])
	if !ok {
		return out, s.fault(`\u needs four hexadecimal digits`)
	}
	size := 6
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if rest := s.b[s.i+6:]; len(rest) >= 2 && rest[0] == '\\' && rest[1] == 'u' {
			low, _ = hex4(rest[2:])
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return out, s.fault("half a surrogate pair (%s); it stands for no character", clip(string(s.b[s.i:s.i+6]), 6))
		}
		size = 12
	}
	s.i += size
	return utf8.AppendRune(out, r), nil
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return -1, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number scans a number; whole is false if it has a fraction or an exponent.
func (s *scanner) number() (lit []byte, whole bool, err error) {
	start := s.i
	digits := func() bool {
		from := s.i
		for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
			s.i++
		}
		return s.i > from
	}
	at := func(set string) bool {
		if s.i < len(s.b) && bytes.IndexByte([]byte(set), s.b[s.i]) >= 0 {
			s.i++
			return true
		}
		return false
	}
	at("-")
	whole = true
	first := s.i
	if !digits() {
		return nil, false, s.notAValue(start)
	}
	if s.b[first] == '0' && s.i > first+1 {
		s.i = first
		return nil, false, s.fault("a number may not start with 0; quote it if it is a name")
	}
	if at(".") {
		whole = false
		if !digits() {
			return nil, false, s.fault("found %s, expected a digit after the point", s.found())
		}
	}
	if at("eE") {
		whole = false
		at("+-")
		if !digits() {
			return nil, false, s.fault("found %s, expected a digit in the exponent", s.found())
		}
	}
	return s.b[start:s.i], whole, nil
}

func (s *scanner) notAValue(at int) error {
	s.i = at
	rest := s.b[at:]
	for _, word := range []string{"NaN", "Infinity", "-Infinity", "None", "True", "False", "'"} {
		if bytes.HasPrefix(rest, []byte(word)) {
			return s.fault("%s is Python, not JSON; use null, true, false, numbers and double quotes", word)
		}
	}
	return s.fault("found %s, expected a JSON value", s.found())
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.b[s.i:], []byte(w)) {
		return s.notAValue(s.i)
	}
	s.i += len(w)
	return nil
}

// Deeper nesting than this is refused.
const maxDepth = 100

// skip checks one value of any kind and moves past it.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return s.fault("more than %d levels of nesting", maxDepth)
	}
	switch c := s.peek(); c {
	case '"':
		_, err := s.text()
		return err
	case '{':
		return s.members(func([]byte) error { return s.skip(depth + 1) })
	case '[':
		return s.elements(func() error { return s.skip(depth + 1) })
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		_, _, err := s.number()
		return err
	}
}

// members walks an object: each is called with a key and must scan the value.
func (s *scanner) members(each func(key []byte) error) error {
	if err := s.expect('{', "to open an object"); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':', "after a key"); err != nil {
			return err
		}
		if err := each(key); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return nil
		default:
			return s.fault("found %s, expected ',' or '}' in an object", s.found())
		}
	}
}

// elements walks an array: each must scan one element.
func (s *scanner) elements(each func() error) error {
	if err := s.expect('[', "to open an array"); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return nil
		default:
			return s.fault("found %s, expected ',' or ']' in an array", s.found())
		}
	}
}

// jsonRow scans one object into a row of b. The caller ends the row.
func (b *builder) jsonRow(s *scanner) error {
	if s.peek() != '{' {
		return s.fault("found %s, expected an object such as {\"text\": \"…\", \"label\": 0}", s.found())
	}
	next := 0
	return s.members(func(key []byte) error {
		at := s.i
		c, err := b.column(key, next)
		if err != nil {
			return &fault{at, err.Error()}
		}
		next++
		if c.n > b.n {
			return &fault{at, fmt.Sprintf("key %q twice in one object", c.Name)}
		}
		return b.jsonValue(c, s)
	})
}

// jsonValue scans one value and appends it to c.
func (b *builder) jsonValue(c *column, s *scanner) error {
	kind := s.peek()
	at := s.i
	var ok bool
	var what string
	switch kind {
	case '"':
		v, err := s.text()
		if err != nil {
			return err
		}
		ok, what = c.Type == Null || c.Type == String, "a string"
		if ok {
			c.appendStr(String, b.arena.add(v))
		} else {
			what = fmt.Sprintf("a string %q", clip(string(v), 40))
		}
	case '{', '[':
		if err := s.skip(0); err != nil {
			return err
		}
		ok, what = c.Type == Null || c.Type == Nested, "a list or object"
		if ok {
			c.appendStr(Nested, b.arena.add(s.compact(s.b[at:s.i])))
		}
	case 'n':
		if err := s.word("null"); err != nil {
			return err
		}
		c.appendNull()
		return nil
	case 't', 'f':
		word := map[byte]string{'t': "true", 'f': "false"}[kind]
		if err := s.word(word); err != nil {
			return err
		}
		ok, what = c.appendBool(kind == 't'), word
	default:
		lit, whole, err := s.number()
		if err != nil {
			return err
		}
		what = fmt.Sprintf("the number %s", lit)
		if ok, err = appendNumber(c, lit, whole); err != nil {
			return &fault{at, err.Error()}
		}
	}
	if !ok {
		return &fault{at, b.mismatch(c, what).Error()}
	}
	return nil
}

func appendNumber(c *column, lit []byte, whole bool) (bool, error) {
	if whole {
		v, err := strconv.ParseInt(string(lit), 10, 64)
		if err != nil {
			return false, fmt.Errorf("column %q: %s doesn't fit 64 bits; quote it if it is a name", c.Name, clip(string(lit), 40))
		}
		return c.appendInt(v), nil
	}
	v, err := strconv.ParseFloat(string(lit), 64)
	if err != nil {
		return false, fmt.Errorf("column %q: %s is too large for a 64-bit float", c.Name, clip(string(lit), 40))
	}
	return c.appendFloat(v), nil
}

// compact returns JSON text without space between tokens; text that has no newline is kept as it is.
func (s *scanner) compact(text []byte) []byte {
	if bytes.IndexByte(text, '\n') < 0 {
		return text
	}
	var out bytes.Buffer
	if json.Compact(&out, text) != nil {
		return text
	}
	return out.Bytes()
}

// readJSONL reads one object a line. A file that opens with '[' is read as one array instead, as the
// reference does.
func (b *builder) readJSONL(in *input) error {
	lines := newLines(in)
	var s scanner
	for {
		line, err := lines.next()
		if err != nil || line == nil {
			return err
		}
		if s.b, s.i = line, 0; s.peek() == 0 {
			if s.i < len(line) {
				return lines.errorf(s.i, "a NUL byte; the file is binary or not UTF-8")
			}
			continue
		}
		if s.peek() == '[' && b.origin.files[len(b.origin.files)-1].n == 0 {
			return b.readJSONFrom(in, line, lines)
		}
		if err = b.jsonRow(&s); err == nil {
			if s.space(); s.i < len(line) {
				err = s.fault("found %s after the object, expected the end of the line", s.found())
			}
		}
		if err == nil {
			err = b.endRow(lines.n)
		}
		if err != nil {
			return lines.wrap(err)
		}
	}
}

// readJSON reads a whole document: an array of objects, an array of strings (a column "text", as in the
// reference), objects one after another, or one object whose "data" is an array of objects.
func (b *builder) readJSON(in *input) error {
	return b.readJSONFrom(in, nil, newLines(in))
}

func (b *builder) readJSONFrom(in *input, head []byte, lines *lines) error {
	text, err := lines.rest(head)
	if err != nil {
		return err
	}
	s := &scanner{b: text}
	pos := &lineCounter{text: text, line: 1, lines: lines}
	err = b.jsonDocument(s, pos)
	if f, ok := err.(*fault); ok {
		return pos.errorf(f.at, "%s", f.msg)
	}
	if err != nil {
		return pos.errorf(s.i, "%w", err)
	}
	return nil
}

func (b *builder) jsonDocument(s *scanner, pos *lineCounter) error {
	row := func() error {
		s.space()
		at := s.i
		if err := b.jsonRow(s); err != nil {
			return err
		}
		return b.endRow(pos.at(at))
	}
	element := func() error {
		if s.peek() != '"' {
			return row()
		}
		c, err := b.column([]byte("text"), 0)
		if err != nil {
			return err
		}
		at := s.i
		if err := b.jsonValue(c, s); err != nil {
			return err
		}
		return b.endRow(pos.at(at))
	}
	data := dataField(s.b)
	for s.peek() != 0 {
		var err error
		switch {
		case s.peek() == '[':
			err = s.elements(element)
		case s.i < data:
			s.i = data
			if err = s.elements(row); err == nil {
				err = s.skipRest()
			}
		default:
			err = row()
		}
		if err != nil {
			return err
		}
	}
	if s.i < len(s.b) {
		return s.fault("found %s, expected a JSON value", s.found())
	}
	return nil
}

// skipRest moves past the members that follow "data" in the object that holds it.
func (s *scanner) skipRest() error {
	for s.peek() == ',' {
		s.i++
		if _, err := s.text(); err != nil {
			return err
		}
		if err := s.expect(':', "after a key"); err != nil {
			return err
		}
		if err := s.skip(1); err != nil {
			return err
		}
	}
	return s.expect('}', "to close the object that holds \"data\"")
}

// dataField returns the offset of the array in {"version": "1", "data": [{…}]}, or -1 if the document doesn't
// open like that.
func dataField(b []byte) int {
	s := &scanner{b: b}
	at := -1
	found := errors.New("found")
	_ = s.members(func(key []byte) error { // a fault shows again when the rows are read
		if string(key) != "data" || s.peek() != '[' {
			return s.skip(1)
		}
		open := s.i
		if s.i++; s.peek() == '{' {
			at = open
		}
		return found
	})
	return at
}
