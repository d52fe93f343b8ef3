package gguf

import (
	"encoding/binary"
	"math"
)

// Conversions between float32 and the floating-point types of files. Widening is exact and keeps a NaN's
// payload. Narrowing rounds to nearest, ties to even; overflow gives infinity and a NaN keeps its sign and upper
// payload, quiet.

func decodeF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func encodeF32(dst []byte, src []float32) {
	for i, x := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}

func decodeF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = half(src[2*i:])
	}
}

func encodeF16(dst []byte, src []float32) {
	for i, x := range src {
		putHalf(dst[2*i:], x)
	}
}

func decodeBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func encodeBF16(dst []byte, src []float32) {
	for i, x := range src {
		b := math.Float32bits(x)
		if b&0x7fffffff > 0x7f800000 {
			b = b&0xffff0000 | 0x400000 // a quiet NaN
		} else {
			b += 0x7fff + b>>16&1
		}
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(b>>16))
	}
}

// half reads the float16 at the start of b.
func half(b []byte) float32 {
	h := binary.LittleEndian.Uint16(b)
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case rest-0x400 < 0x7c00-0x400: // normal: only the exponent's bias differs
		return math.Float32frombits(sign | rest<<13 + (127-15)<<23)
	case rest >= 0x7c00: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | rest<<13)
	}
	// zero and subnormals: rest × 2⁻²⁴
	return math.Float32frombits(sign | math.Float32bits(float32(rest)*(1.0/(1<<24))))
}

// putHalf writes f as float16 to the start of b.
func putHalf(b []byte, f float32) { binary.LittleEndian.PutUint16(b, toHalf(f)) }

func toHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign, a := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case a > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(a>>13)&0x3ff
	case a >= 0x477ff000: // 65520, halfway between the greatest value and what would follow, or more
		return sign | 0x7c00
	case a >= 0x38800000: // 2⁻¹⁴, the least normal value, or more
		a += 0xfff + a>>13&1
		return sign | uint16((a-0x38000000)>>13)
	case a < 0x33000000: // below 2⁻²⁵, half of the least subnormal
		return sign
	}
	shift := 126 - a>>23 // the fraction with its leading one, in units of 2⁻²⁴
	frac := a&0x7fffff | 0x800000
	r, rest, middle := frac>>shift, frac&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > middle || rest == middle && r&1 == 1 {
		r++
	}
	return sign | uint16(r)
}
