package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builder makes files, lying ones too: strings with their length, numbers as they are.
type builder []byte

func file(parts ...any) []byte {
	var b builder
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = appendString(b, p)
		case []byte:
			b = append(b, p...)
		default:
			b, _ = binary.Append(b, binary.LittleEndian, p)
		}
	}
	return b
}

func start(tensors, pairs uint64) []byte { return file([]byte("GGUF"), uint32(3), tensors, pairs) }

const u64max = uint64(math.MaxUint64)

// one is a good file with key k and a tensor of two F32.
var one = file(start(1, 1), "k", uint32(kindUint8), uint8(7), "t", uint32(1), uint64(2), uint32(F32), uint64(0), make([]byte, 96-71), float32(1), float32(2))

func info(name string, t Type, offset uint64, dims ...uint64) []byte {
	return file(name, uint32(len(dims)), dims, uint32(t), offset)
}

func TestGoodFiles(t *testing.T) {
	f, err := newFile("good", one)
	if err != nil {
		t.Fatal(err)
	}
	if v := floats(t, f, "t"); !slices.Equal(v, []float32{1, 2}) {
		t.Error(v)
	}
	v2 := bytes.Clone(one)
	v2[4] = 2
	for name, b := range map[string][]byte{
		"version 2": v2,
		"empty":     start(0, 0),
		"no data":   file(start(0, 1), "k", uint32(kindArray), uint32(kindString), uint64(0)),
		"empty arrays": file(start(0, 2), "k", uint32(kindArray), uint32(kindFloat64), uint64(0),
			"l", uint32(kindArray), uint32(kindBool), uint64(0)),
		// Tensors in another order than their data, with a hole, one of them empty.
		"order": file(start(3, 1), "general.alignment", uint32(kindUint32), uint32(1),
			info("b", I8, 5, 1), info("a", I8, 0, 3), info("e", I8, 2, 0), make([]byte, 6)),
	} {
		f, err := newFile(name, b)
		if err != nil {
			t.Error(err)
			continue
		}
		exercise(t, f)
	}
}

func TestBadFiles(t *testing.T) {
	pair := func(parts ...any) []byte { return file(start(0, 1), file(parts...)) }
	tensors := func(data int, infos ...[]byte) []byte {
		b := file(start(uint64(len(infos)), 0), bytes.Join(infos, nil))
		return append(b, make([]byte, int(padded(uint64(len(b)), 32))-len(b)+data)...)
	}
	array, u8 := uint32(kindArray), uint32(kindUint8)
	for _, c := range []struct {
		file  []byte
		fault string
	}{
		{nil, "does not start with GGUF"},
		{[]byte("version https://git-lfs.github.com/spec/v1"), "does not start with GGUF"},
		{[]byte("GGUF"), "4 bytes should follow byte 4, but the file has 0 more"},
		{file([]byte("GGUF"), uint32(1)), "version 1 of the format; hone reads 2 and 3"},
		{file([]byte("GGUF"), uint32(4)), "version 4 of the format"},
		{file([]byte("GGUF"), uint32(3<<24)), "big-endian"},
		{file([]byte("GGUF"), uint32(3), uint64(1)), "8 bytes should follow byte 16"},
		{start(0, u64max), "metadata 1 of 18446744073709551615: key: 8 bytes should follow byte 24"},
		{start(u64max, 0), "tensor 1 of 18446744073709551615 (\"\"): 8 bytes should follow"},
		{pair(u64max), "key: 18446744073709551615 bytes should follow"},
		{pair("", u8, uint8(1)), "the key is empty"},
		{pair("\xff", u8, uint8(1)), "the key is not UTF-8"},
		{pair(strings.Repeat("k", 65536), u8, uint8(1)), "the key has 65536 bytes"},
		{pair("k", uint32(13)), `key "k": unknown type 13 of a value`},
		{pair("k", uint32(math.MaxUint32)), `unknown type 4294967295`},
		{pair("k", u8), `key "k": 1 bytes should follow`},
		{pair("k", uint32(kindUint64), uint32(1)), `8 bytes should follow`},
		{pair("k", uint32(kindBool), uint8(2)), "a bool of 2"},
		{pair("k", uint32(kindString), u64max), "string 1 of 1: 18446744073709551615 bytes should follow"},
		{pair("k", uint32(kindString), uint64(5), []byte("four")), "5 bytes should follow byte 45, but the file has 4 more; is the download complete?"},
		{pair("k", array, array, uint64(1), u8, uint64(1), uint8(1)), "an array of arrays"},
		{pair("k", array, uint32(99), uint64(1)), "unknown type 99"},
		{pair("k", array, u8, u64max), "an array of 18446744073709551615 uint8, but the file has 0 more bytes"},
		{pair("k", array, uint32(kindInt32), uint64(1<<62+1), uint32(1)), "an array of 4611686018427387905 int32, but the file has 4 more"},
		{pair("k", array, uint32(kindString), uint64(math.MaxInt64)), "an array of 9223372036854775807 string"},
		{pair("k", array, uint32(kindString), uint64(17), "", ""), "an array of 17 string, but the file has 16 more"},
		{pair("k", array, uint32(kindString), uint64(3), "a", "bcdefg"), "string 3 of 3: 8 bytes should follow"},
		{pair("k", array, uint32(kindBool), uint64(2), uint8(1), uint8(255)), "a bool of 255"},
		{file(start(0, 2), "k", u8, uint8(1), "k", u8, uint8(1)), `metadata 2 of 2: key "k": the key stands twice`},
		{pair("general.alignment", uint32(kindUint32), uint32(0)), `"general.alignment": 0 is not a power of two`},
		{pair("general.alignment", uint32(kindUint32), uint32(24)), "24 is not a power of two"},
		{pair("general.alignment", uint32(kindUint64), uint64(32)), "is of type uint64, not uint32"},
		{pair("general.alignment", array, uint32(kindUint32), uint64(0)), "is of type []uint32 of 0, not uint32"},
		{tensors(64, info("a", F32, 0, 8), info("a", F32, 32, 8)), `tensor 2 of 2 ("a"): the name stands twice`},
		{tensors(32, info("\xff", F32, 0, 8)), `the name "\xff" is not UTF-8`},
		{tensors(32, info("a", F32, 0, 1, 1, 1, 1, 8)), "5 dimensions, the limit is 4"},
		{tensors(32, file("a", uint32(math.MaxUint32))), "4294967295 dimensions"},
		{tensors(32, info("a", F32, 0, u64max)), "a dimension of 18446744073709551615 is too large"},
		{tensors(32, info("a", F32, 0, 1<<32, 1<<32)), "shape [4294967296 4294967296] overflows"},
		{tensors(32, info("a", F32, 0, 0, 1<<32, 1<<32)), "overflows"},
		{tensors(32, info("a", F32, 0, 1<<61)), "shape [2305843009213693952] of F32 overflows"},
		{tensors(32, info("a", 4, 0, 8)), `("a"): unknown type 4`},
		{tensors(32, info("a", 43, 0, 8)), `unknown type 43`},
		{tensors(32, info("a", math.MaxUint32, 0, 8)), `unknown type 4294967295`},
		{tensors(64, info("a", Q4_0, 0, 16, 2)), "rows of 16 are not whole blocks of 32 elements, which Q4_0 needs"},
		{tensors(64, info("a", F32, 4, 8)), "offset 4 is not a multiple of the alignment, 32"},
		{tensors(32, info("a", F32, 0, 9)), "36 bytes at offset 0 end beyond the file, which has 32 bytes of data; is the download complete?"},
		{tensors(32, info("a", F32, 64, 8)), "32 bytes at offset 64 end beyond"},
		{tensors(32, info("a", F32, u64max-31, 8)), "at offset 18446744073709551584 end beyond"},
		{tensors(64, info("a", F32, 0, 9), info("b", F32, 32, 8)), `tensors "a" and "b" overlap at offset 32`},
		{tensors(64, info("a", F32, 0, 8), info("b", F32, 0, 8)), `overlap at offset 0`},
		{one[:90], "90 bytes end before the data, which starts at 96"},
		{one[:100], "8 bytes at offset 0 end beyond the file, which has 4 bytes of data"},
	} {
		_, err := newFile("bad.gguf", c.file)
		if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.HasPrefix(err.Error(), "gguf: bad.gguf: ") {
			t.Errorf("%q:\n%v, want %s", c.file, err, c.fault)
		}
	}
	for i := range one[:len(one)-1] {
		if _, err := newFile("cut", one[:i]); err == nil {
			t.Errorf("a file cut at %d was accepted", i)
		}
	}
	if _, err := Open("testdata/missing.gguf"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "bad.gguf")
	if err := os.WriteFile(path, one[:90], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}

// TestNotUTF8 reads strings that the format forbids but llama.cpp lets pass.
func TestNotUTF8(t *testing.T) {
	f, err := newFile("x", file(start(0, 2), "one", uint32(kindString), "a\xff", "many", uint32(kindArray), uint32(kindString), uint64(2), "", "\xfe"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.String("one"); err == nil || !strings.Contains(err.Error(), `key "one": string 1, "a\xff", is not UTF-8`) {
		t.Error(err)
	}
	if _, err := f.Strings("many"); err == nil || !strings.Contains(err.Error(), `key "many": string 2, "\xfe", is not UTF-8`) {
		t.Error(err)
	}
	if d := cmp.Diff([]KV{{"one", "a\xff"}, {"many", []string{"", "\xfe"}}}, f.Metadata()); d != "" {
		t.Error(d)
	}
}

// exercise reads all that a file which was accepted offers, writes it again and compares.
func exercise(t *testing.T, f *File) {
	meta := f.Metadata()
	for _, k := range f.Keys() {
		f.String(k)
		f.Strings(k)
		f.Uint(k)
		f.Ints(k)
		f.Bool(k)
		f.Float(k)
		f.Floats(k)
	}
	var ts []Tensor
	var want []byte
	for _, name := range f.Names() {
		info, ok := f.Info(name)
		b, err := f.Bytes(name)
		if !ok || err != nil || len(b) != info.Size {
			t.Fatalf("tensor %q: %v, %d of %d bytes, %v", name, ok, len(b), info.Size, err)
		}
		if info.Elements() < 1<<20 {
			f.ReadFloat32(make([]float32, info.Elements()), name)
		}
		rows, cols := info.rows()
		f.ReadFloat32Rows(make([]float32, cols), name, rows/2, rows/2+1)
		ts = append(ts, Raw(name, info.Type, info.Shape, b))
		want = append(want, b...)
	}
	head, align, err := layout(meta, ts)
	if err != nil {
		return // what the format forbids but the reader lets pass: long names, strings that are not UTF-8
	}
	if align > 1<<16 {
		return
	}
	var w bytes.Buffer
	w.Write(head)
	pad(&w, uint64(len(head)), align)
	e := &Encoder{w: &w}
	for _, x := range ts {
		if err := e.tensor(x, align); err != nil {
			t.Fatal(err)
		}
	}
	again, err := newFile("again", w.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, name := range again.Names() {
		b, _ := again.Bytes(name)
		got = append(got, b...)
	}
	head2, _, err := layout(again.Metadata(), ts)
	if err != nil || !bytes.Equal(head, head2) || !bytes.Equal(got, want) || !slices.Equal(f.Names(), again.Names()) {
		t.Fatalf("written and read again, the file differs: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(one)
	b, err := os.ReadFile("testdata/meta.gguf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(append(file(start(2, 0), info("a", Q4_K, 0, 256), info("b", Q4_0, 160, 32, 2)), make([]byte, 256)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, err := newFile("fuzz", b); err == nil {
			exercise(t, file)
		}
	})
}

// FuzzEncode takes any finite weights through every type: what comes out is finite too.
func FuzzEncode(f *testing.F) {
	f.Add(file(float32(1), float32(-2), float32(1e-40)))
	f.Add(file(float32(65504), float32(-65504), float32(0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := make([]float32, 256)
		for i := range x {
			if j := 4 * (i % max(len(b)/4, 1)); j+4 <= len(b) {
				x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[j:]))
			}
			if !(abs(x[i]) <= maxWeight) {
				x[i] = 1
			}
		}
		each(func(typ Type) {
			if !typ.Writable() {
				return
			}
			block, size := typ.Block()
			raw, y := make([]byte, 256/block*size), make([]float32, 256)
			types[typ].encode(raw, x)
			types[typ].decode(y, raw)
			for i, v := range y {
				if !(abs(v) <= 2*maxWeight) {
					t.Fatalf("%v: element %d of %v became %v", typ, i, x, v)
				}
			}
		})
	})
}
