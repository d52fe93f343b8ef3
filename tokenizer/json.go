package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type (
	rawJSON = json.RawMessage
	dict    = map[string]any
)

// maxDepth bounds Sequences within Sequences.
const maxDepth = 16

// unmarshalStage decodes one entry of the pipeline into a struct that has all of the fields that such entries have.
func unmarshalStage(what string, raw []byte, c any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: Sequences are nested more than %d deep", what, maxDepth)
	}
	if err := json.Unmarshal(raw, c); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// isNull reports whether an entry is absent or null.
func isNull(raw []byte) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

// A cursor walks through JSON that encoding/json has found well-formed. It reads the two large parts of a
// tokenizer.json, vocab and merges, without a map and in the order of the file.
type cursor struct {
	s string
	i int
}

var errShape = errors.New("unexpected JSON value")

// next skips white space and returns the byte there, or 0 at the end.
func (c *cursor) next() byte {
	for c.i < len(c.s) {
		switch b := c.s[c.i]; b {
		case ' ', '\t', '\n', '\r':
			c.i++
		default:
			return b
		}
	}
	return 0
}

// accept skips b if it comes next.
func (c *cursor) accept(b byte) bool {
	if c.next() != b {
		return false
	}
	c.i++
	return true
}

func (c *cursor) string() (string, error) {
	if !c.accept('"') {
		return "", errShape
	}
	start := c.i
	for ; c.i < len(c.s); c.i++ {
		switch c.s[c.i] {
		case '"':
			c.i++
			return c.s[start : c.i-1], nil
		case '\\':
			return c.escaped(start)
		}
	}
	return "", errShape
}

// escaped reads the rest of a string with escapes, which starts at byte start.
func (c *cursor) escaped(start int) (string, error) {
	out := append(make([]byte, 0, 32), c.s[start:c.i]...)
	for c.i < len(c.s) {
		switch b := c.s[c.i]; b {
		case '"':
			c.i++
			return string(out), nil
		case '\\':
			r, err := c.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, b)
			c.i++
		}
	}
	return "", errShape
}

// escape reads what stands for one character: \n, \u00e9, or two halves of a pair, \ud83d\ude00. Half a pair is U+FFFD.
func (c *cursor) escape() (rune, error) {
	if c.i+1 == len(c.s) {
		return 0, errShape
	}
	b := c.s[c.i+1]
	if b != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, b)
		if i < 0 {
			return 0, errShape
		}
		c.i += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, err := c.unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	at := c.i
	if low, err := c.unit(); err == nil {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, nil
		}
	}
	c.i = at
	return utf8.RuneError, nil
}

// unit reads \u and the four digits of a UTF-16 unit.
func (c *cursor) unit() (rune, error) {
	if len(c.s)-c.i < 6 || c.s[c.i:c.i+2] != `\u` {
		return 0, errShape
	}
	n, err := strconv.ParseUint(c.s[c.i+2:c.i+6], 16, 16)
	if err != nil {
		return 0, errShape
	}
	c.i += 6
	return rune(n), nil
}

// skip passes over a string.
func (c *cursor) skip() bool {
	for c.i++; c.i < len(c.s); c.i++ {
		switch c.s[c.i] {
		case '"':
			c.i++
			return true
		case '\\':
			c.i++
		}
	}
	return false
}

func (c *cursor) int() (int32, error) {
	c.next()
	start := c.i
	for c.i < len(c.s) && strings.IndexByte("+-.0123456789eE", c.s[c.i]) >= 0 {
		c.i++
	}
	n, err := strconv.ParseInt(c.s[start:c.i], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("id %q is not a 32-bit number", clip(c.s[start:c.i]))
	}
	return int32(n), nil
}

// parseVocab reads {"token": id, …}.
func parseVocab(raw []byte) (tokens []string, ids []int32, err error) {
	c := cursor{s: string(raw)}
	if !c.accept('{') {
		return nil, nil, errors.New(`is not an object {"token": id, …}`)
	}
	n := len(raw) / 20
	tokens, ids = make([]string, 0, n), make([]int32, 0, n)
	for c.next() == '"' {
		token, err := c.string()
		if err != nil {
			return nil, nil, err
		}
		if !c.accept(':') {
			return nil, nil, errShape
		}
		id, err := c.int()
		if err != nil {
			return nil, nil, fmt.Errorf("token %q: %w", clip(token), err)
		}
		tokens, ids = append(tokens, token), append(ids, id)
		c.accept(',')
	}
	if !c.accept('}') {
		return nil, nil, errShape
	}
	return tokens, ids, nil
}

// parseMerges reads ["a b", …] or [["a", "b"], …].
func parseMerges(raw []byte) (list [][2]string, err error) {
	if isNull(raw) {
		return nil, nil
	}
	c := cursor{s: string(raw)}
	if !c.accept('[') {
		return nil, errors.New(`are not a list`)
	}
	list = make([][2]string, 0, len(raw)/16)
	for {
		var p [2]string
		switch c.next() {
		case '"':
			line, err := c.string()
			if err != nil {
				return nil, err
			}
			var ok bool
			if p[0], p[1], ok = strings.Cut(line, " "); !ok || strings.Contains(p[1], " ") {
				return nil, fmt.Errorf("merge %d, %q, is not two tokens with a space between them", len(list), clip(line))
			}
		case '[':
			c.i++
			if p[0], err = c.string(); err != nil || !c.accept(',') {
				return nil, fmt.Errorf("merge %d is not a pair of strings", len(list))
			}
			if p[1], err = c.string(); err != nil || !c.accept(']') {
				return nil, fmt.Errorf("merge %d is not a pair of strings", len(list))
			}
		case ']':
			return list, nil
		default:
			return nil, fmt.Errorf("merge %d is neither a string nor a pair", len(list))
		}
		list = append(list, p)
		c.accept(',')
	}
}

// A field is one entry of a JSON object whose other entries and their order must survive.
type field struct {
	key   string
	value rawJSON
}

// An object is a JSON object in the order of its file.
type object []field

// parseObject reads a file.
func parseObject(b []byte) (object, error) {
	if !json.Valid(b) {
		var v any
		return nil, fmt.Errorf("is not JSON: %w", json.Unmarshal(b, &v))
	}
	return fields(b)
}

// fields returns the entries of an object that is known to be well-formed; they share b's memory.
func fields(b []byte) (o object, err error) {
	c := cursor{s: string(b)}
	if !c.accept('{') {
		return nil, errors.New("is not a JSON object")
	}
	seen := map[string]bool{}
	for c.next() == '"' {
		key, err := c.string()
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fmt.Errorf("has key %q twice", clip(key))
		}
		seen[key] = true
		if !c.accept(':') {
			return nil, errShape
		}
		i, j := c.value()
		o = append(o, field{key, b[i:j:j]})
		c.accept(',')
	}
	return o, nil
}

// value skips a value and returns where it stands.
func (c *cursor) value() (start, end int) {
	c.next()
	start = c.i
	for depth := 0; c.i < len(c.s); c.i++ {
		switch c.s[c.i] {
		case '"':
			if !c.skip() {
				return start, c.i
			}
			c.i--
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return start, c.i // the end of what contains a number or a word
			}
			depth--
		case ',':
			if depth == 0 {
				return start, c.i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			c.i++
			return start, c.i
		}
	}
	return start, c.i
}

// at returns the value of key, or nil.
func (o object) at(key string) rawJSON {
	for _, f := range o {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// with returns a copy in which key has value, at its old place or at the end.
func (o object) with(key string, value any) object {
	raw := encode(value)
	out := append(object(nil), o...)
	for i := range out {
		if out[i].key == key {
			out[i].value = raw
			return out
		}
	}
	return append(out, field{key, raw})
}

// encode writes a value as Python's json.dumps(ensure_ascii=False) would: no HTML escapes.
func encode(value any) rawJSON {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(fmt.Sprintf("tokenizer: encoding %T: %v", value, err))
	}
	return bytes.TrimSpace(b.Bytes())
}

// compact returns the object without layout between its entries. Values keep their own bytes.
func (o object) compact() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(f.key))
		b.WriteByte(':')
		b.Write(f.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// indented returns the object as a file, two spaces deep. Only the layout of values changes.
func (o object) indented() []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, o.compact(), "", "  "); err != nil {
		panic(fmt.Sprintf("tokenizer: %v", err))
	}
	return append(out.Bytes(), '\n')
}
