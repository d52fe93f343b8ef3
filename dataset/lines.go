package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// lines reads a text file line by line: it drops a UTF-8 byte order mark and line ends (LF or CRLF), refuses
// UTF-16 and lines above the limit, and knows where it is.
type lines struct {
	name string
	br   *bufio.Reader
	long []byte // a line that didn't fit br's buffer
	max  int
	n    int // number of the line that next returned last, from 1
}

func newLines(in *input) *lines {
	return &lines{name: in.name, br: bufio.NewReaderSize(in.r, 1<<16), max: in.maxLine}
}

// next returns the next line, valid until the next call, or nil at the end.
func (l *lines) next() ([]byte, error) {
	if l.n == 0 {
		if err := l.start(); err != nil {
			return nil, err
		}
	}
	line, err := l.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.long = append(l.long[:0], line...)
		for err == bufio.ErrBufferFull {
			if len(l.long) > l.max {
				l.n++
				return nil, l.errorf(-1, "a line of more than %s; one row must fit a line (raise MaxLine if it is meant)", size(int64(l.max)))
			}
			line, err = l.br.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if err != nil && err != io.EOF {
		return nil, l.readError(err)
	}
	if err == io.EOF && len(line) == 0 {
		return nil, nil
	}
	l.n++
	if k := len(line); k > 0 && line[k-1] == '\n' {
		line = line[:k-1]
	}
	if k := len(line); k > 0 && line[k-1] == '\r' {
		line = line[:k-1]
	}
	if line == nil {
		line = []byte{}
	}
	return line, nil
}

func (l *lines) start() error {
	head, err := l.br.Peek(4)
	if err != nil && err != io.EOF {
		return l.readError(err)
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, err = l.br.Discard(3)
		return err
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}),
		len(head) >= 4 && (head[0] == 0) != (head[1] == 0) && (head[2] == 0) != (head[3] == 0):
		return fmt.Errorf("%s: the file is UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)", l.name)
	}
	return nil
}

// rest returns head, the line that next returned last (nil: none yet), and all that follows it.
func (l *lines) rest(head []byte) ([]byte, error) {
	if l.n == 0 {
		if err := l.start(); err != nil {
			return nil, err
		}
	}
	var text bytes.Buffer
	text.Write(head)
	if head != nil {
		text.WriteByte('\n')
	}
	if _, err := text.ReadFrom(l.br); err != nil {
		return nil, l.readError(err)
	}
	return text.Bytes(), nil
}

func (l *lines) readError(err error) error { return readError(l.name, err) }

// readError says what a failing reader means for the user.
func readError(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the compressed stream ends early: the file is truncated; copy or download it again", name)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// errorf names the file, the line and the byte column at+1; a negative at leaves the column out.
func (l *lines) errorf(at int, format string, args ...any) error {
	if at < 0 {
		return fmt.Errorf("%s:%d: %w", l.name, l.n, fmt.Errorf(format, args...))
	}
	return fmt.Errorf("%s:%d:%d: %w", l.name, l.n, at+1, fmt.Errorf(format, args...))
}

// wrap gives an error of a line its place.
func (l *lines) wrap(err error) error {
	if f, ok := err.(*fault); ok {
		return l.errorf(f.at, "%s", f.msg)
	}
	return l.errorf(-1, "%w", err)
}

// lineCounter turns offsets in a whole document into lines. Rising offsets cost one pass in all.
type lineCounter struct {
	text  []byte
	i     int
	line  int // of offset i
	bol   int // where that line begins
	lines *lines
}

func (p *lineCounter) at(offset int) int {
	if offset < p.i {
		p.i, p.line, p.bol = 0, 1, 0
	}
	for offset > p.i {
		k := bytes.IndexByte(p.text[p.i:offset], '\n')
		if k < 0 {
			p.i = offset
			break
		}
		p.i += k + 1
		p.line++
		p.bol = p.i
	}
	// head was a line of its own: its number counts.
	return p.line + max(0, p.lines.n-1)
}

func (p *lineCounter) errorf(offset int, format string, args ...any) error {
	line := p.at(min(offset, len(p.text)))
	return fmt.Errorf("%s:%d:%d: %w", p.lines.name, line, offset-p.bol+1, fmt.Errorf(format, args...))
}

// checkText refuses what is not text.
func checkText(b []byte) error {
	if k := bytes.IndexByte(b, 0); k >= 0 {
		return &fault{k, "a NUL byte; the file is binary or not UTF-8"}
	}
	if utf8.Valid(b) {
		return nil
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return &fault{i, fmt.Sprintf("byte 0x%02X is not UTF-8; save the file as UTF-8", b[i])}
		}
		i += size
	}
	return nil
}

// readText makes every line a row of the column "text", empty lines too, as the reference does. A lone
// carriage return ends a line as well.
func (b *builder) readText(in *input) error {
	ls := newLines(in)
	c, err := b.column([]byte("text"), 0)
	if err != nil {
		return err
	}
	for {
		line, err := ls.next()
		if err != nil || line == nil {
			return err
		}
		if err := checkText(line); err != nil {
			return ls.wrap(err)
		}
		for part := range bytes.SplitSeq(line, []byte{'\r'}) {
			c.appendStr(String, b.arena.add(part))
			if err := b.endRow(ls.n); err != nil {
				return ls.wrap(err)
			}
		}
	}
}

// size writes a number of bytes in words.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.3g GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.3g KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
