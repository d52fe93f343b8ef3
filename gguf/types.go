package gguf

import (
	"fmt"
	"math"
	"math/bits"
)

// Type is how a tensor's elements are stored, by its number in files.
type Type uint32

// The types of ggml. The numbers between them belong to types that are no longer in use.
const (
	F32     Type = 0
	F16     Type = 1
	Q4_0    Type = 2
	Q4_1    Type = 3
	Q5_0    Type = 6
	Q5_1    Type = 7
	Q8_0    Type = 8
	Q8_1    Type = 9
	Q2_K    Type = 10
	Q3_K    Type = 11
	Q4_K    Type = 12
	Q5_K    Type = 13
	Q6_K    Type = 14
	Q8_K    Type = 15
	IQ2_XXS Type = 16
	IQ2_XS  Type = 17
	IQ3_XXS Type = 18
	IQ1_S   Type = 19
	IQ4_NL  Type = 20
	IQ3_S   Type = 21
	IQ2_S   Type = 22
	IQ4_XS  Type = 23
	I8      Type = 24
	I16     Type = 25
	I32     Type = 26
	I64     Type = 27
	F64     Type = 28
	IQ1_M   Type = 29
	BF16    Type = 30
	TQ1_0   Type = 34
	TQ2_0   Type = 35
	MXFP4   Type = 39
	NVFP4   Type = 40
	Q1_0    Type = 41
	Q2_0    Type = 42
)

// types says all about the types. decode and encode convert whole blocks; nil means that this package can't.
var types = [...]struct {
	name        string
	block, size int // elements and bytes of a block
	decode      func(dst []float32, src []byte)
	encode      func(dst []byte, src []float32)
}{
	F32:     {"F32", 1, 4, decodeF32, encodeF32},
	F16:     {"F16", 1, 2, decodeF16, encodeF16},
	Q4_0:    {"Q4_0", 32, 18, decodeQ4_0, encodeQ4_0},
	Q4_1:    {"Q4_1", 32, 20, decodeQ4_1, encodeQ4_1},
	Q5_0:    {"Q5_0", 32, 22, decodeQ5_0, encodeQ5_0},
	Q5_1:    {"Q5_1", 32, 24, decodeQ5_1, encodeQ5_1},
	Q8_0:    {"Q8_0", 32, 34, decodeQ8_0, encodeQ8_0},
	Q8_1:    {"Q8_1", 32, 40, nil, nil},
	Q2_K:    {"Q2_K", 256, 84, decodeQ2_K, nil},
	Q3_K:    {"Q3_K", 256, 110, decodeQ3_K, nil},
	Q4_K:    {"Q4_K", 256, 144, decodeQ4_K, encodeQ4_K},
	Q5_K:    {"Q5_K", 256, 176, decodeQ5_K, nil},
	Q6_K:    {"Q6_K", 256, 210, decodeQ6_K, encodeQ6_K},
	Q8_K:    {"Q8_K", 256, 292, nil, nil},
	IQ2_XXS: {"IQ2_XXS", 256, 66, nil, nil},
	IQ2_XS:  {"IQ2_XS", 256, 74, nil, nil},
	IQ3_XXS: {"IQ3_XXS", 256, 98, nil, nil},
	IQ1_S:   {"IQ1_S", 256, 50, nil, nil},
	IQ4_NL:  {"IQ4_NL", 32, 18, decodeIQ4_NL, nil},
	IQ3_S:   {"IQ3_S", 256, 110, nil, nil},
	IQ2_S:   {"IQ2_S", 256, 82, nil, nil},
	IQ4_XS:  {"IQ4_XS", 256, 136, decodeIQ4_XS, nil},
	I8:      {"I8", 1, 1, nil, nil},
	I16:     {"I16", 1, 2, nil, nil},
	I32:     {"I32", 1, 4, nil, nil},
	I64:     {"I64", 1, 8, nil, nil},
	F64:     {"F64", 1, 8, nil, nil},
	IQ1_M:   {"IQ1_M", 256, 56, nil, nil},
	BF16:    {"BF16", 1, 2, decodeBF16, encodeBF16},
	TQ1_0:   {"TQ1_0", 256, 54, nil, nil},
	TQ2_0:   {"TQ2_0", 256, 66, nil, nil},
	MXFP4:   {"MXFP4", 32, 17, nil, nil},
	NVFP4:   {"NVFP4", 64, 36, nil, nil},
	Q1_0:    {"Q1_0", 128, 18, nil, nil},
	Q2_0:    {"Q2_0", 64, 18, nil, nil},
}

func (t Type) known() bool { return int64(t) < int64(len(types)) && types[t].block > 0 }

// ParseType returns the type of that name, such as "Q4_K".
func ParseType(name string) (Type, error) {
	for t := range types {
		if types[t].name == name && name != "" {
			return Type(t), nil
		}
	}
	return 0, fmt.Errorf("gguf: unknown type %s", quote(name))
}

// String returns the name in ggml, such as "Q4_K".
func (t Type) String() string {
	if t.known() {
		return types[t].name
	}
	return fmt.Sprintf("Type(%d)", uint32(t))
}

// Block returns the elements of a block and the bytes that it takes, 0 for an unknown type. A tensor's last dimension
// is whole blocks.
func (t Type) Block() (elements, bytes int) {
	if !t.known() {
		return 0, 0
	}
	return types[t].block, types[t].size
}

// Readable reports whether ReadFloat32 takes the type.
func (t Type) Readable() bool { return t.known() && types[t].decode != nil }

// Writable reports whether Encoder.Float32 takes the type.
func (t Type) Writable() bool { return t.known() && types[t].encode != nil }

// sizeOf returns the bytes of a tensor, after checking type and shape.
func sizeOf(t Type, shape []int) (int, error) {
	if !t.known() {
		return 0, fmt.Errorf("unknown type %d", uint32(t))
	}
	n := uint64(1)
	for _, dim := range shape {
		if dim < 0 {
			return 0, fmt.Errorf("shape %v has a negative size", shape)
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		n = lo
	}
	block, size := t.Block()
	last := 1
	if len(shape) > 0 {
		last = shape[len(shape)-1]
	}
	if last%block != 0 {
		return 0, fmt.Errorf("rows of %d are not whole blocks of %d elements, which %v needs", last, block, t)
	}
	hi, lo := bits.Mul64(n/uint64(block), uint64(size))
	if hi != 0 || lo > math.MaxInt {
		return 0, fmt.Errorf("shape %v of %v overflows", shape, t)
	}
	return int(lo), nil
}
