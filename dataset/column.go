package dataset

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// A Type is what a column holds. The names are those of datasets' Value dtypes where there is one.
type Type uint8

const (
	Null   Type = iota // no row has a value
	Bool               // true and false
	Int                // 64-bit integers, "int64"
	Float              // 64-bit floats, "float64"
	String             // UTF-8 text, "string"
	Label              // class ids with names, datasets' ClassLabel
	Nested             // a list or an object: chat messages, spans; kept as JSON text
)

var typeNames = [...]string{"null", "bool", "int64", "float64", "string", "class_label", "nested"}

func (t Type) String() string { return typeNames[t] }

// MarshalText writes the type's name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// A Feature describes one column.
type Feature struct {
	Name  string   `json:"name"`
	Type  Type     `json:"type"`
	Names []string `json:"names,omitempty"` // class names of a Label column: Names[id]
}

// column is the values of one column in load order. Of the three slices one is in use; a null holds a zero
// there and a bit in null. A column that has seen no value yet has type Null and no slice at all.
type column struct {
	Feature
	n      int
	ints   []int64 // Bool (0 or 1), Int, Label
	floats []float64
	strs   []string // String, Nested; the bytes lie in the builder's arena
	null   []uint64 // bit set, nil if no row is null
	nulls  int
	first  int // the row that decided the type, for errors
}

func (c *column) isNull(i int) bool {
	return c.Type == Null || i>>6 < len(c.null) && c.null[i>>6]&(1<<(i&63)) != 0
}

func (c *column) setNull(i int) {
	for len(c.null) <= i>>6 {
		c.null = append(c.null, 0)
	}
	c.null[i>>6] |= 1 << (i & 63)
	c.nulls++
}

// accept makes the next value one of type t: it gives an undecided column its type and widens integers to
// floats. It returns false if the column already holds something else.
func (c *column) accept(t Type) bool {
	switch {
	case c.Type == t:
		return true
	case c.Type == Null:
		c.Type, c.first = t, c.n
		switch t {
		case Bool, Int, Label:
			c.ints = make([]int64, c.n)
		case Float:
			c.floats = make([]float64, c.n)
		default:
			c.strs = make([]string, c.n)
		}
		for i := range c.n {
			c.setNull(i)
		}
		return true
	case c.Type == Int && t == Float:
		c.widen()
		return true
	}
	return false
}

func (c *column) widen() {
	c.floats = make([]float64, len(c.ints), cap(c.ints))
	for i, v := range c.ints {
		c.floats[i] = float64(v)
	}
	c.Type, c.ints = Float, nil
}

func (c *column) appendInt(v int64) bool {
	if c.Type == Float {
		return c.appendFloat(float64(v))
	}
	if !c.accept(Int) {
		return false
	}
	c.ints = append(c.ints, v)
	c.n++
	return true
}

func (c *column) appendBool(v bool) bool {
	if !c.accept(Bool) {
		return false
	}
	var x int64
	if v {
		x = 1
	}
	c.ints = append(c.ints, x)
	c.n++
	return true
}

func (c *column) appendFloat(v float64) bool {
	if !c.accept(Float) {
		return false
	}
	c.floats = append(c.floats, v)
	c.n++
	return true
}

func (c *column) appendStr(t Type, v string) bool {
	if !c.accept(t) {
		return false
	}
	c.strs = append(c.strs, v)
	c.n++
	return true
}

func (c *column) appendNull() {
	switch c.Type {
	case Null:
	case Bool, Int, Label:
		c.ints = append(c.ints, 0)
	case Float:
		c.floats = append(c.floats, 0)
	default:
		c.strs = append(c.strs, "")
	}
	if c.Type != Null {
		c.setNull(c.n)
	}
	c.n++
}

// value boxes row i: nil, bool, int64 (also for labels), float64, string, or for Nested what JSON holds.
func (c *column) value(i int) any {
	if c.isNull(i) {
		return nil
	}
	switch c.Type {
	case Bool:
		return c.ints[i] != 0
	case Int, Label:
		return c.ints[i]
	case Float:
		return c.floats[i]
	case String:
		return c.strs[i]
	}
	return decodeNested(c.strs[i])
}

// appendAny takes what Map's function may return. It returns false if v doesn't fit the column.
func (c *column) appendAny(v any) bool {
	switch v := v.(type) {
	case nil:
		c.appendNull()
		return true
	case bool:
		return c.appendBool(v)
	case int:
		return c.appendInt(int64(v))
	case int32:
		return c.appendInt(int64(v))
	case int64:
		return c.appendInt(v)
	case float32:
		return c.appendFloat(float64(v))
	case float64:
		return c.appendFloat(v)
	case string:
		return c.appendStr(String, v)
	}
	text, err := json.Marshal(v)
	return err == nil && c.appendStr(Nested, string(text))
}

// encode turns a column into a Label column with these names, in place: integers are ids, strings are names,
// whole floats and bools are ids. It returns the first row that doesn't fit.
func (c *column) encode(names []string) (bad int, ok bool) {
	if len(names) == 0 || c.Type == Label || c.Type == Nested {
		return 0, true
	}
	ids := make([]int64, c.n)
	index := make(map[string]int64, len(names))
	for i, name := range names {
		index[name] = int64(i)
	}
	for i := range ids {
		if c.isNull(i) {
			continue
		}
		id, known := int64(0), true
		switch c.Type {
		case String:
			id, known = index[c.strs[i]]
		case Float:
			id = int64(c.floats[i])
			known = float64(id) == c.floats[i]
		default:
			id = c.ints[i]
		}
		// The reference lets -1 stand for "no label" in test splits.
		if !known || id < -1 || id >= int64(len(names)) {
			return i, false
		}
		ids[i] = id
	}
	if c.Type == Null {
		for i := range ids {
			c.setNull(i)
		}
	}
	c.Type, c.Names, c.ints, c.strs, c.floats = Label, names, ids, nil, nil
	return 0, true
}

// gather copies the column into the order of d, one of whose columns it is. Text is shared, not copied.
func (c *column) gather(d *Dataset) *column {
	if d.idx == nil && d.n == c.n || c.Type == Null {
		return c
	}
	out := &column{Feature: c.Feature, n: d.n}
	switch {
	case c.ints != nil:
		out.ints = make([]int64, d.n)
	case c.floats != nil:
		out.floats = make([]float64, d.n)
	default:
		out.strs = make([]string, d.n)
	}
	for i := range d.n {
		at := d.at(i)
		switch {
		case c.ints != nil:
			out.ints[i] = c.ints[at]
		case c.floats != nil:
			out.floats[i] = c.floats[at]
		default:
			out.strs[i] = c.strs[at]
		}
		if c.isNull(at) {
			out.setNull(i)
		}
	}
	return out
}

// show formats row i for an error message, shortened.
func (c *column) show(i int) string {
	if c.isNull(i) {
		return "null"
	}
	switch c.Type {
	case Bool:
		return strconv.FormatBool(c.ints[i] != 0)
	case Int, Label:
		return strconv.FormatInt(c.ints[i], 10)
	case Float:
		return strconv.FormatFloat(c.floats[i], 'g', -1, 64)
	case String:
		return strconv.Quote(clip(c.strs[i], 60))
	}
	return clip(c.strs[i], 60)
}

// clip shortens s to at most n runes.
func clip(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

// decodeNested turns JSON text into map[string]any, []any, string, int64, float64, bool or nil.
func decodeNested(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil // the loaders keep only valid JSON
	}
	return plainNumbers(v)
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// A Strings is a String column seen through its data set's order. It shares the data set's memory.
type Strings struct {
	c   *column
	idx []uint32
	n   int
}

// Len is the number of rows.
func (s Strings) Len() int { return s.n }

// At returns row i, "" where it is null.
func (s Strings) At(i int) string {
	if s.idx != nil {
		i = int(s.idx[i])
	}
	if s.c.Type == Null {
		return ""
	}
	return s.c.strs[i]
}

// arena keeps strings in chunks: one allocation holds thousands of them, and none is moved again.
type arena struct{ chunk []byte }

const arenaChunk = 1 << 18

func (a *arena) add(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case len(b) > arenaChunk/8:
		return string(b)
	case len(b) > cap(a.chunk)-len(a.chunk):
		a.chunk = make([]byte, 0, arenaChunk)
	}
	at := len(a.chunk)
	a.chunk = append(a.chunk, b...)
	// Safe: bytes of a chunk are written once and never again.
	return unsafe.String(&a.chunk[at], len(b))
}

// A builder collects the rows of one split, over one file or several.
type builder struct {
	cols    []*column
	index   map[string]int
	n       int
	arena   arena
	origin  *origin
	budget  *budget
	omitted []string
}

func newBuilder(b *budget) *builder {
	return &builder{index: map[string]int{}, origin: new(origin), budget: b}
}

// A file with more columns than this is taken for a mistake (one key per row, say).
const maxColumns = 4096

// column returns the named column, made if it is new; guess is the position at which to look first.
func (b *builder) column(name []byte, guess int) (*column, error) {
	if guess < len(b.cols) && b.cols[guess].Name == string(name) {
		return b.cols[guess], nil
	}
	if i, ok := b.index[string(name)]; ok {
		return b.cols[i], nil
	}
	if len(b.cols) == maxColumns {
		return nil, fmt.Errorf("more than %d different columns; are the keys data?", maxColumns)
	}
	c := &column{Feature: Feature{Name: string(name)}, n: b.n}
	b.index[c.Name] = len(b.cols)
	b.cols = append(b.cols, c)
	return c, b.budget.spend(int64(b.n) * 16)
}

// endRow pads columns that the row didn't mention with null and notes where the row came from.
func (b *builder) endRow(line int) error {
	b.n++
	for _, c := range b.cols {
		if c.n < b.n {
			c.appendNull()
		}
	}
	if b.n > math.MaxInt32 {
		return fmt.Errorf("more than %d rows in one split", math.MaxInt32)
	}
	b.origin.add(line)
	return b.budget.spend(int64(len(b.cols)+1) * 16)
}

func (b *builder) mismatch(c *column, found string) error {
	return fmt.Errorf("column %q: found %s, but %s has %s; every row of a column must have the same type",
		c.Name, found, b.origin.where(c.first), article(c.Type))
}

func article(t Type) string {
	switch t {
	case Int:
		return "an integer"
	case Float:
		return "a number"
	case Bool:
		return "a bool"
	case Nested:
		return "a list or object"
	}
	return "a " + t.String()
}

func (b *builder) dataset() *Dataset {
	return &Dataset{cols: b.cols, n: b.n, origin: b.origin, omitted: slices.Compact(b.omitted)}
}

// origin says which file and line each row came from.
type origin struct {
	files []originFile
	via   []uint32 // row i of the columns is row via[i] of the files; nil: row i
}

type originFile struct {
	name  string
	first int     // row number of the file's first row
	lines []int32 // 1-based line of each row; nil: rows are counted, not lines (Parquet)
	rows  bool
	n     int
}

func (o *origin) open(name string, rows bool) {
	first := 0
	if k := len(o.files); k > 0 {
		first = o.files[k-1].first + o.files[k-1].n
	}
	o.files = append(o.files, originFile{name: name, first: first, rows: rows})
}

func (o *origin) add(line int) {
	f := &o.files[len(o.files)-1]
	f.n++
	if !f.rows {
		f.lines = append(f.lines, int32(min(line, math.MaxInt32)))
	}
}

// through is the origin of rows gathered by idx.
func (o *origin) through(idx []uint32) *origin {
	if o == nil || idx == nil {
		return o
	}
	via := idx
	if o.via != nil {
		via = make([]uint32, len(idx))
		for i, at := range idx {
			via[i] = o.via[at]
		}
	}
	return &origin{files: o.files, via: via}
}

// where names row i: "train.jsonl:17" or "train.parquet: row 17", both counted from 1.
func (o *origin) where(i int) string {
	if o == nil || len(o.files) == 0 {
		return fmt.Sprintf("row %d", i+1)
	}
	if o.via != nil {
		i = int(o.via[i])
	}
	k, found := slices.BinarySearchFunc(o.files, i, func(f originFile, i int) int { return f.first - i })
	if !found {
		k--
	}
	// Empty files share their first row with the file after them.
	for k+1 < len(o.files) && o.files[k+1].first <= i {
		k++
	}
	f := o.files[k]
	if f.rows || i-f.first >= len(f.lines) {
		return fmt.Sprintf("%s: row %d", f.name, i-f.first+1)
	}
	return fmt.Sprintf("%s:%d", f.name, f.lines[i-f.first])
}
