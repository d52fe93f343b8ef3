package chat

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	tEOF   kind = iota
	tText       // text outside of tags
	tVar        // {{
	tBlock      // {%
	tEnd        // }} or %}
	tName
	tString
	tInt
	tFloat
	tOp
)

// A token of a template; val is the text, with the escapes of strings resolved.
type token struct {
	kind kind
	val  string
	pos  int // byte in the source
}

// An Error is a fault of a template or of what it was given, with its place.
type Error struct {
	Line, Col int    // in the template, from 1
	Msg       string // without the place
	// Raised says that the template itself refused its input, by raise_exception.
	Raised bool
}

func (e *Error) Error() string {
	return fmt.Sprintf("chat: template, line %d, column %d: %s", e.Line, e.Col, e.Msg)
}

// fault is an error at a byte of the source; Parse and Render turn it into an *Error.
type fault struct {
	pos    int
	msg    string
	raised bool
}

func (f *fault) Error() string { return f.msg }

func (f *fault) in(src string) error {
	pos := min(f.pos, len(src))
	line := strings.Count(src[:pos], "\n")
	col := utf8.RuneCountInString(src[strings.LastIndexByte(src[:pos], '\n')+1 : pos])
	return &Error{Line: line + 1, Col: col + 1, Msg: f.msg, Raised: f.raised}
}

// A lexer cuts a template as Jinja does with trim_blocks and lstrip_blocks.
type lexer struct {
	src       string
	pos       int
	tokens    []token
	lineStart bool // what was cut last ended with a newline
}

func (l *lexer) fail(pos int, format string, args ...any) {
	panic(&fault{pos: pos, msg: fmt.Sprintf(format, args...)})
}

func (l *lexer) add(k kind, val string, pos int) { l.tokens = append(l.tokens, token{k, val, pos}) }

// lex returns the tokens of src, whose newlines are \n. It panics with a *fault.
func lex(src string) []token {
	l := &lexer{src: strings.TrimSuffix(src, "\n"), lineStart: true}
	for l.pos < len(l.src) {
		open := l.nextTag()
		if open < 0 {
			l.add(tText, l.src[l.pos:], l.pos)
			break
		}
		tag := l.src[open : open+2]
		l.text(open, tag != "{{")
		switch tag {
		case "{#":
			l.comment(open)
		case "{%":
			if !l.raw(open) {
				l.add(tBlock, tag, open)
				l.inside(open, "%}")
			}
		case "{{":
			l.add(tVar, tag, open)
			l.inside(open, "}}")
		}
	}
	l.add(tEOF, "", len(l.src))
	return l.tokens
}

func (l *lexer) nextTag() int {
	for i := l.pos; ; {
		k := strings.IndexByte(l.src[i:], '{')
		if k < 0 || i+k+1 >= len(l.src) {
			return -1
		}
		i += k
		switch l.src[i+1] {
		case '{', '%', '#':
			return i
		}
		i++
	}
}

// text adds what stands before the tag at open and moves behind the tag's opening and its sign.
func (l *lexer) text(open int, block bool) {
	s := l.trimmed(l.src[l.pos:open], open+2, block)
	if s != "" {
		l.add(tText, s, l.pos)
	}
	l.pos = open + 2
	if l.pos < len(l.src) && (l.src[l.pos] == '-' || l.src[l.pos] == '+') {
		l.pos++
	}
}

// trimmed is the text before a tag, whose sign stands at byte sign.
func (l *lexer) trimmed(s string, sign int, block bool) string {
	var c byte
	if sign < len(l.src) {
		c = l.src[sign]
	}
	switch {
	case c == '-':
		return strings.TrimRightFunc(s, unicode.IsSpace)
	case c != '+' && block:
		line := strings.LastIndexByte(s, '\n') + 1
		if (line > 0 || l.lineStart) && strings.TrimSpace(s[line:]) == "" {
			return s[:line]
		}
	}
	return s
}

// closing moves over the end of a tag if it stands here: -%} takes the white space after it along, %} one newline.
func (l *lexer) closing(end string) bool {
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, "-"+end):
		after := strings.TrimLeftFunc(rest[1+len(end):], unicode.IsSpace)
		l.pos = len(l.src) - len(after)
	case strings.HasPrefix(rest, "+"+end) && end != "}}":
		l.pos += 1 + len(end)
	case strings.HasPrefix(rest, end):
		l.pos += len(end)
		if end != "}}" && strings.HasPrefix(l.src[l.pos:], "\n") {
			l.pos++
		}
	default:
		return false
	}
	l.lineStart = l.src[l.pos-1] == '\n'
	return true
}

func (l *lexer) comment(open int) {
	for ; l.pos < len(l.src); l.pos++ {
		if l.closing("#}") {
			return
		}
	}
	l.fail(open, "comment is not closed: #} is missing")
}

// raw reads {% raw %} … {% endraw %}, if that stands here.
func (l *lexer) raw(open int) bool {
	rest := strings.TrimLeftFunc(l.src[l.pos:], unicode.IsSpace)
	rest, ok := strings.CutPrefix(rest, "raw")
	if !ok {
		return false
	}
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	if body, ok := strings.CutPrefix(rest, "-%}"); ok {
		rest = strings.TrimLeftFunc(body, unicode.IsSpace)
	} else if rest, ok = strings.CutPrefix(rest, "%}"); !ok {
		return false
	}
	start := len(l.src) - len(rest)
	l.lineStart = start > 0 && l.src[start-1] == '\n'
	for i := start; ; i++ {
		k := strings.Index(l.src[i:], "{%")
		if k < 0 {
			l.fail(open, "raw block is not closed: {%% endraw %%} is missing")
		}
		i += k
		l.pos = i + 2
		if l.pos < len(l.src) && (l.src[l.pos] == '-' || l.src[l.pos] == '+') {
			l.pos++
		}
		name := strings.TrimLeftFunc(l.src[l.pos:], unicode.IsSpace)
		if name, ok := strings.CutPrefix(name, "endraw"); ok {
			l.pos = len(l.src) - len(strings.TrimLeftFunc(name, unicode.IsSpace))
			body := l.trimmed(l.src[start:i], i+2, true)
			if l.closing("%}") {
				if body != "" {
					l.add(tText, body, start)
				}
				return true
			}
		}
	}
}

// Operators, the longer ones first.
var operators = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ":", "|", ",", "(", ")", "[", "]", "{", "}"}

// inside reads the expression of a tag up to its end.
func (l *lexer) inside(open int, end string) {
	var brackets []byte
	for {
		for l.pos < len(l.src) && (l.src[l.pos] <= ' ') {
			l.pos++
		}
		if l.pos >= len(l.src) {
			l.fail(open, "tag is not closed: %s is missing", end)
		}
		at := l.pos
		if len(brackets) == 0 && l.closing(end) {
			l.add(tEnd, end, at)
			return
		}
		switch c := l.src[at]; {
		case c == '"' || c == '\'':
			l.string(c)
		case '0' <= c && c <= '9':
			l.number()
		case c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= utf8.RuneSelf:
			for l.pos < len(l.src) {
				r, n := utf8.DecodeRuneInString(l.src[l.pos:])
				if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
					break
				}
				l.pos += n
			}
			if l.pos == at {
				l.fail(at, "unexpected character %q", l.src[at:at+1])
			}
			l.add(tName, l.src[at:l.pos], at)
		default:
			brackets = l.operator(brackets)
		}
	}
}

func (l *lexer) operator(brackets []byte) []byte {
	for _, op := range operators {
		if !strings.HasPrefix(l.src[l.pos:], op) {
			continue
		}
		switch op {
		case "(", "[", "{":
			brackets = append(brackets, op[0])
		case ")", "]", "}":
			n := len(brackets)
			if n == 0 || brackets[n-1] != map[string]byte{")": '(', "]": '[', "}": '{'}[op] {
				l.fail(l.pos, "unexpected %q", op)
			}
			brackets = brackets[:n-1]
		}
		l.add(tOp, op, l.pos)
		l.pos += len(op)
		return brackets
	}
	l.fail(l.pos, "unexpected character %q", l.src[l.pos:l.pos+1])
	return nil
}

func (l *lexer) number() {
	at := l.pos
	digits := func() {
		for l.pos < len(l.src) && ('0' <= l.src[l.pos] && l.src[l.pos] <= '9' || l.src[l.pos] == '_') {
			l.pos++
		}
	}
	digit := func(i int) bool { return i < len(l.src) && '0' <= l.src[i] && l.src[i] <= '9' }
	digits()
	k := tInt
	if l.pos < len(l.src) && l.src[l.pos] == '.' && digit(l.pos+1) {
		k = tFloat
		l.pos++
		digits()
	}
	if l.pos < len(l.src) && l.src[l.pos]|0x20 == 'e' {
		i := l.pos + 1
		if i < len(l.src) && (l.src[i] == '+' || l.src[i] == '-') {
			i++
		}
		if digit(i) {
			k = tFloat
			l.pos = i
			digits()
		}
	}
	l.add(k, strings.ReplaceAll(l.src[at:l.pos], "_", ""), at)
}

func (l *lexer) string(quote byte) {
	at := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.src); {
		switch c := l.src[l.pos]; c {
		case quote:
			l.pos++
			l.add(tString, b.String(), at)
			return
		case '\\':
			l.escape(&b)
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	l.fail(at, "string is not closed")
}

var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", '\n': "", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v"}

// escape resolves a backslash as Python does.
func (l *lexer) escape(b *strings.Builder) {
	if l.pos++; l.pos >= len(l.src) {
		return
	}
	c := l.src[l.pos]
	l.pos++
	if s, ok := escapes[c]; ok {
		b.WriteString(s)
		return
	}
	if n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]; n > 0 {
		if l.pos+n > len(l.src) {
			l.fail(l.pos-2, "escape \\%c wants %d hexadecimal digits", c, n)
		}
		v, err := strconv.ParseUint(l.src[l.pos:l.pos+n], 16, 32)
		if err != nil || v > unicode.MaxRune {
			l.fail(l.pos-2, "escape \\%c wants %d hexadecimal digits", c, n)
		}
		b.WriteRune(rune(v))
		l.pos += n
		return
	}
	if '0' <= c && c <= '7' {
		v := rune(c - '0')
		for k := 0; k < 2 && l.pos < len(l.src) && '0' <= l.src[l.pos] && l.src[l.pos] <= '7'; k++ {
			v = v*8 + rune(l.src[l.pos]-'0')
			l.pos++
		}
		b.WriteRune(v)
		return
	}
	b.WriteByte('\\')
	b.WriteByte(c)
}
