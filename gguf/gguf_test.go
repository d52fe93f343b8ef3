package gguf

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func floats(t testing.TB, f *File, name string) []float32 {
	t.Helper()
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	v := make([]float32, info.Elements())
	if err := f.ReadFloat32(v, name); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMetadata reads what the Python package wrote.
func TestMetadata(t *testing.T) {
	f := open(t, "testdata/meta.gguf")
	want := []KV{
		{"general.architecture", "none"},
		{"general.alignment", uint32(64)},
		{"one.uint8", uint8(255)},
		{"one.int8", int8(-128)},
		{"one.uint16", uint16(65535)},
		{"one.int16", int16(-32768)},
		{"one.uint32", uint32(math.MaxUint32)},
		{"one.int32", int32(math.MinInt32)},
		{"one.float32", float32(0.1)},
		{"one.bool", true},
		{"one.string", "naïve\n\x00"},
		{"one.uint64", uint64(math.MaxUint64)},
		{"one.int64", int64(math.MinInt64)},
		{"one.float64", 0.1},
		{"many.uint8", []uint8{0, 1, 255}},
		{"many.int8", []int8{0, 1, -128}},
		{"many.uint16", []uint16{0, 1, 65535}},
		{"many.int16", []int16{0, 1, -32768}},
		{"many.uint32", []uint32{0, 1, math.MaxUint32}},
		{"many.int32", []int32{0, 1, math.MinInt32}},
		{"many.float32", []float32{0, 1, 0.1}},
		{"many.bool", []bool{false, true, true}},
		{"many.string", []string{"", "é", "naïve\n\x00"}},
		{"many.uint64", []uint64{0, 1, math.MaxUint64}},
		{"many.int64", []int64{0, 1, math.MinInt64}},
		{"many.float64", []float64{0, 1, 0.1}},
	}
	if d := cmp.Diff(want, f.Metadata()); d != "" {
		t.Error(d)
	}
	for i, k := range f.Keys() {
		if k != want[i].Key || !f.Has(k) {
			t.Errorf("key %d is %q", i, k)
		}
	}
	if f.Has("one") {
		t.Error("a key too many")
	}
}

func TestAccessors(t *testing.T) {
	f := open(t, "testdata/meta.gguf")
	result := func(v any, err error) any {
		if err != nil {
			return strings.TrimPrefix(err.Error(), "gguf: testdata/meta.gguf")
		}
		return v
	}
	str := func(k string) any { v, err := f.String(k); return result(v, err) }
	strs := func(k string) any { v, err := f.Strings(k); return result(v, err) }
	boolean := func(k string) any { v, err := f.Bool(k); return result(v, err) }
	number := func(k string) any { v, err := f.Uint(k); return result(v, err) }
	ints := func(k string) any { v, err := f.Ints(k); return result(v, err) }
	float := func(k string) any { v, err := f.Float(k); return result(v, err) }
	floats := func(k string) any { v, err := f.Floats(k); return result(v, err) }
	for _, c := range []struct {
		f    func(string) any
		key  string
		want any
	}{
		{str, "one.string", "naïve\n\x00"},
		{str, "one.bool", `: key "one.bool" is of type bool, not string`},
		{str, "many.string", `: key "many.string" is of type []string of 3, not string`},
		{str, "none", ` has no key "none"`},
		{strs, "many.string", []string{"", "é", "naïve\n\x00"}},
		{strs, "one.string", `: key "one.string" is of type string, not an array of strings`},
		{boolean, "one.bool", true},
		{boolean, "one.uint8", `: key "one.uint8" is of type uint8, not bool`},
		{boolean, "none", ` has no key "none"`},
		{number, "one.uint8", uint64(255)},
		{number, "one.uint16", uint64(65535)},
		{number, "one.uint32", uint64(math.MaxUint32)},
		{number, "one.uint64", uint64(math.MaxUint64)},
		{number, "one.int64", `: key "one.int64": -9223372036854775808 is negative`},
		{number, "one.float32", `: key "one.float32" is of type float32, not an integer`},
		{number, "many.uint8", `: key "many.uint8" is of type []uint8 of 3, not an integer`},
		{ints, "many.uint8", []int64{0, 1, 255}},
		{ints, "many.int8", []int64{0, 1, -128}},
		{ints, "many.uint16", []int64{0, 1, 65535}},
		{ints, "many.int16", []int64{0, 1, -32768}},
		{ints, "many.uint32", []int64{0, 1, math.MaxUint32}},
		{ints, "many.int32", []int64{0, 1, math.MinInt32}},
		{ints, "many.int64", []int64{0, 1, math.MinInt64}},
		{ints, "many.uint64", `: key "many.uint64": 18446744073709551615 does not fit int64`},
		{ints, "many.float32", `: key "many.float32" is of type []float32 of 3, not an array of integers`},
		{float, "one.float32", float64(float32(0.1))},
		{float, "one.float64", 0.1},
		{float, "one.int8", `: key "one.int8" is of type int8, not float32 or float64`},
		{floats, "many.float32", []float64{0, 1, float64(float32(0.1))}},
		{floats, "many.float64", []float64{0, 1, 0.1}},
		{floats, "none", ` has no key "none"`},
	} {
		if d := cmp.Diff(c.want, c.f(c.key)); d != "" {
			t.Errorf("%s: %s", c.key, d)
		}
	}
}

func TestTensors(t *testing.T) {
	f := open(t, "testdata/meta.gguf")
	var got []Info
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		got = append(got, info)
		if b, err := f.Bytes(name); err != nil || len(b) != info.Size {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	want := []Info{
		{"scalar", F32, []int{}, 4},
		{"vector", F32, []int{3}, 12},
		{"matrix", F16, []int{2, 3}, 12},
		{"cube", I32, []int{2, 3, 4}, 96},
		{"four", F64, []int{1, 2, 3, 4}, 192},
		{"empty", F32, []int{2, 0}, 0},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if v := floats(t, f, "scalar"); v[0] != 1.5 {
		t.Error(v)
	}
	if v := floats(t, f, "matrix"); !cmp.Equal(v, []float32{0, 1, 2, 3, 4, 5}) {
		t.Error(v)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{f.ReadFloat32(nil, "none"), `gguf: testdata/meta.gguf has no tensor "none" among its 6`},
		{f.ReadFloat32(make([]float32, 2), "vector"), `tensor "vector" (F32 [3]) gives 3 elements, but there is room for 2`},
		{f.ReadFloat32(make([]float32, 24), "cube"), `tensor "cube" (I32 [2 3 4]) is of a type that hone can't read`},
		{f.ReadFloat32Rows(nil, "matrix", 1, 3), `has 2 rows, not [1, 3)`},
		{f.ReadFloat32Rows(nil, "matrix", 2, 1), `has 2 rows, not [2, 1)`},
		{f.ReadFloat32Rows(nil, "empty", 0, 2), ``},
	} {
		if c.want == "" && c.err != nil || c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)) {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
}

func TestRows(t *testing.T) {
	f := open(t, "testdata/types.gguf")
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		all, rows, cols := floats(t, f, name), info.Shape[0], info.Shape[1]
		for lo := range rows + 1 {
			for hi := lo; hi <= rows; hi++ {
				got := make([]float32, (hi-lo)*cols)
				if err := f.ReadFloat32Rows(got, name, lo, hi); err != nil {
					t.Fatal(err)
				}
				sameBits(t, name, got, all[lo*cols:hi*cols])
			}
		}
	}
	path := filepath.Join(t.TempDir(), "v.gguf")
	v := make([]float32, 96)
	if err := Write(path, nil, []Tensor{Float32("v", Q8_0, []int{96}, v)}); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	if err := f.ReadFloat32Rows(v[:32], "v", 32, 64); err != nil {
		t.Error(err)
	}
	if err := f.ReadFloat32Rows(v[:32], "v", 31, 63); err == nil || !strings.Contains(err.Error(), "can't be cut at [31, 63): its blocks have 32 elements") {
		t.Error(err)
	}
}

func sameBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%08x), want %v (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// TestRewrite writes what it read from the Python package's files: the bytes are the same.
func TestRewrite(t *testing.T) {
	for _, name := range []string{"meta.gguf", "types.gguf", "quants.gguf"} {
		source := filepath.Join("testdata", name)
		f := open(t, source)
		var tensors []Tensor
		for _, name := range f.Names() {
			info, _ := f.Info(name)
			b, _ := f.Bytes(name)
			tensors = append(tensors, Raw(name, info.Type, info.Shape, b))
		}
		path := filepath.Join(t.TempDir(), name)
		if err := Write(path, f.Metadata(), tensors); err != nil {
			t.Fatal(err)
		}
		want, _ := os.ReadFile(source)
		got, _ := os.ReadFile(path)
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestClose(t *testing.T) {
	f := open(t, "testdata/meta.gguf")
	if f.Close() != nil || f.Close() != nil {
		t.Error("can't be closed twice")
	}
	if _, err := f.Bytes("vector"); err == nil || len(f.Names()) != 0 || f.Has("one.bool") {
		t.Error("still open")
	}
}

func TestTypes(t *testing.T) {
	known := 0
	for i := range Type(len(types) + 1) {
		if !i.known() {
			if n, _ := i.Block(); n != 0 || i.Readable() || i.Writable() || !strings.HasPrefix(i.String(), "Type(") {
				t.Error(i)
			}
			continue
		}
		known++
		if back, err := ParseType(i.String()); back != i || err != nil {
			t.Error(i, back, err)
		}
		if i.Writable() && !i.Readable() {
			t.Errorf("%v can be written but not read", i)
		}
	}
	if known != 35 {
		t.Errorf("%d types", known)
	}
	for _, name := range []string{"", "Q4", "q4_0"} {
		if _, err := ParseType(name); err == nil {
			t.Error(name)
		}
	}
}
