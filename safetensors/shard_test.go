package safetensors

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openDir(t testing.TB, dir string) *File {
	t.Helper()
	f, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// modelTensors returns the tensors of testdata/sharded in the order in which the script gave them.
func modelTensors(f *File) []Tensor {
	order := []string{"wte.weight", "h.0.ln.weight", "h.0.attn.weight", "h.0.attn.bias", "h.0.step", "ln_f.weight"}
	ts := copyOf(f)
	slices.SortFunc(ts, func(a, b Tensor) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return ts
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestShardsLikePython(t *testing.T) {
	f := openDir(t, "testdata/sharded")
	if len(f.Names()) != 6 || f.Metadata()["format"] != "pt" {
		t.Fatal(f.Names(), f.Metadata())
	}
	if got := floats(t, f, "wte.weight"); got[11] != 11 {
		t.Error(got)
	}
	dir := t.TempDir()
	if err := WriteDir(dir, modelTensors(f), pt, 80); err != nil {
		t.Fatal(err)
	}
	want := list(t, "testdata/sharded")
	if got := list(t, dir); !slices.Equal(got, want) {
		t.Fatalf("files %q, want %q", got, want)
	}
	for _, name := range want {
		sameFile(t, filepath.Join(dir, name), filepath.Join("testdata/sharded", name))
	}
}

func TestRewriteDir(t *testing.T) {
	f := openDir(t, "testdata/sharded")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		max   int64
		files int
	}{{80, 5}, {240, 4}, {0, 2}, {1, 8}, {1 << 40, 2}} {
		if err := WriteDir(dir, modelTensors(f), pt, c.max); err != nil {
			t.Fatal(err)
		}
		if got := list(t, dir); len(got) != c.files {
			t.Errorf("max %d: files %q", c.max, got)
		}
		g, err := OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range f.Names() {
			a, _ := f.Bytes(name)
			if b, err := g.Bytes(name); err != nil || !bytes.Equal(a, b) {
				t.Errorf("max %d: %s differs (%v)", c.max, name, err)
			}
		}
		g.Close()
	}
	if err := WriteDir(dir, nil, nil, -1); err == nil {
		t.Error("negative size")
	}
	if err := WriteDir(filepath.Join(dir, "no"), modelTensors(f), pt, 0); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestBareShards(t *testing.T) {
	f := openDir(t, "testdata/sharded")
	dir := t.TempDir()
	if err := WriteDir(dir, modelTensors(f), pt, 80); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, IndexFile))
	if g := openDir(t, dir); !slices.Equal(g.Names(), f.Names()) {
		t.Error(g.Names())
	} else {
		g.Close() // Windows can't remove a mapped file
	}
	os.Remove(filepath.Join(dir, shardName(2, 3)))
	if _, err := OpenDir(dir); err == nil || !strings.Contains(err.Error(), "2 of 3 shards") {
		t.Error(err)
	}
	if err := Write(filepath.Join(dir, shardName(1, 1)), copyOf(f), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(dir); err == nil || !strings.Contains(err.Error(), "several models") {
		t.Error(err)
	}
	os.Remove(filepath.Join(dir, shardName(1, 3)))
	os.Remove(filepath.Join(dir, shardName(3, 3)))
	if g := openDir(t, dir); len(g.Names()) != 6 {
		t.Error(g.Names())
	}
	if _, err := OpenDir(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds neither") {
		t.Error(err)
	}
}

func TestBadIndex(t *testing.T) {
	dir := t.TempDir()
	a := []Tensor{Float32("a", F32, nil, []float32{1})}
	ab := append(a, Float32("b", F32, nil, []float32{2}))
	for name, ts := range map[string][]Tensor{"one.safetensors": a, "two.safetensors": ab, "three.safetensors": ab[1:]} {
		if err := Write(filepath.Join(dir, name), ts, nil); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return `{"weight_map":{"a":` + name + `}}` }
	for _, c := range []struct{ index, fault string }{
		{file(`"one.safetensors"`), ""},
		{file(`"two.safetensors"`), ""}, // b is not listed but comes along
		{`{"metadata":{"total_size":8.5},"weight_map":{"a":"one.safetensors","b":"two.safetensors"},"x":[]}`, ""},
		{``, "ends where '{'"},
		{`{}`, "no weight_map"},
		{`{"weight_map":{}}`, "no weight_map"},
		{`{"weight_map":{"a":"one.safetensors"},"weight_map":{"a":"one.safetensors"}}`, "stands twice"},
		{`{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}`, `two entries named "a"`},
		{`{"weight_map":{"a":1}}`, `weight_map: tensor "a"`},
		{`{"weight_map":{"zz":"one.safetensors"}}`, `lists tensor "zz" in one.safetensors, which has none`},
		{`{"weight_map":{"a":"one.safetensors","zz":"two.safetensors","yy":"three.safetensors"}}`, `tensor "b" is both in three.safetensors and in two.safetensors`},
		{file(`"missing.safetensors"`), "missing.safetensors"},
		{file(`"../one.safetensors"`), "not a plain name"},
		{file(`"/etc/one.safetensors"`), "not a plain name"},
		{file(`"sub/one.safetensors"`), "not a plain name"},
		{file(`"..\\one.safetensors"`), "not a plain name"},
		{file(`"c:one.safetensors"`), "not a plain name"},
		{file(`".safetensors"`), "not a plain name"},
		{file(`"one\u0000.safetensors"`), "not a plain name"},
		{file(`"pytorch_model.bin"`), "not a plain name"},
		{file(`""`), "not a plain name"},
	} {
		if err := os.WriteFile(filepath.Join(dir, IndexFile), []byte(c.index), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := OpenDir(dir)
		if c.fault == "" && err == nil {
			f.Close()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s:\n%v, want %q", c.index, err, c.fault)
		}
	}
}

func TestBadWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := Write(path, []Tensor{Float32("a", F32, nil, []float32{1})}, nil); err != nil {
		t.Fatal(err)
	}
	x := []float32{1, 2, 3, 4}
	ok := Float32("x", F32, []int{4}, x)
	for fault, ts := range map[string][]Tensor{
		`tensor "x": the name stands twice`: {ok, ok},
		`reserved for metadata`:             {Float32(metaKey, F32, []int{4}, x)},
		`the name is not UTF-8`:             {Float32("\xff", F32, []int{4}, x)},
		`negative size`:                     {Float32("x", F32, []int{-4}, x)},
		`overflows`:                         {Float32("x", F32, []int{1 << 30, 1 << 30, 1 << 30}, x)},
		`tensor "x": 4 bytes fewer than shape [5] of F32 takes`:  {Float32("x", F32, []int{5}, x)},
		`tensor "x": 4 bytes more than the shape holds`:          {Float32("x", F32, []int{3}, x)},
		`tensor "x": 8 bytes fewer than shape [4] of BF16 takes`: {{"x", BF16, []int{4}, nil}},
		`dtype I64 can't take float32 elements`:                  {Float32("x", I64, []int{4}, x)},
		`dtype F32 can't take int64 elements`:                    {Int64("x", F32, []int{1}, []int64{1})},
		`dtype I8 can't hold 128`:                                {Int64("x", I8, []int{1}, []int64{128})},
		`dtype BOOL can't hold 2`:                                {Int64("x", BOOL, []int{1}, []int64{2})},
		`dtype U64 can't hold -1`:                                {Int64("x", U64, []int{1}, []int64{-1})},
		`no such dtype: Dtype(99)`:                               {{"x", 99, nil, nil}},
	} {
		err := Write(path, ts, nil)
		if err == nil || !strings.Contains(err.Error(), fault) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %s", err, fault)
		}
	}
	if err := Write(path, nil, map[string]string{"a": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8")
	}
	if f := open(t, path); !slices.Equal(f.Names(), []string{"a"}) {
		t.Errorf("a failed write left %q", f.Names())
	}
}

func FuzzIndex(f *testing.F) {
	b, err := os.ReadFile("testdata/sharded/" + IndexFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"weight_map":{"a":"\u002e./x.safetensors"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		weights, err := parseIndex(b)
		if err != nil {
			return
		}
		for _, file := range slices.Sorted(maps.Values(weights)) {
			if filepath.Base(file) != file || strings.ContainsAny(file, `/\:`+"\x00") {
				t.Fatalf("%q could leave the folder", file)
			}
		}
	})
}
