package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// assembler puts lists and structs together from the levels of their leaves (Melnik et al., "Dremel", 2010)
// and writes them as JSON.
type assembler struct {
	cursors []*cursor // of the column's leaves
	first   int       // number of the first of them in the file
	out     []byte
}

func (a *assembler) cursor(n *pnode) *cursor { return a.cursors[n.leaf-a.first] }

// lead makes sure of a value of n's first leaf: its levels tell about n itself.
func (a *assembler) lead(n *pnode) (*cursor, error) {
	if len(n.leaves) == 0 {
		return nil, errors.New("an empty group")
	}
	c := a.cursor(n.leaves[0])
	return c, c.peek()
}

// absent moves every leaf of n past the entry that stands for a missing or empty n.
func (a *assembler) absent(n *pnode) error {
	for _, l := range n.leaves {
		c := a.cursor(l)
		if err := c.peek(); err != nil {
			return err
		}
		if err := c.skip(); err != nil {
			return err
		}
	}
	return nil
}

// value writes one value of n, which may be missing or repeated.
func (a *assembler) value(n *pnode) error {
	switch {
	case n.repeated:
		return a.repeat(n, n)
	case n.optional:
		c, err := a.lead(n)
		if err != nil {
			return err
		}
		if c.def() < n.def {
			a.out = append(a.out, "null"...)
			return a.absent(n)
		}
	}
	return a.present(n)
}

// present writes n, which is there: a leaf, a list or a struct.
func (a *assembler) present(n *pnode) error {
	if n.leaf >= 0 {
		return a.scalar(n)
	}
	if n.isList() {
		mid := n.children[0]
		return a.repeat(mid, mid.element(n.name))
	}
	a.out = append(a.out, '{')
	for i, c := range n.children {
		if i > 0 {
			a.out = append(a.out, ',')
		}
		a.out = append(appendJSON(a.out, c.name), ':')
		if err := a.value(c); err != nil {
			return err
		}
	}
	a.out = append(a.out, '}')
	return nil
}

// repeat writes the list whose repeated node is mid; each element is elem, mid itself or its only child.
func (a *assembler) repeat(mid, elem *pnode) error {
	c, err := a.lead(mid)
	if err != nil {
		return err
	}
	a.out = append(a.out, '[')
	if c.def() < mid.def {
		a.out = append(a.out, ']')
		return a.absent(mid)
	}
	for first := true; ; first = false {
		if !first {
			a.out = append(a.out, ',')
		}
		if elem == mid {
			err = a.present(mid)
		} else {
			err = a.value(elem)
		}
		if err != nil {
			return err
		}
		if len(a.out) > maxNested {
			return fmt.Errorf("a list or object of more than %s in one row", size(maxNested))
		}
		// The next entry belongs to this list if it repeats at its level.
		c, err = a.lead(mid)
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || c.rep() < mid.rep {
			a.out = append(a.out, ']')
			return nil
		}
		if c.rep() > mid.rep {
			return errors.New("levels that belong to no list")
		}
	}
}

// A list or object of one row larger than this is refused.
const maxNested = 256 << 20

// isList tells a group that is annotated as a list around one repeated node.
func (n *pnode) isList() bool {
	if len(n.children) != 1 || !n.children[0].repeated {
		return false
	}
	_, logical := n.elem.LogicalType.Value.(*format.ListType)
	return logical || n.elem.ConvertedType.Valid && n.elem.ConvertedType.V == deprecated.List
}

// element is what a list's repeated node holds: its only child in today's three-level lists, else, in lists
// of old writers, the node itself (apache/parquet-format, LogicalTypes.md, backward compatibility rules).
func (mid *pnode) element(list string) *pnode {
	if len(mid.children) != 1 || mid.name == "array" || mid.name == list+"_tuple" {
		return mid
	}
	return mid.children[0]
}

func (a *assembler) scalar(n *pnode) error {
	c := a.cursor(n)
	if err := c.peek(); err != nil {
		return err
	}
	if n.unreadable != "" || c.def() < n.def {
		a.out = append(a.out, "null"...)
		return c.skip()
	}
	v := &c.page.vals
	switch n.kind {
	case format.Boolean:
		a.out = strconv.AppendBool(a.out, v.ints[c.v] != 0)
	case format.Int32, format.Int64:
		a.out = strconv.AppendInt(a.out, v.ints[c.v], 10)
	case format.Float, format.Double:
		f := v.floats[c.v]
		if math.IsNaN(f) || math.IsInf(f, 0) {
			a.out = append(a.out, "null"...) // JSON has no other word for it
		} else {
			a.out = strconv.AppendFloat(a.out, f, 'g', -1, 64)
		}
	default:
		a.out = appendJSON(a.out, v.strs[c.v])
	}
	return c.skip()
}

// appendJSON appends valid UTF-8 as a JSON string.
func appendJSON(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, `\n`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(out, s[from:]...), '"')
}
