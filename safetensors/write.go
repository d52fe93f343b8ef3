package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/hone-ml/hone/internal/disk"
)

// Tensor is one tensor to write. Data is called once, when its turn in the file has come, and streams exactly
// the tensor's elements in row order to the Encoder: a fused or transposed weight needs one row of memory, not
// a second copy.
type Tensor struct {
	Name  string
	Dtype Dtype
	Shape []int // empty for a scalar
	Data  func(*Encoder) error
}

// Float32 returns a tensor that writes data as dtype: F64, F32, F16 or BF16, rounded to nearest even. data is
// read when the tensor is written.
func Float32(name string, dtype Dtype, shape []int, data []float32) Tensor {
	return Tensor{name, dtype, shape, func(e *Encoder) error { return e.Float32(data) }}
}

// Int64 returns a tensor that writes data as dtype, an integer type or BOOL. A value out of its range is an
// error when the tensor is written.
func Int64(name string, dtype Dtype, shape []int, data []int64) Tensor {
	return Tensor{name, dtype, shape, func(e *Encoder) error { return e.Int64(data) }}
}

// Raw returns a tensor that writes little-endian bytes as they are.
func Raw(name string, dtype Dtype, shape []int, data []byte) Tensor {
	return Tensor{name, dtype, shape, func(e *Encoder) error { _, err := e.Write(data); return err }}
}

// Encoder takes the elements of one tensor, in as many pieces as the caller likes.
type Encoder struct {
	w     io.Writer
	dtype Dtype
	left  int    // bytes still to come
	buf   []byte // conversions, of chunk elements of any type
}

// Write takes little-endian bytes of the tensor's dtype.
func (e *Encoder) Write(p []byte) (int, error) {
	if len(p) > e.left {
		return 0, fmt.Errorf("%d bytes more than the shape holds", len(p)-e.left)
	}
	n, err := e.w.Write(p)
	e.left -= n
	return n, err
}

const chunk = 8192 // elements converted at a time

// room returns the buffer for n elements, at most chunk.
func (e *Encoder) room(n int) []byte {
	if e.buf == nil {
		e.buf = make([]byte, 8*chunk)
	}
	return e.buf[:n*e.dtype.Bits()/8]
}

// Float32 takes elements of a tensor of F64, F32, F16 or BF16 and rounds them to nearest even.
func (e *Encoder) Float32(v []float32) error {
	switch e.dtype {
	case F64, F16, BF16:
	case F32:
		if b, ok := bytesOf(v); ok {
			_, err := e.Write(b)
			return err
		}
	default:
		return fmt.Errorf("dtype %v can't take float32 elements", e.dtype)
	}
	for part := range slices.Chunk(v, chunk) {
		b := e.room(len(part))
		putFloats(b, e.dtype, part)
		if _, err := e.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Int64 takes elements of a tensor of an integer type or BOOL; one out of the type's range is an error.
func (e *Encoder) Int64(v []int64) error {
	bits := e.dtype.Bits()
	var lo, hi int64
	switch e.dtype {
	case BOOL:
		hi = 1
	case U8, U16, U32:
		hi = 1<<bits - 1
	case I8, I16, I32, I64:
		lo, hi = -1<<(bits-1), 1<<(bits-1)-1
	case U64:
		hi = 1<<63 - 1
	default:
		return fmt.Errorf("dtype %v can't take int64 elements", e.dtype)
	}
	for part := range slices.Chunk(v, chunk) {
		b := e.room(len(part))
		for i, x := range part {
			if x < lo || x > hi {
				return fmt.Errorf("dtype %v can't hold %d", e.dtype, x)
			}
			for j := range bits / 8 {
				b[i*bits/8+j] = byte(x >> (8 * j))
			}
		}
		if _, err := e.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Write writes the tensors to a file at path, all or nothing (see disk.WriteFile), after a look at the free
// space. The layout is that of the Python package: by dtype from U64 down to BOOL, then by name. A nil metadata
// is left out; transformers wants {"format": "pt"}.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	tensors = slices.Clone(tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.Dtype, a.Dtype), cmp.Compare(a.Name, b.Name))
	})
	head, data, err := layout(tensors, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
	}
	if err := disk.Need(path, int64(len(head))+int64(data)); err != nil {
		return err
	}
	return disk.WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		e := &Encoder{w: w}
		for _, t := range tensors {
			if err := e.tensor(t); err != nil {
				return fmt.Errorf("safetensors: %s: tensor %s: %w", path, quote(t.Name), err)
			}
		}
		return nil
	})
}

func (e *Encoder) tensor(t Tensor) error {
	n, err := byteSize(t.Dtype, t.Shape)
	if err != nil {
		return err
	}
	e.dtype, e.left = t.Dtype, n
	if t.Data != nil {
		if err := t.Data(e); err != nil {
			return err
		}
	}
	if e.left != 0 {
		return fmt.Errorf("%d bytes fewer than shape %v of %v takes", e.left, t.Shape, t.Dtype)
	}
	return nil
}

// layout returns the header with its length in front, and the size of the data.
func layout(tensors []Tensor, metadata map[string]string) (head []byte, data int, err error) {
	if err := checkTensors(tensors); err != nil {
		return nil, 0, err
	}
	b := append(make([]byte, 8), '{')
	if metadata != nil {
		b = append(b, `"__metadata__":{`...)
		for i, k := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(k) || !utf8.ValidString(metadata[k]) {
				return nil, 0, fmt.Errorf("metadata %s is not UTF-8", quote(k))
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(append(appendString(b, k), ':'), metadata[k])
		}
		b = append(b, '}')
	}
	for _, t := range tensors {
		if len(b) > 9 {
			b = append(b, ',')
		}
		n, _ := byteSize(t.Dtype, t.Shape)
		b = append(appendString(b, t.Name), `:{"dtype":"`...)
		b = append(append(b, t.Dtype.String()...), `","shape":[`...)
		for i, dim := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(dim), 10)
		}
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, data, data+n)
		data += n
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, 0, fmt.Errorf("a header of %d bytes is over the format's limit of %d; write shards", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, data, nil
}

// checkTensors checks what the format asks of names, types and shapes, and that the sizes add up to an int.
func checkTensors(tensors []Tensor) error {
	seen := make(map[string]bool, len(tensors))
	total := uint64(0)
	for _, t := range tensors {
		var err error
		n := 0
		switch {
		case !utf8.ValidString(t.Name):
			err = errors.New("the name is not UTF-8")
		case t.Name == metaKey:
			err = errors.New("the name is reserved for metadata")
		case seen[t.Name]:
			err = errors.New("the name stands twice")
		case int(t.Dtype) >= len(dtypes):
			err = fmt.Errorf("no such dtype: %v", t.Dtype)
		case len(t.Shape) > maxDims:
			err = fmt.Errorf("%d dimensions, the limit is %d", len(t.Shape), maxDims)
		default:
			n, err = byteSize(t.Dtype, t.Shape)
		}
		if total += uint64(n); err == nil && total > maxInt {
			err = errors.New("the tensors together overflow")
		}
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(t.Name), err)
		}
		seen[t.Name] = true
	}
	return nil
}

// appendString appends s as JSON with no more escapes than needed, as serde_json does.
func appendString(b []byte, s string) []byte {
	const short = "\"\"\\\\\bb\ff\nn\rr\tt" // pairs: the character, its letter
	b = append(b, '"')
next:
	for i := range len(s) {
		c := s[i]
		for j := 0; j < len(short); j += 2 {
			if c == short[j] {
				b = append(b, '\\', short[j+1])
				continue next
			}
		}
		if c < 0x20 {
			b = fmt.Appendf(b, `\u%04x`, c)
		} else {
			b = append(b, c)
		}
	}
	return append(b, '"')
}
