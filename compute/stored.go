package compute

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Storage is how the elements of a weight are held.
type Storage int

// The ways to hold a weight. Bytes of an element: 4, 2, 1.0625 and 0.5625.
const (
	Float32 Storage = iota
	// BFloat16 is the upper half of a float32: lossless for weights that were published in it.
	BFloat16
	// Int8 is an integer from −127 to 127 times the scale of its block: ggml's Q8_0 with larger blocks and scales that
	// aren't rounded. No element is off by more than 1/254 of the largest of its block (and rounding).
	Int8
	// Int4 is one of 16 levels times the scale of its block: the NormalFloat of QLoRA (Dettmers et al., 2023), whose
	// levels lie as a normal distribution does. The scale is the best of four, so that weights that are normally
	// distributed are off by 8.6 % of their size, root mean square; that of bitsandbytes, the largest element, makes it 9.2 %,
	// and Q4_0, as large with blocks of 32, 8.6 %.
	Int4
)

var storages = [...]string{"float32", "bfloat16", "int8", "int4"}

// ParseStorage returns the Storage of that name: float32, bfloat16, int8 or int4.
func ParseStorage(name string) (Storage, error) {
	for i, s := range storages {
		if s == name {
			return Storage(i), nil
		}
	}
	return 0, fmt.Errorf("weights can't be held as %q; expected float32, bfloat16, int8 or int4", name)
}

// String returns the name.
func (t Storage) String() string { return storages[t] }

// StoredBlock is how many elements of a row share a scale.
const StoredBlock = 64

// A Stored is a matrix in fewer bits than float32. Products with it read floats that are made of it piece by piece,
// while they are packed, so that the matrix is never whole in float32.
type Stored struct {
	Type       Storage // not Float32
	Rows, Cols int
	Blocks     int     // of a row; the last is filled up with zeros. 0 for BFloat16
	Data       []byte  // [Rows, Stride()], little-endian; Int4 has two elements a byte, the first in the low half
	Scale      []Float // [Rows, Blocks]
}

// NewStored returns a rows×cols matrix of zeros.
func NewStored(t Storage, rows, cols int) Stored {
	s := Stored{Type: t, Rows: rows, Cols: cols}
	if t != BFloat16 {
		s.Blocks = (cols + StoredBlock - 1) / StoredBlock
		s.Scale = make([]Float, rows*s.Blocks)
	}
	s.Data = make([]byte, rows*s.Stride())
	return s
}

// Store returns m in that type. NaN and infinite elements are errors for integers.
func Store(m Mat, t Storage) (Stored, error) {
	s := NewStored(t, m.Rows, m.Cols)
	for i := range m.Rows {
		if err := s.SetRow(i, m.Row(i)); err != nil {
			return Stored{}, err
		}
	}
	return s, nil
}

// Empty reports whether s is absent.
func (s Stored) Empty() bool { return s.Data == nil }

// Stride returns the bytes from one row of Data to the next.
func (s Stored) Stride() int {
	switch s.Type {
	case BFloat16:
		return 2 * s.Cols
	case Int8:
		return StoredBlock * s.Blocks
	}
	return StoredBlock / 2 * s.Blocks
}

// Bytes returns the memory that s takes.
func (s Stored) Bytes() int64 { return int64(len(s.Data)) + 4*int64(len(s.Scale)) }

// RowSpan returns the view s[lo:hi, :].
func (s Stored) RowSpan(lo, hi int) Stored {
	if lo < 0 || hi < lo || hi > s.Rows {
		panic(fmt.Sprintf("compute: rows [%d:%d) of %d×%d", lo, hi, s.Rows, s.Cols))
	}
	n := s.Stride()
	s.Rows, s.Data, s.Scale = hi-lo, s.Data[lo*n:hi*n], s.Scale[lo*s.Blocks:hi*s.Blocks]
	return s
}

// SetRow rounds row, of Cols elements, into row i. NaN and infinite elements are errors for integers.
func (s Stored) SetRow(i int, row []Float) error {
	if s.Type == BFloat16 {
		s.SetPart(row, i, 0)
		return nil
	}
	data := s.Data[i*s.Stride():][:s.Stride()]
	for b := range s.Blocks {
		part := row[b*StoredBlock : min((b+1)*StoredBlock, s.Cols)]
		var bits uint32 // of the largest magnitude: they are in its order, and what is no number is above infinity
		for _, v := range part {
			bits = max(bits, math.Float32bits(float32(v))&^(1<<31))
		}
		if bits > math.Float32bits(math.MaxFloat32) {
			return fmt.Errorf("row %d has an element that is infinite or not a number", i)
		}
		top := Float(math.Float32frombits(bits))
		scale := &s.Scale[i*s.Blocks+b]
		if s.Type == Int8 {
			*scale = roundInt8(data[b*StoredBlock:], part, top)
		} else {
			*scale = roundInt4(data[b*StoredBlock/2:], part, top)
		}
	}
	return nil
}

// Row writes row i to dst [Cols].
func (s Stored) Row(dst []Float, i int) { s.Part(dst[:s.Cols], i, 0) }

// Part writes the elements from column lo on of row i to dst.
func (s Stored) Part(dst []Float, i, lo int) {
	data, scale := s.Data[i*s.Stride():], s.Scale[i*s.Blocks:]
	switch s.Type {
	case BFloat16:
		for j := range dst {
			dst[j] = Float(math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*(lo+j):])) << 16))
		}
	case Int8:
		for j := range dst {
			dst[j] = Float(int8(data[lo+j])) * scale[(lo+j)/StoredBlock]
		}
	case Int4:
		for j := range dst {
			at := lo + j
			dst[j] = levels[data[at/2]>>(at%2*4)&15] * scale[at/StoredBlock]
		}
	}
}

// Mat returns s as floats.
func (s Stored) Mat() Mat {
	m := NewMat(s.Rows, s.Cols)
	for i := range s.Rows {
		s.Row(m.Row(i), i)
	}
	return m
}

// bfloat16 returns x rounded to the nearest, ties to even.
func bfloat16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40 // NaN stays NaN
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// tiny is the least scale whose inverse doesn't overflow; a block below it is 0.
const tiny = 0x1p-120

// roundInt8 sets dst to x/scale, rounded, and returns the scale; top is the largest of |x|.
func roundInt8(dst []byte, x []Float, top Float) (scale Float) {
	if scale = top / 127; scale < tiny {
		return 0
	}
	inverse := 1 / scale
	for i, v := range x {
		// A conversion truncates. It rounds to the nearest where nothing is negative.
		dst[i] = byte(int32(v*inverse+128.5) - 128)
	}
	return scale
}

// Ref computes products with stored weights by making them floats.

// MatMulNTStored implements Device.
func (r Ref) MatMulNTStored(dst, a Mat, b Stored, e Epilogue) { r.MatMulNT(dst, a, b.Mat(), e) }

// MatMulNNStored implements Device.
func (r Ref) MatMulNNStored(dst, a Mat, b Stored, e Epilogue) { r.MatMulNN(dst, a, b.Mat(), e) }

// MatMulNTStored implements Device.
func (c *Counter) MatMulNTStored(dst, a Mat, b Stored, e Epilogue) { c.product(dst, a.Cols) }

// MatMulNNStored implements Device.
func (c *Counter) MatMulNNStored(dst, a Mat, b Stored, e Epilogue) { c.product(dst, a.Cols) }
