package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// KV is a key of the metadata and its value, whose Go type is its type in the file: uint8, int8, uint16, int16,
// uint32, int32, float32, bool, string, uint64, int64, float64, or a slice of one of these.
type KV struct {
	Key   string
	Value any
}

// The types of values, by their numbers in files.
type kind uint32

const (
	kindUint8 kind = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
)

type kindInfo struct {
	name string // as in Go
	size int    // bytes, 0 where it varies
}

var kinds = [...]kindInfo{
	{"uint8", 1}, {"int8", 1}, {"uint16", 2}, {"int16", 2}, {"uint32", 4}, {"int32", 4}, {"float32", 4},
	{"bool", 1}, {"string", 0}, {"array", 0}, {"uint64", 8}, {"int64", 8}, {"float64", 8},
}

// value is a value as it stands in the file, checked.
type value struct {
	kind  kind // of the elements, if array
	array bool
	n     int    // elements, 1 if not array
	raw   []byte // of all elements
}

func (v value) String() string {
	if v.array {
		return fmt.Sprintf("[]%s of %d", kinds[v.kind].name, v.n)
	}
	return kinds[v.kind].name
}

// value reads a value and its type.
func (c *cursor) value() (v value, err error) {
	v.n = 1
	if v.kind, err = c.kind(); err != nil {
		return v, err
	}
	if v.kind == kindArray {
		v.array = true
		if v.kind, err = c.kind(); err != nil {
			return v, err
		}
		if v.kind == kindArray {
			return v, errors.New("an array of arrays, which llama.cpp does not read either")
		}
		n, err := c.u64()
		if err != nil {
			return v, err
		}
		// Every element takes a byte or more, a string its length.
		if left := len(c.b) - c.at; n > uint64(left/max(kinds[v.kind].size, 1)) {
			return v, fmt.Errorf("an array of %d %s, but the file has %d more bytes; is the download complete?", n, kinds[v.kind].name, left)
		}
		v.n = int(n)
	}
	v.raw, err = c.elements(v)
	return v, err
}

func (c *cursor) kind() (kind, error) {
	n, err := c.u32()
	if err == nil && int64(n) >= int64(len(kinds)) {
		err = fmt.Errorf("unknown type %d of a value", n)
	}
	return kind(n), err
}

func (c *cursor) elements(v value) ([]byte, error) {
	if v.kind == kindString {
		start := c.at
		for i := range v.n {
			if _, err := c.str(); err != nil {
				return nil, fmt.Errorf("string %d of %d: %w", i+1, v.n, err)
			}
		}
		return c.b[start:c.at], nil
	}
	b, err := c.take(uint64(v.n) * uint64(kinds[v.kind].size))
	if err == nil && v.kind == kindBool {
		if i := slices.IndexFunc(b, func(x byte) bool { return x > 1 }); i >= 0 {
			err = fmt.Errorf("a bool of %d", b[i])
		}
	}
	return b, err
}

func (v value) alignment() (uint64, error) {
	if v.kind != kindUint32 || v.array {
		return 0, fmt.Errorf("key %s is of type %v, not uint32", quote(alignmentKey), v)
	}
	return checkAlignment(binary.LittleEndian.Uint32(v.raw))
}

func checkAlignment(n uint32) (uint64, error) {
	if n == 0 || n&(n-1) != 0 {
		return 0, fmt.Errorf("key %s: %d is not a power of two", quote(alignmentKey), n)
	}
	return uint64(n), nil
}

// decode returns the value as KV has it.
func (v value) decode() any {
	switch v.kind {
	case kindUint8:
		return numbers[uint8](v)
	case kindInt8:
		return numbers[int8](v)
	case kindUint16:
		return numbers[uint16](v)
	case kindInt16:
		return numbers[int16](v)
	case kindUint32:
		return numbers[uint32](v)
	case kindInt32:
		return numbers[int32](v)
	case kindFloat32:
		return numbers[float32](v)
	case kindBool:
		return numbers[bool](v)
	case kindUint64:
		return numbers[uint64](v)
	case kindInt64:
		return numbers[int64](v)
	case kindFloat64:
		return numbers[float64](v)
	}
	s := v.strings()
	if v.array {
		return s
	}
	return s[0]
}

func numbers[T any](v value) any {
	s := make([]T, v.n)
	if v.n > 0 {
		if _, err := binary.Decode(v.raw, binary.LittleEndian, s); err != nil {
			panic(err) // raw has the size of n elements
		}
	}
	if v.array {
		return s
	}
	return s[0]
}

func (v value) strings() []string {
	s := make([]string, v.n)
	rest := v.raw
	for i := range s {
		n := binary.LittleEndian.Uint64(rest)
		s[i], rest = string(rest[8:8+n]), rest[8+n:]
	}
	return s
}

// Keys returns the keys of the metadata in the order of the file.
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Has reports whether the metadata has the key.
func (f *File) Has(key string) bool {
	_, ok := f.meta[key]
	return ok
}

// Metadata returns a copy of the metadata in the order of the file. Strings are as they stand there, UTF-8 or not.
func (f *File) Metadata() []KV {
	kvs := make([]KV, len(f.keys))
	for i, k := range f.keys {
		kvs[i] = KV{k, f.meta[k].decode()}
	}
	return kvs
}

// lookup returns the key's value if it is an array, or not, of one of the kinds.
func (f *File) lookup(key, want string, array bool, of ...kind) (value, error) {
	v, ok := f.meta[key]
	if !ok {
		return v, fmt.Errorf("gguf: %s has no key %s", f.path, quote(key))
	}
	if v.array != array || !slices.Contains(of, v.kind) {
		return v, fmt.Errorf("gguf: %s: key %s is of type %v, not %s", f.path, quote(key), v, want)
	}
	return v, nil
}

var integers = []kind{kindUint8, kindInt8, kindUint16, kindInt16, kindUint32, kindInt32, kindUint64, kindInt64}

// String returns a string. No such key, another type and a value that is not UTF-8 are errors.
func (f *File) String(key string) (string, error) {
	v, err := f.lookup(key, "string", false, kindString)
	if err != nil {
		return "", err
	}
	s, err := f.text(key, v)
	if err != nil {
		return "", err
	}
	return s[0], nil
}

// Strings returns an array of strings. No such key, another type and an element that is not UTF-8 are errors.
func (f *File) Strings(key string) ([]string, error) {
	v, err := f.lookup(key, "an array of strings", true, kindString)
	if err != nil {
		return nil, err
	}
	return f.text(key, v)
}

func (f *File) text(key string, v value) ([]string, error) {
	s := v.strings()
	for i, x := range s {
		if !utf8.ValidString(x) {
			return nil, fmt.Errorf("gguf: %s: key %s: string %d, %s, is not UTF-8", f.path, quote(key), i+1, quote(x))
		}
	}
	return s, nil
}

// Bool returns a bool. No such key and another type are errors.
func (f *File) Bool(key string) (bool, error) {
	v, err := f.lookup(key, "bool", false, kindBool)
	return err == nil && v.raw[0] == 1, err
}

// Uint returns a number of any integer type. No such key, another type and a negative value are errors.
func (f *File) Uint(key string) (uint64, error) {
	v, err := f.lookup(key, "an integer", false, integers...)
	if err != nil {
		return 0, err
	}
	if v.kind == kindUint64 {
		return binary.LittleEndian.Uint64(v.raw), nil
	}
	s, err := v.ints()
	if err == nil && s[0] < 0 {
		err = fmt.Errorf("%d is negative", s[0])
	}
	if err != nil {
		return 0, fmt.Errorf("gguf: %s: key %s: %w", f.path, quote(key), err)
	}
	return uint64(s[0]), nil
}

// Ints returns an array of any integer type. No such key, another type and a uint64 beyond int64 are errors.
func (f *File) Ints(key string) ([]int64, error) {
	v, err := f.lookup(key, "an array of integers", true, integers...)
	if err != nil {
		return nil, err
	}
	s, err := v.ints()
	if err != nil {
		return nil, fmt.Errorf("gguf: %s: key %s: %w", f.path, quote(key), err)
	}
	return s, nil
}

// ints returns the elements of v, whose kind is one of the integers.
func (v value) ints() ([]int64, error) {
	s := make([]int64, v.n)
	size := kinds[v.kind].size
	for i := range s {
		var b [8]byte
		copy(b[:], v.raw[i*size:(i+1)*size])
		x := binary.LittleEndian.Uint64(b[:])
		switch v.kind {
		case kindInt8, kindInt16, kindInt32:
			unused := 64 - 8*size
			x = uint64(int64(x) << unused >> unused)
		case kindUint64:
			if int64(x) < 0 {
				return nil, fmt.Errorf("%d does not fit int64", x)
			}
		}
		s[i] = int64(x)
	}
	return s, nil
}

// Float returns a float32 or float64. No such key and another type are errors.
func (f *File) Float(key string) (float64, error) {
	v, err := f.lookup(key, "float32 or float64", false, kindFloat32, kindFloat64)
	if err != nil {
		return 0, err
	}
	return v.floats()[0], nil
}

// Floats returns an array of float32 or float64. No such key and another type are errors.
func (f *File) Floats(key string) ([]float64, error) {
	v, err := f.lookup(key, "an array of float32 or float64", true, kindFloat32, kindFloat64)
	if err != nil {
		return nil, err
	}
	return v.floats(), nil
}

func (v value) floats() []float64 {
	v.array = true
	switch s := v.decode().(type) {
	case []float64:
		return s
	case []float32:
		wide := make([]float64, len(s))
		for i, x := range s {
			wide[i] = float64(x)
		}
		return wide
	}
	panic("gguf: floats of " + v.String())
}
