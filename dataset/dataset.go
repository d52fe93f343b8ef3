// Package dataset loads local data sets and gives their rows the names, order and splits that Hugging Face
// datasets gives them.
//
// Load reads JSONL, JSON, CSV, TSV, Parquet and plain text, plain or compressed, and finds the splits of a
// folder. A Dataset is immutable and columnar; Select, Filter, Shuffle and TrainTestSplit return views that
// share its memory. Infer says what kind of training the columns are for, and Check looks for what spoils it.
//
// Where it differs from the reference, on purpose: labels that no class name covers, columns of mixed types
// and broken lines are errors that name file and line, never guesses; "NA" or "None" in a CSV cell is text
// (only an empty cell is null), and digits with a leading zero stay text.
package dataset

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
)

// A Dataset is a fixed sequence of rows with the same columns. It is never changed after it was made, so any
// number of goroutines may read it.
type Dataset struct {
	cols    []*column
	n       int
	idx     []uint32 // view: row i is row idx[i] of the columns; nil: row i
	origin  *origin
	omitted []string
}

// Len is the number of rows.
func (d *Dataset) Len() int { return d.n }

// Features describes the columns in their order.
func (d *Dataset) Features() []Feature {
	f := make([]Feature, len(d.cols))
	for i, c := range d.cols {
		f[i] = c.Feature
	}
	return f
}

// Columns is the names of the columns in their order.
func (d *Dataset) Columns() []string {
	names := make([]string, len(d.cols))
	for i, c := range d.cols {
		names[i] = c.Name
	}
	return names
}

// Feature describes one column; false if there is none of that name.
func (d *Dataset) Feature(name string) (Feature, bool) {
	if c := d.find(name); c != nil {
		return c.Feature, true
	}
	return Feature{}, false
}

// Omitted names the columns that the file has and Load left out, with the reason: "image: binary".
func (d *Dataset) Omitted() []string { return d.omitted }

// Where says which file and line row i came from: "train.jsonl:17", or "train.parquet: row 17".
func (d *Dataset) Where(i int) string { return d.origin.where(d.at(i)) }

func (d *Dataset) find(name string) *column {
	for _, c := range d.cols {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (d *Dataset) at(i int) int {
	if uint(i) >= uint(d.n) {
		panic(fmt.Sprintf("dataset: row %d of %d", i, d.n))
	}
	if d.idx != nil {
		return int(d.idx[i])
	}
	return i
}

// typed returns the column if its type is one of want. A column that is null in every row passes as any type.
func (d *Dataset) typed(name string, want ...Type) (*column, error) {
	c := d.find(name)
	if c == nil {
		return nil, fmt.Errorf("dataset: no column %q; the columns are %s", name, list(d.Columns()))
	}
	if c.Type != Null && !slices.Contains(want, c.Type) {
		return nil, fmt.Errorf("dataset: column %q is %s, not %s", name, c.Type, want[0])
	}
	return c, nil
}

// Strings gives typed access to a String column.
func (d *Dataset) Strings(name string) (Strings, error) {
	c, err := d.typed(name, String)
	if err != nil {
		return Strings{}, err
	}
	return Strings{c: c, idx: d.idx, n: d.n}, nil
}

// Ints copies an Int or Label column. A null is an error that names the row.
func (d *Dataset) Ints(name string) ([]int64, error) {
	c, err := d.typed(name, Int, Label)
	if err != nil {
		return nil, err
	}
	out := make([]int64, d.n)
	for i := range out {
		at := d.at(i)
		if c.isNull(at) {
			return nil, fmt.Errorf("dataset: %s: column %q is null, an integer was expected", d.Where(i), name)
		}
		out[i] = c.ints[at]
	}
	return out, nil
}

// A Row is one row of a Dataset. It holds no values, only where they are.
type Row struct {
	d *Dataset
	i int // row of the columns, not of the view
}

// Row returns row i, in [0, Len).
func (d *Dataset) Row(i int) Row { return Row{d, d.at(i)} }

// Rows ranges over all rows with their numbers.
func (d *Dataset) Rows() iter.Seq2[int, Row] {
	return func(yield func(int, Row) bool) {
		for i := range d.n {
			if !yield(i, d.Row(i)) {
				return
			}
		}
	}
}

// Value is the value of a column: nil (null, or no such column), bool, int64 (also a class id), float64,
// string, or for a Nested column map[string]any and []any of these.
func (r Row) Value(name string) any {
	if c := r.d.find(name); c != nil {
		return c.value(r.i)
	}
	return nil
}

// Text is the value of a String column, "" for null and for columns of other types.
func (r Row) Text(name string) string {
	if c := r.d.find(name); c != nil && c.Type == String {
		return c.strs[r.i]
	}
	return ""
}

// Int is the value of an Int, Bool or Label column; false for null and for columns of other types.
func (r Row) Int(name string) (int64, bool) {
	c := r.d.find(name)
	if c == nil || c.ints == nil || c.isNull(r.i) {
		return 0, false
	}
	return c.ints[r.i], true
}

// Where says which file and line the row came from.
func (r Row) Where() string { return r.d.origin.where(r.i) }

// Map copies the row into a map from column name to value.
func (r Row) Map() map[string]any {
	m := make(map[string]any, len(r.d.cols))
	for _, c := range r.d.cols {
		m[c.Name] = c.value(r.i)
	}
	return m
}

// view returns the rows of d at positions idx, which it may change and keep.
func (d *Dataset) view(idx []uint32) *Dataset {
	if d.idx != nil {
		for i, at := range idx {
			idx[i] = d.idx[at]
		}
	}
	v := *d
	v.idx, v.n = idx, len(idx)
	return &v
}

// Select returns the rows at the given positions, in that order; a position may repeat. It panics if one is
// outside [0, Len).
func (d *Dataset) Select(indices []int) *Dataset {
	idx := make([]uint32, len(indices))
	for i, at := range indices {
		if uint(at) >= uint(d.n) {
			panic(fmt.Sprintf("dataset: row %d of %d", at, d.n))
		}
		idx[i] = uint32(at)
	}
	return d.view(idx)
}

// Slice returns rows [from, to). Both are clamped to [0, Len].
func (d *Dataset) Slice(from, to int) *Dataset {
	to = max(0, min(to, d.n))
	from = max(0, min(from, to))
	v := *d
	if d.idx != nil {
		v.idx = d.idx[from:to:to]
	} else if from > 0 {
		idx := make([]uint32, to-from)
		for i := range idx {
			idx[i] = uint32(from + i)
		}
		v.idx = idx
	}
	v.n = to - from
	return &v
}

// Head returns the first n rows, or all if there are fewer.
func (d *Dataset) Head(n int) *Dataset { return d.Slice(0, n) }

// Filter returns the rows for which keep is true, in order.
func (d *Dataset) Filter(keep func(Row) bool) *Dataset {
	idx := []uint32{}
	for i := range d.n {
		if keep(d.Row(i)) {
			idx = append(idx, uint32(i))
		}
	}
	return d.view(idx)
}

// Shuffle returns the rows in the order that datasets' shuffle(seed=seed) gives them.
func (d *Dataset) Shuffle(seed uint64) *Dataset { return d.view(permutation(d.n, seed)) }

// TrainTestSplit returns what datasets' train_test_split(test_size=testSize, seed=seed) returns: a random
// test set and a random train set. A testSize in (0, 1) is a share of the rows, rounded up; a whole number
// from 1 is a number of rows. Either set empty is an error.
func (d *Dataset) TrainTestSplit(testSize float64, seed uint64) (train, test *Dataset, err error) {
	var n int
	switch {
	case testSize > 0 && testSize < 1:
		n = int(math.Ceil(testSize * float64(d.n)))
	case testSize >= 1 && testSize == math.Trunc(testSize) && testSize <= math.MaxInt32:
		n = int(testSize)
	default:
		return nil, nil, fmt.Errorf("dataset: test size %v is neither a share in (0, 1) nor a number of rows", testSize)
	}
	if n >= d.n {
		return nil, nil, fmt.Errorf("dataset: a test size of %v takes all of %d rows and leaves none to train on", testSize, d.n)
	}
	order := permutation(d.n, seed)
	return d.view(order[n:]), d.view(order[:n:n]), nil
}

// Map returns a data set whose row i has the columns of f's map beside, or in place of, those it had, as
// datasets' map does. Values may be nil, bool, int, int64, float64, string, or anything that encoding/json
// can write. An error of f, or a value of another type than the column's, stops it and names the row.
func (d *Dataset) Map(f func(Row) (map[string]any, error)) (*Dataset, error) {
	b := newBuilder(unlimited())
	for i := range d.n {
		m, err := f(d.Row(i))
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", d.Where(i), err)
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			c, err := b.column([]byte(name), 0)
			if err != nil {
				return nil, fmt.Errorf("dataset: %s: %w", d.Where(i), err)
			}
			if !c.appendAny(m[name]) {
				return nil, fmt.Errorf("dataset: %s: column %q: a %T doesn't fit, the rows before have %s",
					d.Where(i), name, m[name], article(c.Type))
			}
		}
		b.n++
		for _, c := range b.cols {
			if c.n < b.n {
				c.appendNull()
			}
		}
	}
	return d.replace(b.cols), nil
}

// replace returns d's columns in the view's order, those of made added or put in the place of their namesakes.
func (d *Dataset) replace(made []*column) *Dataset {
	out := &Dataset{n: d.n, origin: d.origin.through(d.idx), omitted: d.omitted}
	fresh := map[string]*column{}
	for _, c := range made {
		fresh[c.Name] = c
	}
	for _, c := range d.cols {
		if f := fresh[c.Name]; f != nil {
			delete(fresh, c.Name)
			out.cols = append(out.cols, f)
			continue
		}
		out.cols = append(out.cols, c.gather(d))
	}
	for _, c := range made {
		if fresh[c.Name] != nil {
			out.cols = append(out.cols, c)
		}
	}
	return out
}

// SelectColumns returns d with only these columns, in this order.
func (d *Dataset) SelectColumns(names ...string) (*Dataset, error) {
	v := *d
	v.cols = nil
	for _, name := range names {
		c := d.find(name)
		if c == nil {
			return nil, fmt.Errorf("dataset: no column %q; the columns are %s", name, list(d.Columns()))
		}
		v.cols = append(v.cols, c)
	}
	return &v, nil
}
