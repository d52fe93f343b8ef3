package safetensors

import (
	"encoding/binary"
	"math"
)

// ReadFloat32 fills dst with the tensor's elements in row order. dst must have exactly that many. F32, F16 and
// BF16 convert without loss, F64 rounds to nearest even; other types are an error.
func (f *File) ReadFloat32(dst []float32, name string) error {
	t, err := f.tensor(name)
	if err != nil {
		return err
	}
	return f.readFloat32(dst, t, t.data)
}

// ReadFloat32Rows is ReadFloat32 of rows lo to hi, hi excluded, of the tensor's first dimension: dst has
// (hi-lo) rows of all other dimensions together. A scalar is one row of one.
func (f *File) ReadFloat32Rows(dst []float32, name string, lo, hi int) error {
	t, err := f.tensor(name)
	if err != nil {
		return err
	}
	rows, cols := t.rows()
	if lo < 0 || lo > hi || hi > rows {
		return f.errorf(t, "has %d rows, not [%d, %d)", rows, lo, hi)
	}
	n := cols * t.Dtype.Bits() / 8
	if n == 0 {
		return f.readFloat32(dst, t, nil)
	}
	return f.readFloat32(dst, t, t.data[lo*n:hi*n])
}

func (f *File) readFloat32(dst []float32, t tensor, src []byte) error {
	switch t.Dtype {
	case F64, F32, F16, BF16:
	default:
		return f.errorf(t, "is not of F64, F32, F16 or BF16")
	}
	if n := len(src) * 8 / t.Dtype.Bits(); len(dst) != n {
		return f.errorf(t, "gives %d elements, but there is room for %d", n, len(dst))
	}
	switch t.Dtype {
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	case F32:
		fromF32(dst, src)
	case F16:
		fromF16(dst, src)
	case BF16:
		fromBF16(dst, src)
	}
	return nil
}

// ReadInt64 fills dst with the tensor's elements in row order. dst must have exactly that many. All integer
// types widen; BOOL gives 0 and 1; a U64 beyond int64 and other types are an error.
func (f *File) ReadInt64(dst []int64, name string) error {
	t, err := f.tensor(name)
	if err != nil {
		return err
	}
	switch t.Dtype {
	case I64, U64, I32, U32, I16, U16, I8, U8, BOOL:
	default:
		return f.errorf(t, "is not of an integer type")
	}
	if n := t.Elements(); len(dst) != n {
		return f.errorf(t, "gives %d elements, but there is room for %d", n, len(dst))
	}
	le, src := binary.LittleEndian, t.data
	for i := range dst {
		switch t.Dtype {
		case I64:
			dst[i] = int64(le.Uint64(src[8*i:]))
		case U64:
			v := le.Uint64(src[8*i:])
			if v > math.MaxInt64 {
				return f.errorf(t, "holds %d at element %d, which int64 can't", v, i)
			}
			dst[i] = int64(v)
		case I32:
			dst[i] = int64(int32(le.Uint32(src[4*i:])))
		case U32:
			dst[i] = int64(le.Uint32(src[4*i:]))
		case I16:
			dst[i] = int64(int16(le.Uint16(src[2*i:])))
		case U16:
			dst[i] = int64(le.Uint16(src[2*i:]))
		case I8:
			dst[i] = int64(int8(src[i]))
		case U8:
			dst[i] = int64(src[i])
		case BOOL:
			dst[i] = int64(min(src[i], 1))
		}
	}
	return nil
}
