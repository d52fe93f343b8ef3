package safetensors

import (
	"bytes"
	"math"
	"path/filepath"
	"testing"
)

// The reference works in float64, where all values and midpoints of the narrow types are exact.

func f16Value(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&0x3ff)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

func TestF16Exhaustive(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		got, want := f16ToF32(h), f16Value(h)
		if want != want {
			if got == got || f32ToF16(got)&^0x200 != h&^0x200 {
				t.Fatalf("NaN %04x: widened %v, back %04x", h, got, f32ToF16(got))
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != math.Signbit(want) || f32ToF16(got) != h {
			t.Fatalf("%04x: widened %v, want %v, back %04x", h, got, want, f32ToF16(got))
		}
	}
}

// TestNarrowing checks around every value of the narrow types: the value, the midpoint to the next, and the
// float32 on either side of the midpoint.
func TestNarrowing(t *testing.T) {
	for _, c := range []struct {
		name   string
		narrow func(float32) uint16
		widen  func(uint16) float32
		inf    uint16
		top    float64 // the value that would follow the greatest
	}{
		{"F16", f32ToF16, f16ToF32, 0x7c00, 65536},
		{"BF16", f32ToBF16, func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }, 0x7f80, math.Ldexp(1, 128)},
	} {
		for h := uint16(0); h < c.inf; h++ {
			a, b := float64(c.widen(h)), c.top
			if h+1 < c.inf {
				b = float64(c.widen(h + 1))
			}
			even := h + h&1
			mid := float32((a + b) / 2) // exact: float32 has more bits than the narrow type
			for x, want := range map[float32]uint16{
				float32(a): h, mid: even, math.Nextafter32(mid, 0): h, math.Nextafter32(mid, float32(math.Inf(1))): h + 1,
			} {
				if got := c.narrow(x); got != want {
					t.Fatalf("%s of %v = %04x, want %04x", c.name, x, got, want)
				}
				if got := c.narrow(-x); got != want|0x8000 {
					t.Fatalf("%s of %v = %04x, want %04x", c.name, -x, got, want|0x8000)
				}
			}
		}
		for _, nan := range []uint32{0x7f800001, 0xff800001, 0x7fffffff, 0x7fc00000} {
			got := c.narrow(math.Float32frombits(nan))
			if w := c.widen(got); w == w || got>>15 != uint16(nan>>31) {
				t.Errorf("%s of NaN %08x = %04x", c.name, nan, got)
			}
		}
	}
}

// TestFallback checks the paths of odd lengths and of a machine with the other byte order.
func TestFallback(t *testing.T) {
	defer func(v bool) { littleEndian = v }(littleEndian)
	for n := range 20 {
		src := make([]byte, 4*n+1)
		for i := range src {
			src[i] = byte(7 * i)
		}
		for _, littleEndian = range []bool{true, false} {
			got, bf := make([]float32, n), make([]float32, n)
			fromF32(got, src[1:]) // misaligned
			fromBF16(bf, src[1:1+2*n])
			for i := range n {
				w := uint32(src[1+4*i]) | uint32(src[2+4*i])<<8 | uint32(src[3+4*i])<<16 | uint32(src[4+4*i])<<24
				h := uint32(src[1+2*i])<<16 | uint32(src[2+2*i])<<24
				if math.Float32bits(got[i]) != w || math.Float32bits(bf[i]) != h {
					t.Fatalf("n=%d i=%d little=%v: %08x %08x", n, i, littleEndian, math.Float32bits(got[i]), math.Float32bits(bf[i]))
				}
			}
		}
	}
}

// TestPieces writes a tensor in pieces that don't fit the encoder's chunks.
func TestPieces(t *testing.T) {
	v := make([]float32, 3*chunk+5)
	for i := range v {
		v[i] = float32(i) / 7
	}
	path := filepath.Join(t.TempDir(), "p.safetensors")
	pieces := func(e *Encoder) error {
		for rest := v; len(rest) > 0; {
			n := min(chunk*3/2+1, len(rest))
			if err := e.Float32(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
	var ts []Tensor
	for _, d := range []Dtype{F64, F32, F16, BF16} {
		ts = append(ts, Tensor{d.String(), d, []int{len(v)}, pieces})
	}
	if err := Write(path, ts, nil); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	for _, x := range ts {
		want := make([]byte, len(v)*x.Dtype.Bits()/8)
		putFloats(want, x.Dtype, v)
		if got, _ := f.Bytes(x.Name); !bytes.Equal(got, want) {
			t.Errorf("%s differs", x.Name)
		}
	}
}

func BenchmarkWiden(b *testing.B) {
	const n = 1 << 20
	dst, src := make([]float32, n), make([]byte, 4*n)
	for i := range src {
		src[i] = byte(i * 167 >> 3)
	}
	for _, c := range []struct {
		name string
		f    func([]float32, []byte)
		size int
	}{{"F32", fromF32, 4}, {"BF16", fromBF16, 2}, {"F16", fromF16, 2}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				c.f(dst, src[:n*c.size])
			}
		})
	}
}

func BenchmarkNarrow(b *testing.B) {
	const n = 1 << 20
	src, buf := make([]float32, n), make([]byte, 2*n)
	for i := range src {
		src[i] = float32(i%1000)/500 - 1
	}
	for _, d := range []Dtype{BF16, F16} {
		b.Run(d.String(), func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				putFloats(buf, d, src)
			}
		})
	}
}
