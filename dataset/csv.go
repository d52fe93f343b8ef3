package dataset

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A record is one CSV record: its cells' bytes end to end.
type record struct {
	buf   []byte
	ends  []int
	marks []int // byte column of each cell in the line where it begins
	line  int   // line on which the record begins
}

func (r *record) cell(i int) []byte {
	start := 0
	if i > 0 {
		start = r.ends[i-1]
	}
	return r.buf[start:r.ends[i]]
}

// readRecord reads one record; false at the end. Cells in double quotes may hold separators, newlines and
// doubled quotes; a quote inside a cell that doesn't begin with one is plain text, as in pandas.
func (r *record) readRecord(ls *lines, sep byte) (bool, error) {
	var line []byte
	for len(line) == 0 { // blank lines are no rows
		var err error
		if line, err = ls.next(); err != nil || line == nil {
			return false, err
		}
	}
	if err := checkText(line); err != nil {
		return false, ls.wrap(err)
	}
	r.buf, r.ends, r.marks, r.line = r.buf[:0], r.ends[:0], r.marks[:0], ls.n
	for i := 0; ; i++ {
		r.marks = append(r.marks, i)
		if i < len(line) && line[i] == '"' {
			var err error
			if line, i, err = r.quoted(ls, line, i+1); err != nil {
				return false, err
			}
			if i < len(line) && line[i] != sep {
				return false, ls.errorf(i, "text after the closing quote of a cell; double the quotes that belong to the text")
			}
		} else {
			k := bytes.IndexByte(line[i:], sep)
			if k < 0 {
				k = len(line) - i
			}
			r.buf = append(r.buf, line[i:i+k]...)
			i += k
		}
		r.ends = append(r.ends, len(r.buf))
		if i >= len(line) {
			return true, nil
		}
	}
}

// quoted reads a quoted cell from after its opening quote, over as many lines as it takes. It returns the
// line and the offset after the closing quote.
func (r *record) quoted(ls *lines, line []byte, i int) ([]byte, int, error) {
	open := ls.n
	for {
		k := bytes.IndexByte(line[i:], '"')
		if k >= 0 {
			r.buf = append(r.buf, line[i:i+k]...)
			i += k + 1
			if i == len(line) || line[i] != '"' {
				return line, i, nil
			}
			r.buf = append(r.buf, '"')
			i++
			continue
		}
		r.buf = append(append(r.buf, line[i:]...), '\n')
		if len(r.buf) > ls.max {
			return nil, 0, fmt.Errorf("%s:%d: a record of more than %s; is a closing quote missing?", ls.name, open, size(int64(ls.max)))
		}
		var err error
		if line, err = ls.next(); err != nil {
			return nil, 0, err
		}
		if line == nil {
			return nil, 0, fmt.Errorf("%s:%d: a quoted cell that begins here has no closing quote", ls.name, open)
		}
		if err := checkText(line); err != nil {
			return nil, 0, ls.wrap(err)
		}
		i = 0
	}
}

// readCSV reads a file whose first record names the columns. Cells are kept as text until typeCells.
func (b *builder) readCSV(in *input, sep byte) error {
	ls := newLines(in)
	var r record
	ok, err := r.readRecord(ls, sep)
	if err != nil || !ok {
		return err
	}
	cols, err := b.csvHeader(ls, &r)
	if err != nil {
		return err
	}
	for {
		if ok, err = r.readRecord(ls, sep); err != nil || !ok {
			return err
		}
		if len(r.ends) != len(cols) {
			return fmt.Errorf("%s:%d: %d cells, but the header names %d columns; put cells that hold %q or a newline in double quotes",
				ls.name, r.line, len(r.ends), len(cols), sep)
		}
		for i, c := range cols {
			cell := r.cell(i)
			if len(cell) == 0 {
				c.appendNull()
				continue
			}
			c.appendStr(String, b.arena.add(cell))
		}
		if err := b.endRow(r.line); err != nil {
			return ls.errorf(-1, "%w", err)
		}
	}
}

func (b *builder) csvHeader(ls *lines, r *record) ([]*column, error) {
	if k := bytes.IndexAny(r.buf, ";\t|"); k >= 0 && len(r.ends) == 1 {
		return nil, ls.errorf(k, "the header %q is one cell: the separator seems to be %q; save the file with commas, or with tabs as .tsv", clip(string(r.buf), 60), r.buf[k])
	}
	cols := make([]*column, len(r.ends))
	seen := map[string]bool{}
	for i := range cols {
		name := string(bytes.TrimSpace(r.cell(i)))
		if name == "" {
			name = "Unnamed: " + strconv.Itoa(i) // what pandas calls the index that it wrote itself
		}
		if seen[name] {
			return nil, ls.errorf(r.marks[i], "the header names column %q twice; rename one", name)
		}
		seen[name] = true
		var err error
		if cols[i], err = b.column([]byte(name), i); err != nil {
			return nil, ls.errorf(r.marks[i], "%w", err)
		}
	}
	return cols, nil
}

// typeCells turns text columns in which every cell reads as a bool, an integer or a float into that. A column
// that keep names stays text.
func (b *builder) typeCells(keep func(name string) bool) {
	for i, c := range b.cols {
		if c.Type != String || keep(c.Name) {
			continue
		}
		for _, as := range []func(*column, string) bool{cellBool, cellInt, cellFloat} {
			if out, ok := c.retype(as); ok {
				b.cols[i] = out
				break
			}
		}
	}
}

func (c *column) retype(as func(dst *column, cell string) bool) (*column, bool) {
	out := &column{Feature: Feature{Name: c.Name}}
	for i, cell := range c.strs {
		if c.isNull(i) {
			out.appendNull()
		} else if !as(out, cell) {
			return nil, false
		}
	}
	return out, true
}

func cellBool(dst *column, cell string) bool {
	switch cell {
	case "true", "True", "TRUE":
		return dst.appendBool(true)
	case "false", "False", "FALSE":
		return dst.appendBool(false)
	}
	return false
}

func cellInt(dst *column, cell string) bool {
	cell = strings.TrimSpace(cell)
	digits := strings.TrimPrefix(cell, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(digits) > 1 {
		return false
	}
	v, err := strconv.ParseInt(cell, 10, 64)
	return err == nil && dst.appendInt(v)
}

func cellFloat(dst *column, cell string) bool {
	cell = strings.TrimSpace(cell)
	digits := strings.TrimLeft(cell, "+-")
	if digits == "" || strings.Trim(digits, "0123456789.eE+-") != "" ||
		digits[0] == '0' && len(digits) > 1 && digits[1] >= '0' && digits[1] <= '9' {
		return false
	}
	v, err := strconv.ParseFloat(cell, 64)
	return err == nil && dst.appendFloat(v)
}
