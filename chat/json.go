package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parseJSON reads JSON into values; objects keep the order of their keys.
func parseJSON(b []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth/2 {
		return nil, fmt.Errorf("JSON is nested more than %d deep", maxDepth/2)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n, nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			l := &list{}
			for d.More() {
				v, err := decodeValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				l.items = append(l.items, v)
			}
			_, err := d.Token()
			return l, err
		}
		o := newDict()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			o.set(key, v)
		}
		_, err := d.Token()
		return o, err
	}
	return t, nil
}

// A jsonWriter writes as Python's json.dumps.
type jsonWriter struct {
	r          *run
	pos        int
	b          strings.Builder
	ascii      bool
	sortKeys   bool
	item, pair string // separators
	indent     *string
}

// tojson is the filter that transformers puts in place of Jinja's: json.dumps without escapes.
func tojson(r *run, pos int, v any, a *arguments) any {
	w := &jsonWriter{r: r, pos: pos, item: ", ", pair: ": ", ascii: a.bool(0, "ensure_ascii", false), sortKeys: a.bool(3, "sort_keys", false)}
	switch in, _ := a.at(1, "indent"); in := in.(type) {
	case nil:
	case string:
		w.indent = &in
	default:
		n := max(0, a.int(1, "indent", 0))
		r.made(pos, n)
		s := strings.Repeat(" ", n)
		w.indent = &s
	}
	if w.indent != nil {
		w.item = ","
	}
	if seps, ok := a.at(2, "separators"); ok && seps != nil {
		two := r.items(pos, seps)
		if len(two) != 2 {
			r.fail(pos, "tojson: separators are two strings")
		}
		w.item, w.pair = r.str(pos, two[0]), r.str(pos, two[1])
	}
	w.value(v, 0)
	r.made(pos, w.b.Len())
	return w.b.String()
}

func (w *jsonWriter) value(v any, depth int) {
	defer w.r.enter()()
	w.r.step(w.pos, 1)
	w.r.size(w.pos, w.b.Len())
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		w.b.WriteString(strconv.FormatBool(v))
	case int64:
		w.b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		w.b.WriteString(map[string]string{"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[floatRepr(v)])
		if s := floatRepr(v); !strings.ContainsAny(s, "nf") {
			w.b.WriteString(s)
		}
	case string:
		w.string(v)
	case *list:
		w.open('[', len(v.items), depth, func(i int) { w.value(v.items[i], depth+1) }, ']')
	case *dict:
		keys := v.keys
		if w.sortKeys {
			keys = slices.Clone(keys)
			slices.SortStableFunc(keys, func(a, b any) int { return w.r.compare(w.pos, a, b) })
		}
		w.open('{', len(keys), depth, func(i int) {
			k := keys[i]
			if s, ok := k.(string); ok {
				w.string(s)
			} else {
				w.b.WriteByte('"')
				w.value(k, depth+1)
				w.b.WriteByte('"')
			}
			w.b.WriteString(w.pair)
			w.value(v.m[k], depth+1)
		}, '}')
	default:
		w.r.fail(w.pos, "%s cannot be written as JSON", typeName(v))
	}
}

func (w *jsonWriter) open(begin byte, n, depth int, item func(int), end byte) {
	w.b.WriteByte(begin)
	line := func(depth int) {
		if w.indent != nil {
			w.r.size(w.pos, w.b.Len()+depth*len(*w.indent))
			w.b.WriteString("\n" + strings.Repeat(*w.indent, depth))
		}
	}
	for i := range n {
		if i > 0 {
			w.b.WriteString(w.item)
		}
		line(depth + 1)
		item(i)
	}
	if n > 0 {
		line(depth)
	}
	w.b.WriteByte(end)
}

func (w *jsonWriter) string(s string) {
	w.b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			w.b.WriteByte('\\')
			w.b.WriteRune(c)
		case c == '\n':
			w.b.WriteString(`\n`)
		case c == '\r':
			w.b.WriteString(`\r`)
		case c == '\t':
			w.b.WriteString(`\t`)
		case c == '\b':
			w.b.WriteString(`\b`)
		case c == '\f':
			w.b.WriteString(`\f`)
		case c < ' ' || w.ascii && 0x7f <= c && c < 0x10000:
			fmt.Fprintf(&w.b, `\u%04x`, c)
		case w.ascii && c >= utf8.RuneSelf:
			hi, lo := utf16.EncodeRune(c)
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, hi, lo)
		default:
			w.b.WriteRune(c)
		}
	}
	w.b.WriteByte('"')
}
