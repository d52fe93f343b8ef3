package safetensors

import (
	"encoding/binary"
	"math"
)

// Conversions between float32 and the bytes of files. Widening is exact and keeps a NaN's payload. Narrowing
// rounds to nearest, ties to even; overflow gives infinity and a NaN keeps its sign and upper payload, quiet.

func fromF32(dst []float32, src []byte) {
	if b, ok := bytesOf(dst); ok {
		copy(b, src)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// fromBF16 takes four elements per load: a load each would be half as fast.
func fromBF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		d := dst[:4:4]
		d[0] = math.Float32frombits(uint32(x) << 16)
		d[1] = math.Float32frombits(uint32(x) & 0xffff0000)
		d[2] = math.Float32frombits(uint32(x>>32) << 16)
		d[3] = math.Float32frombits(uint32(x>>32) & 0xffff0000)
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

func fromF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = f16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func f16ToF32(h uint16) float32 {
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

func f32ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func f32ToF16(f float32) uint16 {
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
	r, rest, half := frac>>shift, frac&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > half || rest == half && r&1 == 1 {
		r++
	}
	return sign | uint16(r)
}

// putFloats writes v to dst as the elements of dtype, which must be F64, F32, F16 or BF16. dst has their size.
func putFloats(dst []byte, dtype Dtype, v []float32) {
	le := binary.LittleEndian
	switch dtype {
	case F64:
		for i, x := range v {
			le.PutUint64(dst[8*i:], math.Float64bits(float64(x)))
		}
	case F32:
		for i, x := range v {
			le.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	case F16:
		for i, x := range v {
			le.PutUint16(dst[2*i:], f32ToF16(x))
		}
	case BF16:
		for i, x := range v {
			le.PutUint16(dst[2*i:], f32ToBF16(x))
		}
	}
}
