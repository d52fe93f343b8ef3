package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func withHeader(json string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(json)))
	return append(append(b, json...), make([]byte, data)...)
}

const one = `"dtype":"F32","shape":[1],"data_offsets":[0,4]`

var goodHeaders = []string{ // with 4 bytes of data
	`{"a":{` + one + `}}`,
	" \n{\"a\" : {" + one + "} }\t ",
	`{"":{` + one + `}}`,
	`{"__metadata__":null,"a":{` + one + `}}`,
	`{"a":{` + one + `},"__metadata__":{"k":"v","\u00e9\ud83d\ude00\\ud800":""}}`,
	`{"a":{"data_offsets":[0,4],"future":{"x":[1.5e3,true,null,"s",{}]},"shape":[2,2,1],"dtype":"I8"}}`,
	`{"b":{"dtype":"F64","shape":[0],"data_offsets":[4,4]},"a":{` + one + `},"c":{"dtype":"U8","shape":[3,0],"data_offsets":[0,0]}}`,
	`{"a":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}`,
}

func TestGoodHeaders(t *testing.T) {
	for _, h := range goodHeaders {
		if _, err := parseHeader(withHeader(h, 4)); err != nil {
			t.Errorf("%s: %v", h, err)
		}
	}
	if h, err := parseHeader(withHeader(`{}`, 0)); err != nil || h.meta != nil || len(h.tensors) != 0 {
		t.Error(h, err)
	}
}

func TestBadHeaders(t *testing.T) {
	entry := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"a":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	for _, c := range []struct{ header, fault string }{
		{``, `ends where '{' should be`},
		{`[]`, `'[' where '{' should be`},
		{`{}x`, `JSON byte 2: more follows`},
		{`{"a":{` + one + `},}`, `where '"' should be`},
		{`{"a":{` + one + `}`, `ends where '}'`},
		{`{"a":null}`, `tensor "a": JSON byte 5`},
		{"{\"a\xff\":{" + one + "}}", "not UTF-8"},
		{"{\"a\n\":{" + one + "}}", "control character"},
		{`{"\ud800":{` + one + `}}`, "half a surrogate"},
		{`{"\ud800\u0041":{` + one + `}}`, "half a surrogate"},
		{`{"\x":{` + one + `}}`, "bad escape"},
		{`{"abc`, "ends inside a string"},
		{`{"abc\`, "ends inside a string"},
		{`{"a":{` + one + `},"a":{` + one + `}}`, `two entries named "a"`},
		{`{"a":{` + one + `},"\u0061":{` + one + `}}`, `two entries named "a"`},
		{`{"__metadata__":{},"__metadata__":{},"a":{` + one + `}}`, `two entries named "__metadata__"`},
		{`{"__metadata__":{"k":1},"a":{` + one + `}}`, `__metadata__: JSON byte 21`},
		{`{"__metadata__":{"k":"1","k":"2"},"a":{` + one + `}}`, `two entries named "k"`},
		{`{"a":{` + one + `,"dtype":"F32"}}`, "dtype stands twice"},
		{`{"a":{"dtype":"F32","shape":[1]}}`, "dtype, shape and data_offsets are needed"},
		{`{"a":{` + one + `,"x":` + strings.Repeat("[", 99) + `}}`, "nested too deeply"},
		{`{"a":{` + one + `,"x":nul}}`, "no JSON value"},
		{entry("F31", "[1]", "[0,4]"), `tensor "a": unknown dtype "F31"`},
		{entry("F32", "[1.0]", "[0,4]"), "a whole number from 0"},
		{entry("F32", "[-1]", "[0,4]"), "a whole number from 0"},
		{entry("F32", "[01]", "[0,4]"), "a whole number from 0"},
		{entry("F32", "[1]", "[0,4,8]"), "more than 2 numbers"},
		{entry("F32", "[1]", "[4]"), "two numbers"},
		{entry("F32", "[1]", "[0,99999999999999999999]"), "does not fit 64 bits"},
		{entry("F32", "[1]", "[0,9999999999999999999]"), "too large for this machine"},
		{entry("F32", "["+strings.Repeat("1,", 64)+"1]", "[0,4]"), "more than 64 numbers"},
		{entry("F32", "[4294967296,4294967296]", "[0,4]"), `tensor "a": shape [4294967296 4294967296] overflows`},
		{entry("F32", "[4611686018427387904]", "[0,4]"), "overflows"},
		{entry("F32", "[4294967296,4294967296,0]", "[0,0]"), "overflows"},
		{entry("F4", "[3]", "[0,2]"), "does not end at a whole byte"},
		{entry("F32", "[1]", "[4,0]"), `tensor "a": data_offsets [4, 0] run backwards`},
		{entry("F32", "[2]", "[0,4]"), "hold 4 bytes, but shape [2] of F32 takes 8"},
		{entry("F32", "[1]", "[4,8]"), "leave a hole after 0"},
		{entry("F32", "[2]", "[0,8]"), "end beyond the file, which has 4 bytes of data"},
		{entry("I8", "[3]", "[0,3]"), "4 bytes of data, but the tensors take 3"},
		{`{}`, "4 bytes of data, but the tensors take 0"},
		{`{"a":{` + one + `},"b":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}}`, `tensor "b": data_offsets [2, 4] overlap tensor "a"`},
	} {
		_, err := parseHeader(withHeader(c.header, 4))
		if err == nil || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s:\n%v, want %s", c.header, err, c.fault)
		}
	}
	for _, c := range []struct{ file, fault string }{
		{"", "0 bytes are too few"},
		{"\x01\x00\x00\x00\x00\x00\x00\x00", "should take 1 bytes but only 0 follow"},
		{"version https://git-lfs", "over the limit"},
	} {
		path := filepath.Join(t.TempDir(), "bad.safetensors")
		if err := os.WriteFile(path, []byte(c.file), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %s", c.file, err, c.fault)
		}
	}
	if _, err := Open("testdata/missing.safetensors"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzHeader(f *testing.F) {
	for _, h := range goodHeaders {
		f.Add(h, make([]byte, 4))
	}
	for _, name := range []string{"types.safetensors", "sharded/model-00001-of-00003.safetensors"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		n := 8 + binary.LittleEndian.Uint64(b)
		f.Add(string(b[8:n]), b[n:])
	}
	f.Fuzz(func(t *testing.T, json string, data []byte) {
		parseHeader(data) // a hostile length
		b := append(withHeader(json, 0), data...)
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		// What is accepted tiles the data, can be read, and is the same when written and read again.
		file := &File{byName: map[string]int{}, meta: h.meta}
		at := 0
		for _, s := range h.tensors {
			if s.begin != at || s.end-s.begin != s.Size {
				t.Fatalf("tensor %q at [%d,%d) of %d bytes, expected at %d", s.Name, s.begin, s.end, s.Size, at)
			}
			at = s.end
			file.add(s, data)
			rows, _ := s.rows()
			if s.Elements() < 1<<16 {
				file.ReadFloat32(make([]float32, s.Elements()), s.Name)
				file.ReadInt64(make([]int64, s.Elements()), s.Name)
			}
			file.ReadFloat32Rows(nil, s.Name, rows/2, rows/2)
		}
		if at != len(data) || len(file.byName) != len(h.tensors) {
			t.Fatalf("%d of %d bytes, %d of %d names", at, len(data), len(file.byName), len(h.tensors))
		}
		head, size, err := layout(copyOf(file), h.meta)
		if err != nil || size != len(data) {
			t.Fatalf("laid out again: %d bytes, %v", size, err)
		}
		again, err := parseHeader(append(head, data...))
		if err != nil || len(again.tensors) != len(h.tensors) || len(again.meta) != len(h.meta) {
			t.Fatalf("read again: %d tensors, %v", len(again.tensors), err)
		}
	})
}
