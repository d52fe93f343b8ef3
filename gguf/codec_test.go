package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

func each(f func(Type)) {
	for t := range Type(len(types)) {
		if t.known() {
			f(t)
		}
	}
}

// TestDecode compares with the Python package's dequantize.
func TestDecode(t *testing.T) {
	f := open(t, "testdata/types.gguf")
	each(func(typ Type) {
		if typ.Readable() && typ != F32 {
			sameBits(t, typ.String(), floats(t, f, "q."+typ.String()), floats(t, f, "f."+typ.String()))
		}
	})
}

// TestEncode compares with ggml's reference quantizers.
func TestEncode(t *testing.T) {
	f := open(t, "testdata/quants.gguf")
	x := floats(t, f, "x")
	each(func(typ Type) {
		if !typ.Writable() || typ == F32 {
			return
		}
		block, size := typ.Block()
		want, err := f.Bytes(typ.String())
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(x)/block*size)
		types[typ].encode(got, x)
		for i := range len(x) / block {
			if g, w := got[i*size:(i+1)*size], want[i*size:(i+1)*size]; string(g) != string(w) {
				t.Errorf("%v, row %d: block %v\ngives % x\nwant  % x", typ, i*block/256, x[i*block:(i+1)*block], g, w)
				break
			}
		}
	})
}

// bound is the greatest error of a weight, relative to the greatest magnitude m of its block or group, that a type
// allows: half a step of its grid and the rounding of its scale. The K types search for less squared error and
// let a weight err more.
var bound = map[Type]float64{
	F16: 1.0 / 2048, BF16: 1.0 / 256, Q8_0: 0.55 / 127, Q5_0: 1.05 / 16, Q5_1: 1.05 / 31, Q4_0: 1.05 / 8, Q4_1: 1.05 / 15,
	Q6_K: 1.6 / 32, Q4_K: 3.0 / 15,
}

// TestRoundTrip checks errors on random weights, that zeros stay, and that what was decoded is encoded to the same
// values where the grid is fixed by the extremes.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	each(func(typ Type) {
		if !typ.Writable() || typ == F32 {
			return
		}
		block, size := typ.Block()
		n := max(256, block)
		x, y, z, b := make([]float32, n), make([]float32, n), make([]float32, n), make([]byte, n/block*size)
		sumErr, sumSq := 0.0, 0.0
		for range 400 {
			scale := math.Exp2(r.Float64()*10 - 2) // a smaller one makes scales subnormal
			for i := range x {
				x[i] = float32(r.NormFloat64() * scale)
			}
			types[typ].encode(b, x)
			types[typ].decode(y, b)
			most := float64(abs(extreme(x)))
			for i := range x {
				err := math.Abs(float64(x[i]) - float64(y[i]))
				if err > bound[typ]*most {
					t.Fatalf("%v: %v became %v among weights up to %v", typ, x[i], y[i], most)
				}
				sumErr += err * err
				sumSq += float64(x[i]) * float64(x[i])
			}
			if typ == F16 || typ == BF16 || typ == Q8_0 {
				types[typ].encode(b, y)
				types[typ].decode(z, b)
				for i := range y {
					if math.Abs(float64(y[i]-z[i])) > most/127/1000 {
						t.Fatalf("%v: %v became %v when encoded again", typ, y[i], z[i])
					}
				}
			}
		}
		// Relative root mean square errors that ggml's files have on normal weights.
		limit := map[Type]float64{F16: 3e-4, BF16: 2e-3, Q8_0: 6e-3, Q5_0: 0.045, Q5_1: 0.04, Q4_0: 0.095, Q4_1: 0.08, Q6_K: 0.02, Q4_K: 0.075}[typ]
		if rel := math.Sqrt(sumErr / sumSq); rel > limit {
			t.Errorf("%v: a relative error of %v, the limit is %v", typ, rel, limit)
		}
		clear(x)
		types[typ].encode(b, x)
		types[typ].decode(y, b)
		for _, v := range y {
			if v != 0 {
				t.Fatalf("%v: zero became %v", typ, v)
			}
		}
	})
}

// TestHalf checks every float16 by the definition, and the rounding to it at and around every midpoint.
func TestHalf(t *testing.T) {
	value := func(h uint16) float64 {
		exp, frac := int(h>>10&31), float64(h&0x3ff)
		if exp == 0 {
			return math.Ldexp(frac, -24)
		}
		return math.Ldexp(1024+frac, exp-25)
	}
	var b [2]byte
	for h := uint16(0); h < 0x7c00; h++ {
		binary.LittleEndian.PutUint16(b[:], h)
		a := half(b[:])
		mid := float32((value(h) + value(h+1)) / 2)
		if float64(a) != value(h) || toHalf(a) != h || toHalf(-a) != h|0x8000 {
			t.Fatalf("%04x: %v, back %04x", h, a, toHalf(a))
		}
		up, down := math.Nextafter32(mid, math.MaxFloat32), math.Nextafter32(mid, 0)
		if toHalf(mid) != h+h&1 || toHalf(up) != h+1 || toHalf(down) != h {
			t.Fatalf("around %v: %04x %04x %04x", mid, toHalf(down), toHalf(mid), toHalf(up))
		}
	}
	inf := float32(math.Inf(1))
	if toHalf(inf) != 0x7c00 || toHalf(-inf) != 0xfc00 || toHalf(float32(math.NaN()))&0x7e00 != 0x7e00 {
		t.Error("infinity or NaN")
	}
}

// TestPieces writes tensors in pieces that fit neither blocks nor the encoder's chunks.
func TestPieces(t *testing.T) {
	const n = 3 * 8192
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	var whole, pieces []Tensor
	each(func(typ Type) {
		if !typ.Writable() {
			return
		}
		whole = append(whole, Float32(typ.String(), typ, []int{3, n / 3}, x))
		pieces = append(pieces, Tensor{typ.String(), typ, []int{3, n / 3}, func(e *Encoder) error {
			for at, k := 0, 1; at < n; at, k = at+k, 3*k%9001 {
				k = min(k, n-at)
				if err := e.Float32(x[at : at+k]); err != nil {
					return err
				}
			}
			return nil
		}})
	})
	a, b := filepath.Join(t.TempDir(), "a.gguf"), filepath.Join(t.TempDir(), "b.gguf")
	if err := Write(a, nil, whole); err != nil {
		t.Fatal(err)
	}
	if err := Write(b, nil, pieces); err != nil {
		t.Fatal(err)
	}
	fa, fb := open(t, a), open(t, b)
	for _, w := range whole {
		ba, _ := fa.Bytes(w.Name)
		bb, _ := fb.Bytes(w.Name)
		if string(ba) != string(bb) {
			t.Errorf("%s differs", w.Name)
		}
	}
}

func TestBadWrites(t *testing.T) {
	v := make([]float32, 32)
	nan, big := make([]float32, 32), make([]float32, 32)
	nan[3], big[31] = float32(math.NaN()), -65505
	f := func(name string, typ Type, shape []int, v []float32) []Tensor {
		return []Tensor{Float32(name, typ, shape, v)}
	}
	for _, c := range []struct {
		meta    []KV
		tensors []Tensor
		want    string
	}{
		{[]KV{{"", true}}, nil, `key "": the key is empty`},
		{[]KV{{"a\xff", true}}, nil, `the key is empty or not UTF-8`},
		{[]KV{{"a", "\xff"}}, nil, `key "a": the string "\xff" is not UTF-8`},
		{[]KV{{"a", []string{"", "\xff"}}}, nil, `key "a": the string "\xff" is not UTF-8`},
		{[]KV{{strings.Repeat("a", 65536), true}}, nil, `the key has 65536 bytes, the limit is 65535`},
		{[]KV{{"a", true}, {"a", true}}, nil, `key "a": the key stands twice`},
		{[]KV{{"a", 1}}, nil, `key "a": a value of type int has no type in the format`},
		{[]KV{{"a", nil}}, nil, `a value of type <nil> has no type`},
		{[]KV{{"a", [][]uint8{{1}}}}, nil, `a value of type [][]uint8 has no type`},
		{[]KV{{"a", F32}}, nil, `a value of type gguf.Type has no type`},
		{[]KV{{"general.alignment", uint32(24)}}, nil, `24 is not a power of two`},
		{[]KV{{"general.alignment", uint64(32)}}, nil, `is uint64, not uint32`},
		{nil, f("", F32, []int{32}, v), `tensor "": the name is empty`},
		{nil, f(strings.Repeat("n", 64), F32, []int{32}, v), `the name has 64 bytes, the limit is 63`},
		{nil, append(f("a", F32, []int{32}, v), f("a", F32, []int{32}, v)...), `tensor "a": the name stands twice`},
		{nil, f("a", F32, []int{1, 1, 1, 1, 32}, v), `5 dimensions, the limit is 4`},
		{nil, f("a", F32, []int{-32}, v), `has a negative size`},
		{nil, f("a", F32, []int{1 << 40, 1 << 40}, v), `overflows`},
		{nil, f("a", F32, []int{1 << 61}, v), `overflows`},
		{nil, append(f("a", F32, []int{1 << 60}, v), f("b", F32, []int{1 << 60}, v)...), `the tensors together overflow`},
		{nil, f("a", Q4_K, []int{32}, v), `rows of 32 are not whole blocks of 256 elements, which Q4_K needs`},
		{nil, f("a", Q8_0, nil, v), `rows of 1 are not whole blocks of 32`},
		{nil, f("a", Type(4), []int{32}, v), `unknown type 4`},
		{nil, f("a", Q8_0, []int{32}, v[:31]), `tensor "a": 34 bytes fewer than shape [32] of Q8_0 takes`},
		{nil, f("a", F32, []int{16}, v), `64 bytes more than the shape holds`},
		{nil, f("a", I32, []int{32}, v), `hone can't write numbers as I32`},
		{nil, f("a", Q8_0, []int{32}, nan), `element 3 is NaN, but a scale of Q8_0 is a float16`},
		{nil, f("a", Q4_0, []int{32}, big), `element 31 is -65505`},
		{nil, []Tensor{{"a", Q8_0, []int{32}, nil}}, `34 bytes fewer`},
		{nil, []Tensor{{"a", Q8_0, []int{32}, func(e *Encoder) error {
			if err := e.Float32(v[:5]); err != nil {
				return err
			}
			_, err := e.Write(make([]byte, 34))
			return err
		}}}, `bytes follow 5 float32 elements, which are not a whole block of Q8_0`},
	} {
		path := filepath.Join(t.TempDir(), "x.gguf")
		err := Write(path, c.meta, c.tensors)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) && !strings.Contains(err.Error(), "disk") {
			t.Errorf("%v, want %s", err, c.want)
		}
		if _, err := Open(path); err == nil {
			t.Errorf("%s: a file was left", c.want)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	each(func(typ Type) {
		if !typ.Readable() {
			return
		}
		b.Run(typ.String(), func(b *testing.B) {
			const n = 1 << 20
			block, size := typ.Block()
			dst, src := make([]float32, n), make([]byte, n/block*size)
			for i := range src {
				src[i] = byte(i*167) & 0x3f
			}
			b.SetBytes(4 * n)
			for b.Loop() {
				types[typ].decode(dst, src)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/weight")
		})
	})
}

func BenchmarkEncode(b *testing.B) {
	each(func(typ Type) {
		if !typ.Writable() {
			return
		}
		b.Run(fmt.Sprint(typ), func(b *testing.B) {
			const n = 1 << 18
			block, size := typ.Block()
			src, dst := make([]float32, n), make([]byte, n/block*size)
			for i := range src {
				src[i] = float32(math.Sin(float64(i * i)))
			}
			for b.Loop() {
				types[typ].encode(dst, src)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/weight")
		})
	})
}
