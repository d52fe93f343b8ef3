package chat

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The values of a template are nil (None), bool, int64, float64, string and the types below. Data is never changed
// once it is made, but for namespaces: as in the reference's sandbox.

// undefined is what a name or an attribute that does not exist yields.
type undefined struct{ what string }

// A list is a list or a tuple.
type list struct {
	items []any
	tuple bool
}

// A dict keeps the order of its keys, which are nil, bool, int64, float64 or string.
type dict struct {
	keys []any
	m    map[any]any
}

func newDict() *dict { return &dict{m: map[any]any{}} }

func (d *dict) set(key, value any) {
	key = dictKey(key)
	if _, ok := d.m[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.m[key] = value
}

func (d *dict) get(key any) (any, bool) {
	v, ok := d.m[dictKey(key)]
	return v, ok
}

// dictKey makes numbers that are equal the same key.
func dictKey(key any) any {
	switch k := key.(type) {
	case bool:
		if k {
			return int64(1)
		}
		return int64(0)
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<53 {
			return int64(k)
		}
	}
	return key
}

func hashable(v any) bool {
	switch v.(type) {
	case nil, bool, int64, float64, string:
		return true
	}
	return false
}

// A namespace is what a template may change from within a loop.
type namespace struct{ vars map[string]any }

// A function is a global, a method with its object, or a macro.
type function struct {
	name string
	call func(r *run, args []any, named map[string]any) any
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// typeName is Python's name of a value's type, for errors.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case undefined:
		return "undefined"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *list:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *dict:
		return "dict"
	case *namespace:
		return "namespace"
	}
	return "function"
}

// number returns the numeric value of an int, float or bool.
func number(v any) (f float64, i int64, isInt, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return float64(v), v, true, true
	case float64:
		return v, 0, false, true
	}
	return 0, 0, false, false
}

// equal is Python's ==.
func (r *run) equal(a, b any) bool {
	defer r.enter()()
	r.step(r.pos, 1)
	if x, i, xi, ok := number(a); ok {
		y, j, yi, ok := number(b)
		if xi && yi {
			return ok && i == j
		}
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case string:
		s, ok := b.(string)
		return ok && a == s
	case *list:
		o, ok := b.(*list)
		if !ok || len(a.items) != len(o.items) || a.tuple != o.tuple {
			return false
		}
		for i := range a.items {
			if !r.equal(a.items[i], o.items[i]) {
				return false
			}
		}
		return true
	case *dict:
		o, ok := b.(*dict)
		if !ok || len(a.keys) != len(o.keys) {
			return false
		}
		for _, k := range a.keys {
			v, ok := o.get(k)
			if !ok || !r.equal(a.m[k], v) {
				return false
			}
		}
		return true
	}
	return a == b
}

// compare orders two values as Python does; it fails for types that have no order.
func (r *run) compare(pos int, a, b any) int {
	defer r.enter()()
	r.step(pos, 1)
	if x, i, xi, ok := number(a); ok {
		if y, j, yi, ok := number(b); ok {
			switch {
			case xi && yi && i != j:
				return sign(i < j)
			case xi && yi || x == y:
				return 0
			}
			return sign(x < y)
		}
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t)
		}
	}
	if s, ok := a.(*list); ok {
		if t, ok := b.(*list); ok {
			for i := range min(len(s.items), len(t.items)) {
				if c := r.compare(pos, s.items[i], t.items[i]); c != 0 {
					return c
				}
			}
			return len(s.items) - len(t.items)
		}
	}
	r.fail(pos, "cannot order %s and %s", typeName(a), typeName(b))
	return 0
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// str is Python's str().
func (r *run) str(pos int, v any) string {
	switch v := v.(type) {
	case undefined:
		return ""
	case string:
		return v
	}
	var b strings.Builder
	r.repr(pos, &b, v)
	return b.String()
}

// repr writes Python's repr().
func (r *run) repr(pos int, b *strings.Builder, v any) {
	defer r.enter()()
	r.step(pos, 1)
	r.size(pos, b.Len())
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case undefined:
		b.WriteString("Undefined")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(floatRepr(v))
	case string:
		quote(b, v)
	case *list:
		open, end := "[", "]"
		if v.tuple {
			open, end = "(", ")"
			if len(v.items) == 1 {
				end = ",)"
			}
		}
		b.WriteString(open)
		for i, item := range v.items {
			if i > 0 {
				b.WriteString(", ")
			}
			r.repr(pos, b, item)
		}
		b.WriteString(end)
	case *dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			r.repr(pos, b, k)
			b.WriteString(": ")
			r.repr(pos, b, v.m[k])
		}
		b.WriteByte('}')
	case *function:
		fmt.Fprintf(b, "<function %s>", v.name)
	default:
		fmt.Fprintf(b, "<%s>", typeName(v))
	}
}

// floatRepr is Python's repr of a float.
func floatRepr(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quote writes a string as Python's repr does.
func quote(b *strings.Builder, s string) {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	b.WriteByte(q)
	for _, c := range s {
		switch {
		case c == rune(q) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == 0x7f || 0x80 <= c && c <= 0xa0 || c == 0xad:
			fmt.Fprintf(b, `\x%02x`, c)
		case strconv.IsPrint(c):
			b.WriteRune(c)
		case c < 0x10000:
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			fmt.Fprintf(b, `\U%08x`, c)
		}
	}
	b.WriteByte(q)
}

// length returns the number of items, or -1 for what has none.
func length(v any) int {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v)
	case *list:
		return len(v.items)
	case *dict:
		return len(v.keys)
	case undefined:
		return 0
	}
	return -1
}

// items returns what a loop over v yields.
func (r *run) items(pos int, v any) []any {
	switch v := v.(type) {
	case undefined:
		return nil
	case *list:
		return v.items
	case *dict:
		return v.keys
	case string:
		r.step(pos, len(v))
		var out []any
		for _, c := range v {
			out = append(out, string(c))
		}
		return out
	}
	r.fail(pos, "%s cannot be looped over", typeName(v))
	return nil
}
