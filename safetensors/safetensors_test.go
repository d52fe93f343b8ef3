package safetensors

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var pt = map[string]string{"format": "pt"}

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
	info, _ := f.Info(name)
	v := make([]float32, info.Elements())
	if err := f.ReadFloat32(v, name); err != nil {
		t.Fatal(err)
	}
	return v
}

// copyOf returns the file's tensors for writing, in reverse order.
func copyOf(f *File) []Tensor {
	var ts []Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		b, _ := f.Bytes(name)
		ts = append(ts, Raw(name, info.Dtype, info.Shape, b))
	}
	slices.Reverse(ts)
	return ts
}

func sameFile(t *testing.T, got, want string) {
	t.Helper()
	g, err1 := os.ReadFile(got)
	w, err2 := os.ReadFile(want)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		n := 0
		for n < min(len(g), len(w)) && g[n] == w[n] {
			n++
		}
		t.Errorf("%s has %d bytes, %s %d; they differ from byte %d:\n%.200q\n%.200q", got, len(g), want, len(w), n, g[n:], w[n:])
	}
}

func TestTypes(t *testing.T) {
	f := open(t, "testdata/types.safetensors")
	if len(f.Names()) != 25 || f.Metadata()["format"] != "pt" {
		t.Fatalf("names %q, metadata %v", f.Names(), f.Metadata())
	}
	for d := range dtypes {
		if d, err := ParseDtype(Dtype(d).String()); err != nil || d.Bits() == 0 {
			t.Error(d, err)
		}
	}
	seen := map[Dtype]bool{}
	raw := make([]byte, 16)
	for i := range raw {
		raw[i] = byte(i)
	}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		b, err := f.Bytes(name)
		if err != nil || len(b) != info.Size {
			t.Error(name, err, len(b), info.Size)
		}
		if strings.EqualFold(info.Dtype.String(), name) && !bytes.Equal(b, raw) && info.Dtype != BOOL {
			t.Errorf("%s holds % x", name, b)
		}
		seen[info.Dtype] = true
	}
	if len(seen) != len(dtypes)-2 { // PyTorch has no F6
		t.Errorf("%d of %d dtypes", len(seen), len(dtypes))
	}
	if got := floats(t, f, "scalar"); !slices.Equal(got, []float32{1.5}) {
		t.Errorf("scalar %v", got)
	}
	if info, ok := f.Info("empty"); !ok || !slices.Equal(info.Shape, []int{0, 3}) || info.Elements() != 0 {
		t.Errorf("empty: %+v", info)
	}
	if got := floats(t, f, "a \"quoted\\name\"\n\t\x01\x7f<é\u2028>"); got[2] != float32(math.Inf(1)) || math.Float32bits(got[1]) != 1<<31 {
		t.Errorf("escaped name: %v", got)
	}
}

func TestIntegers(t *testing.T) {
	f := open(t, "testdata/types.safetensors")
	for name, want := range map[string][]int64{
		"negative": {-1, math.MinInt64, math.MaxInt64},
		"bool":     {1, 0, 0, 1},
		"u64":      {0x0706050403020100, 0x0f0e0d0c0b0a0908},
		"i32":      {0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c},
		"u16":      {0x0100, 0x0302, 0x0504, 0x0706, 0x0908, 0x0b0a, 0x0d0c, 0x0f0e},
		"i8":       {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	} {
		got := make([]int64, len(want))
		if err := f.ReadInt64(got, name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	path := filepath.Join(t.TempDir(), "i.safetensors")
	v := []int64{-128, -1, 0, 127}
	var ts []Tensor
	for _, d := range []Dtype{I8, I16, I32, I64} {
		ts = append(ts, Int64(d.String(), d, []int{2, 2}, v))
	}
	ts = append(ts, Raw("big", U64, nil, bytes.Repeat([]byte{255}, 8)))
	if err := Write(path, ts, nil); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	for _, d := range []Dtype{I8, I16, I32, I64} {
		got := make([]int64, 4)
		if err := f.ReadInt64(got, d.String()); err != nil || !slices.Equal(got, v) {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	if err := f.ReadInt64(make([]int64, 1), "big"); err == nil || !strings.Contains(err.Error(), "18446744073709551615") {
		t.Error(err)
	}
}

func TestBytesLikePython(t *testing.T) {
	for _, name := range []string{"types.safetensors", "floats.safetensors"} {
		want := filepath.Join("testdata", name)
		got := filepath.Join(t.TempDir(), name)
		if err := Write(got, copyOf(open(t, want)), pt); err != nil {
			t.Fatal(err)
		}
		sameFile(t, got, want)
	}
}

func bitsEqual(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%s[%d] = %v (%08x), want %v (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestFloatsLikePyTorch(t *testing.T) {
	f := open(t, "testdata/floats.safetensors")
	f32 := floats(t, f, "f32")
	path := filepath.Join(t.TempDir(), "n.safetensors")
	var ts []Tensor
	for _, d := range []Dtype{F64, F16, BF16} {
		name := strings.ToLower(d.String())
		bitsEqual(t, name, floats(t, f, name), floats(t, f, name+".f32"))
		ts = append(ts, Float32(name, d, []int{len(f32)}, f32))
	}
	if err := Write(path, ts, nil); err != nil {
		t.Fatal(err)
	}
	narrow := open(t, path)
	for _, name := range []string{"f64", "f16", "bf16"} {
		got, _ := narrow.Bytes(name)
		want, err := f.Bytes("f32." + name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("float32 to %s: bytes differ (%v)", name, err)
		}
	}
}

func TestRows(t *testing.T) {
	f := open(t, "testdata/floats.safetensors")
	for _, name := range []string{"f32", "f16", "bf16", "f64"} {
		all := floats(t, f, name)
		for _, r := range [][2]int{{0, 0}, {0, 1}, {3, 8}, {1, len(all)}, {len(all), len(all)}} {
			got := make([]float32, r[1]-r[0])
			if err := f.ReadFloat32Rows(got, name, r[0], r[1]); err != nil || !slices.Equal(got, all[r[0]:r[1]]) {
				t.Errorf("%s rows %v: %v", name, r, err)
			}
		}
	}
	f = open(t, "testdata/types.safetensors")
	for _, c := range []struct {
		name      string
		lo, hi, n int
		fault     string
	}{
		{"scalar", 0, 1, 1, ""},
		{"empty", 0, 0, 0, ""},
		{"empty", 0, 1, 0, "has 0 rows, not [0, 1)"},
		{"f32", 2, 1, 0, "has 4 rows, not [2, 1)"},
		{"f32", 0, 5, 5, "has 4 rows"},
		{"f32", -1, 1, 2, "has 4 rows"},
		{"f32", 0, 2, 3, "gives 2 elements, but there is room for 3"},
		{"i64", 0, 1, 1, "is not of F64"},
		{"f4", 0, 1, 1, "is not of F64"},
		{"nope", 0, 1, 1, "has no tensor \"nope\""},
	} {
		err := f.ReadFloat32Rows(make([]float32, c.n), c.name, c.lo, c.hi)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestClosed(t *testing.T) {
	f, err := Open("testdata/types.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Bytes("f32"); err == nil {
		t.Error("read after Close")
	}
}

// What was forgotten can be read again.
func TestForget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	want := make([]float32, 64*1024)
	for i := range want {
		want[i] = float32(i)
	}
	if err := Write(path, []Tensor{Float32("a", F32, []int{64, 1024}, want)}, nil); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	f.ForgetRows("a", 8, 64)
	bitsEqual(t, "forgotten rows", floats(t, f, "a"), want)
	f.Forget("a")
	f.ForgetRows("a", 60, 65) // and what isn't there is left alone
	f.ForgetRows("b", 0, 1)
	bitsEqual(t, "forgotten", floats(t, f, "a"), want)
}
