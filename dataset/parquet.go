package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Parquet is read in three steps: the footer (this file) by parquet-go's thrift structs, the pages of a column
// chunk (pages.go, encodings.go) and lists and structs put together from their leaves (nested.go). The pages
// are decoded here because a general reader allocates what their headers claim, and a hostile header claims
// anything: here every size is checked against the file and the budget first.

// Limits of a Parquet footer that is taken seriously.
const (
	maxFooter   = 64 << 20
	maxThrift   = 1 << 20 // list elements in it
	maxElements = 4 * maxColumns
)

// pnode is a node of the schema tree.
type pnode struct {
	name       string
	elem       *format.SchemaElement
	rep, def   int // levels at which this node is present
	repeated   bool
	optional   bool
	children   []*pnode
	leaf       int // index among the leaves, -1 for groups
	leaves     []*pnode
	kind       format.Type
	unsigned   bool
	unreadable string // why a leaf's values have no place in a data set
}

// readParquet appends the rows of one file and returns what its metadata says of the columns.
func (b *builder) readParquet(r io.ReaderAt, fileSize int64, name string) (h hints, err error) {
	row := 0
	defer func() {
		// parquet-go's thrift decoder is outside code, and its input outside bytes.
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: not a sound Parquet file: %v", name, p)
		} else if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}()
	meta, err := readFooter(r, fileSize)
	if err != nil {
		return nil, err
	}
	root, err := schemaTree(meta.Schema)
	if err != nil {
		return nil, err
	}
	for _, kv := range meta.KeyValueMetadata {
		if kv.Key == "huggingface" {
			if h, err = parquetHints(kv.Value); err != nil {
				return nil, err
			}
		}
	}
	p := &parquetFile{r: r, size: fileSize, root: root, b: b}
	for i := range meta.RowGroups {
		if err := p.rowGroup(&meta.RowGroups[i]); err != nil {
			return nil, fmt.Errorf("row group %d (rows from %d): %w", i, row+1, err)
		}
		row += int(meta.RowGroups[i].NumRows)
	}
	return h, nil
}

// readFooter reads the metadata at the end of the file.
func readFooter(r io.ReaderAt, fileSize int64) (*format.FileMetaData, error) {
	var end [8]byte
	if fileSize < 12 {
		return nil, fmt.Errorf("%d bytes are too few for a Parquet file", fileSize)
	}
	if _, err := r.ReadAt(end[:4], 0); err != nil {
		return nil, err
	}
	if string(end[:4]) != "PAR1" {
		return nil, fmt.Errorf("begins with %q, not with PAR1: not a Parquet file, or an encrypted one", end[:4])
	}
	if _, err := r.ReadAt(end[:], fileSize-8); err != nil {
		return nil, err
	}
	if string(end[4:]) != "PAR1" {
		return nil, errors.New("doesn't end with PAR1: the file is truncated; copy or download it again")
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	if n > fileSize-12 || n > maxFooter {
		return nil, fmt.Errorf("the footer claims %d bytes of a file of %d", n, fileSize)
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, fileSize-8-n); err != nil {
		return nil, err
	}
	if err := checkThrift(footer); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	meta := new(format.FileMetaData)
	var compact thrift.CompactProtocol
	if err := thrift.NewDecoder(compact.NewReaderFromBytes(footer)).Decode(meta); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return meta, nil
}

// schemaTree builds the tree from the schema's depth-first list.
func schemaTree(schema []format.SchemaElement) (*pnode, error) {
	if len(schema) == 0 || len(schema) > maxElements {
		return nil, fmt.Errorf("a schema of %d elements, expected 1 to %d", len(schema), maxElements)
	}
	next, leaves := 0, 0
	var build func(parent *pnode, depth int) (*pnode, error)
	build = func(parent *pnode, depth int) (*pnode, error) {
		if next == len(schema) || depth > maxDepth {
			return nil, errors.New("the schema is not a tree, or too deep")
		}
		e := &schema[next]
		next++
		n := &pnode{name: e.Name, elem: e, leaf: -1}
		if parent != nil {
			n.rep, n.def = parent.rep, parent.def
			n.repeated = e.RepetitionType.V == format.Repeated
			n.optional = e.RepetitionType.V == format.Optional
			if n.repeated {
				n.rep++
			}
			if n.repeated || n.optional {
				n.def++
			}
		}
		if e.Type.Valid || parent != nil && e.NumChildren.V == 0 {
			n.leaf, n.kind = leaves, e.Type.V
			n.leaves = []*pnode{n}
			n.classify()
			leaves++
			return n, nil
		}
		for range e.NumChildren.V {
			c, err := build(n, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, c)
			n.leaves = append(n.leaves, c.leaves...)
		}
		return n, nil
	}
	root, err := build(nil, 0)
	if err == nil && next != len(schema) {
		err = errors.New("the schema has elements outside its tree")
	}
	return root, err
}

// classify decides how a leaf's values are kept.
func (n *pnode) classify() {
	lt := n.elem.LogicalType.Value
	ct := n.elem.ConvertedType
	switch n.kind {
	case format.ByteArray:
		switch lt.(type) {
		case nil, *format.StringType, *format.EnumType, *format.JsonType:
		default:
			n.unreadable = lt.String()
		}
		if lt == nil && ct.Valid && ct.V != deprecated.UTF8 && ct.V != deprecated.Enum && ct.V != deprecated.Json {
			n.unreadable = "decimal or BSON"
		}
		// Without an annotation it is binary: images and the like.
		if lt == nil && !ct.Valid {
			n.unreadable = "binary"
		}
	case format.FixedLenByteArray:
		n.unreadable = "fixed-size binary"
	case format.Int96:
		n.unreadable = "INT96 timestamp"
	case format.Int32, format.Int64:
		if t, ok := lt.(*format.IntType); ok {
			n.unsigned = !t.IsSigned
		}
		if _, ok := lt.(*format.DecimalType); ok || ct.Valid && ct.V == deprecated.Decimal {
			n.unreadable = "decimal"
		}
		if ct.Valid && ct.V >= deprecated.Uint8 && ct.V <= deprecated.Uint64 {
			n.unsigned = true
		}
	}
}

type parquetFile struct {
	r    io.ReaderAt
	size int64
	out  int64 // bytes and values decoded so far
	root *pnode
	b    *builder
}

// charge counts n bytes of decoded data against the budget and the bomb limit.
func (p *parquetFile) charge(n int64) error {
	p.out += n
	if bomb(p.out, p.size) {
		return fmt.Errorf("%s of file decompress to more than %s: a decompression bomb", size(p.size), size(p.out))
	}
	return p.b.budget.spend(n)
}

// rowGroup appends the rows of one row group, column by column.
func (p *parquetFile) rowGroup(g *format.RowGroup) error {
	if len(g.Columns) != len(p.root.leaves) {
		return fmt.Errorf("%d column chunks for %d columns of the schema", len(g.Columns), len(p.root.leaves))
	}
	rows := g.NumRows
	if rows < 0 || rows > 1<<31-1-int64(p.b.n) {
		return fmt.Errorf("claims %d rows", rows)
	}
	for i, n := range p.root.children {
		if reason := unreadable(n); reason != "" {
			note := fmt.Sprintf("%s: %s", n.name, reason)
			if !slices.Contains(p.b.omitted, note) {
				p.b.omitted = append(p.b.omitted, note)
			}
			continue
		}
		c, err := p.b.column([]byte(n.name), i)
		if err != nil {
			return err
		}
		if c.n > p.b.n {
			return fmt.Errorf("the schema has column %q twice", n.name)
		}
		if err := p.column(c, n, g, int(rows)); err != nil {
			return fmt.Errorf("column %q: %w", n.name, err)
		}
	}
	for range rows {
		if err := p.b.endRow(0); err != nil {
			return err
		}
	}
	return nil
}

// unreadable says why a column has no place in a data set: it is binary, or all of its leaves are.
func unreadable(n *pnode) string {
	if len(n.leaves) == 0 {
		return "an empty group"
	}
	for _, l := range n.leaves {
		if l.unreadable == "" {
			return ""
		}
	}
	return n.leaves[0].unreadable
}

// column appends rows values of one top-level column.
func (p *parquetFile) column(c *column, n *pnode, g *format.RowGroup, rows int) error {
	cursors := make([]*cursor, len(n.leaves))
	for i, l := range n.leaves {
		cur, err := p.open(l, &g.Columns[l.leaf].MetaData)
		if err != nil {
			return err
		}
		defer cur.close()
		cursors[i] = cur
	}
	flat := n.leaf >= 0 && !n.repeated
	a := assembler{cursors: cursors, first: n.firstLeaf()}
	for i := range rows {
		var ok bool
		var err error
		if flat {
			ok, err = p.flat(c, cursors[0])
		} else {
			ok, err = p.nested(c, n, &a)
		}
		if err == nil && !ok {
			err = fmt.Errorf("holds values of another type than %s has (%s)", p.b.origin.where(c.first), c.Type)
		}
		if err == io.EOF {
			return fmt.Errorf("ends after %d of %d rows", i, rows)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", i+1, err)
		}
	}
	for _, cur := range cursors {
		if err := cur.peek(); err != io.EOF {
			return errors.Join(err, fmt.Errorf("has more than the %d rows of its row group", rows))
		}
	}
	return nil
}

// flat appends the next value of a column without lists.
func (p *parquetFile) flat(c *column, cur *cursor) (bool, error) {
	if err := cur.peek(); err != nil {
		return false, err
	}
	if cur.def() < cur.node.def {
		c.appendNull()
		return true, cur.skip()
	}
	v := &cur.page.vals
	k := cur.v
	var ok bool
	switch cur.node.kind {
	case format.Boolean:
		ok = c.appendBool(v.ints[k] != 0)
	case format.Int32, format.Int64:
		if cur.node.unsigned && cur.node.kind == format.Int64 && v.ints[k] < 0 {
			return false, fmt.Errorf("%d doesn't fit a signed 64-bit integer", uint64(v.ints[k]))
		}
		ok = c.appendInt(v.ints[k])
	case format.Float, format.Double:
		ok = c.appendFloat(v.floats[k])
	default:
		ok = c.appendStr(String, v.strs[k])
	}
	return ok, cur.skip()
}

func (p *parquetFile) nested(c *column, n *pnode, a *assembler) (bool, error) {
	a.out = a.out[:0]
	if err := a.value(n); err != nil {
		return false, err
	}
	if string(a.out) == "null" {
		c.appendNull()
		return true, nil
	}
	// One string of a dictionary may stand in many rows.
	if err := p.charge(int64(len(a.out))); err != nil {
		return false, err
	}
	return c.appendStr(Nested, p.b.arena.add(a.out)), nil
}

func (n *pnode) firstLeaf() int {
	if len(n.leaves) == 0 {
		return 0
	}
	return n.leaves[0].leaf
}
