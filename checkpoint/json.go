package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Marshal returns v as Python's json.dumps(v, indent=indent, sort_keys=True) does: floats keep a point or an
// exponent, NaN and infinities are written as such, other alphabets as \u escapes. v is made of structs with
// json tags, maps with string keys, slices, pointers and plain values.
func Marshal(v any, indent int) []byte {
	e := &encoder{indent: indent}
	e.value(reflect.ValueOf(v), 0)
	return e.Bytes()
}

type encoder struct {
	bytes.Buffer
	indent int
}

func (e *encoder) value(v reflect.Value, depth int) {
	if !v.IsValid() {
		e.WriteString("null")
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		e.value(v.Elem(), depth)
	case reflect.Bool:
		e.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int32, reflect.Int64:
		e.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		e.WriteString(Repr(v.Float()))
	case reflect.String:
		e.text(v.String())
	case reflect.Slice:
		e.list('[', ']', v.Len(), depth, func(i int) { e.value(v.Index(i), depth+1) })
	case reflect.Map:
		fields := map[string]reflect.Value{}
		for _, k := range v.MapKeys() {
			fields[k.String()] = v.MapIndex(k)
		}
		if row, ok := v.Interface().(Row); ok {
			for name := range whole {
				if x, ok := row[name]; ok {
					fields[name] = reflect.ValueOf(int64(x))
				}
			}
		}
		e.object(fields, depth)
	case reflect.Struct:
		fields := map[string]reflect.Value{}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Tag.Get("json"); name != "" && name != "-" {
				fields[name] = v.Field(i)
			}
		}
		e.object(fields, depth)
	default:
		panic(fmt.Sprintf("checkpoint: %v in JSON", v.Type()))
	}
}

func (e *encoder) object(fields map[string]reflect.Value, depth int) {
	keys := slices.Sorted(maps.Keys(fields))
	e.list('{', '}', len(keys), depth, func(i int) {
		e.text(keys[i])
		e.WriteString(": ")
		e.value(fields[keys[i]], depth+1)
	})
}

// list writes n items, each on a line of its own.
func (e *encoder) list(open, end byte, n, depth int, item func(int)) {
	e.WriteByte(open)
	for i := range n {
		if i > 0 {
			e.WriteByte(',')
		}
		e.WriteString("\n" + strings.Repeat(" ", (depth+1)*e.indent))
		item(i)
	}
	if n > 0 {
		e.WriteString("\n" + strings.Repeat(" ", depth*e.indent))
	}
	e.WriteByte(end)
}

func (e *encoder) text(s string) {
	e.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			e.WriteByte('\\')
			e.WriteRune(r)
		case r == '\n':
			e.WriteString(`\n`)
		case r == '\t':
			e.WriteString(`\t`)
		case r == '\r':
			e.WriteString(`\r`)
		case r >= ' ' && r < 0x7f:
			e.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(e, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(e, `\u%04x\u%04x`, hi, lo)
		}
	}
	e.WriteByte('"')
}

// Repr returns a float as Python prints it: 5.0, 5e-05, 1e+16, NaN.
func Repr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	_, exp, _ := strings.Cut(s, "e")
	if n, _ := strconv.Atoi(exp); n >= -4 && n < 16 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
	}
	return s
}

// A Float is a float64 whose JSON may be NaN, Infinity or -Infinity, as Python writes and reads them.
type Float float64

// UnmarshalJSON reads a number, or one of the strings that quoteNaN makes.
func (f *Float) UnmarshalJSON(b []byte) error {
	x, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err != nil && string(b) != "null" {
		return fmt.Errorf("%s is not a number", b)
	}
	*f = Float(x)
	return nil
}

// unmarshal is json.Unmarshal of what Python or Marshal wrote.
func unmarshal(b []byte, v any) error { return json.Unmarshal(quoteNaN(b), v) }

// quoteNaN puts the words NaN and Infinity into quotes, which makes Python's JSON valid.
func quoteNaN(b []byte) []byte {
	if !bytes.Contains(b, []byte("NaN")) && !bytes.Contains(b, []byte("Infinity")) {
		return b
	}
	var out []byte
	inside := false
	for i := 0; i < len(b); i++ {
		switch {
		case inside && b[i] == '\\' && i+1 < len(b):
			out = append(out, b[i])
			i++
		case b[i] == '"':
			inside = !inside
		case !inside:
			if word := number(b[i:]); word != "" {
				out = append(append(append(out, '"'), word...), '"')
				i += len(word) - 1
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

func number(b []byte) string {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(b, []byte(word)) {
			return word
		}
	}
	return ""
}
