package safetensors

import (
	"fmt"
	"math/bits"
)

// Dtype is the type of a tensor's elements. Greater values are laid out earlier in a file: the order is that
// of the reference implementation and keeps every tensor aligned.
type Dtype uint8

// The types of the format, by the names that stand in files. Elements are little-endian.
const (
	BOOL Dtype = iota
	F4
	F6_E2M3
	F6_E3M2
	U8
	I8
	F8_E5M2
	F8_E4M3
	F8_E8M0
	F8_E4M3FNUZ
	F8_E5M2FNUZ
	I16
	U16
	F16
	BF16
	I32
	U32
	F32
	C64
	F64
	I64
	U64
)

var dtypes = [...]struct {
	name string
	bits int
}{
	{"BOOL", 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8}, {"I8", 8},
	{"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
	{"I16", 16}, {"U16", 16}, {"F16", 16}, {"BF16", 16}, {"I32", 32}, {"U32", 32}, {"F32", 32},
	{"C64", 64}, {"F64", 64}, {"I64", 64}, {"U64", 64},
}

// ParseDtype returns the type of that name, such as "BF16".
func ParseDtype(name string) (Dtype, error) {
	for d, x := range dtypes {
		if x.name == name {
			return Dtype(d), nil
		}
	}
	return 0, fmt.Errorf("unknown dtype %s", quote(name))
}

// String returns the name that stands in files.
func (d Dtype) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("Dtype(%d)", uint8(d))
}

// Bits returns the size of an element: 4 and 6 for F4 and F6, else whole bytes.
func (d Dtype) Bits() int { return dtypes[d].bits }

// elements returns the product of shape, 1 for a scalar.
func elements(shape []int) (int, error) {
	n := uint64(1)
	for _, dim := range shape {
		if dim < 0 {
			return 0, fmt.Errorf("shape %v has a negative size", shape)
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 || lo > maxInt {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		n = lo
	}
	return int(n), nil
}

// byteSize returns the bytes that a tensor takes.
func byteSize(d Dtype, shape []int) (int, error) {
	n, err := elements(shape)
	if err != nil {
		return 0, err
	}
	hi, lo := bits.Mul64(uint64(n), uint64(d.Bits()))
	switch {
	case hi != 0 || lo/8 > maxInt:
		return 0, fmt.Errorf("shape %v of %v overflows", shape, d)
	case lo%8 != 0:
		return 0, fmt.Errorf("shape %v of %v does not end at a whole byte", shape, d)
	}
	return int(lo / 8), nil
}

const maxInt = uint64(^uint(0) >> 1)
