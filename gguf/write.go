package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/hone-ml/hone/internal/disk"
)

const (
	maxName   = 63    // bytes, llama.cpp's limit
	maxWeight = 65504 // float16's greatest value: a block's scale or minimum is float16
)

// Tensor is one tensor to write. Data is called once, when its turn in the file has come, and streams exactly
// the tensor's elements in row order to the Encoder: a permuted or transposed weight needs one row of memory,
// not a second copy.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int // rows first; empty for a scalar
	Data  func(*Encoder) error
}

// Float32 returns a tensor that writes data as t, which must be Writable. data is read when the tensor is
// written.
func Float32(name string, t Type, shape []int, data []float32) Tensor {
	return Tensor{name, t, shape, func(e *Encoder) error { return e.Float32(data) }}
}

// Raw returns a tensor that writes bytes as they are.
func Raw(name string, t Type, shape []int, data []byte) Tensor {
	return Tensor{name, t, shape, func(e *Encoder) error { _, err := e.Write(data); return err }}
}

// Encoder takes the elements of one tensor, in as many pieces as the caller likes.
type Encoder struct {
	w    io.Writer
	typ  Type
	left int       // bytes still to come
	done int       // elements taken by Float32
	part []float32 // the beginning of a block
	buf  []byte
}

// Write takes bytes of the tensor's type. It can't follow Float32 within a block.
func (e *Encoder) Write(p []byte) (int, error) {
	if len(e.part) > 0 {
		return 0, fmt.Errorf("bytes follow %d float32 elements, which are not a whole block of %v", len(e.part), e.typ)
	}
	return e.put(p)
}

func (e *Encoder) put(p []byte) (int, error) {
	if len(p) > e.left {
		return 0, fmt.Errorf("%d bytes more than the shape holds", len(p)-e.left)
	}
	n, err := e.w.Write(p)
	e.left -= n
	return n, err
}

// Float32 takes elements and writes them as the tensor's type, which must be Writable: F32 as they are, F16 and
// BF16 rounded to nearest even, the others as ggml's reference quantizers do without an importance matrix. In
// these, a weight that is not finite or beyond float16's range is an error.
func (e *Encoder) Float32(v []float32) error {
	if !e.typ.Writable() {
		return fmt.Errorf("hone can't write numbers as %v", e.typ)
	}
	block, _ := e.typ.Block()
	if block > 1 {
		for i, x := range v {
			if !(abs(x) <= maxWeight) {
				return fmt.Errorf("element %d is %v, but a scale of %v is a float16 and ends at %d", e.done+i, x, e.typ, maxWeight)
			}
		}
	}
	e.done += len(v)
	if n := len(e.part); n > 0 {
		n = min(block-n, len(v))
		e.part, v = append(e.part, v[:n]...), v[n:]
		if len(e.part) < block {
			return nil
		}
		if err := e.blocks(e.part); err != nil {
			return err
		}
		e.part = e.part[:0]
	}
	whole := len(v) / block * block
	e.part = append(e.part, v[whole:]...)
	return e.blocks(v[:whole])
}

// blocks writes whole blocks.
func (e *Encoder) blocks(v []float32) error {
	const chunk = 8192 // elements, whole blocks of every type
	block, size := e.typ.Block()
	if e.buf == nil {
		e.buf = make([]byte, 4*chunk)
	}
	for len(v) > 0 {
		n := min(chunk, len(v))
		b := e.buf[:n/block*size]
		types[e.typ].encode(b, v[:n])
		if _, err := e.put(b); err != nil {
			return err
		}
		v = v[n:]
	}
	return nil
}

// Write writes metadata and tensors, in the order given, to a file of version 3 at path, all or nothing (see
// disk.WriteFile), after a look at the free space. The alignment is general.alignment if meta has it, else 32.
// The format and llama.cpp also want general.architecture, and general.quantization_version, 2, where a type is
// made of blocks.
func Write(path string, meta []KV, tensors []Tensor) error {
	head, align, err := layout(meta, tensors)
	if err != nil {
		return fmt.Errorf("gguf: %s: %w", path, err)
	}
	total := padded(uint64(len(head)), align)
	for _, t := range tensors {
		n, _ := sizeOf(t.Type, t.Shape)
		total += padded(uint64(n), align)
	}
	if err := disk.Need(path, int64(total)); err != nil {
		return err
	}
	return disk.WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		if err := pad(w, uint64(len(head)), align); err != nil {
			return err
		}
		e := &Encoder{w: w}
		for _, t := range tensors {
			if err := e.tensor(t, align); err != nil {
				return fmt.Errorf("gguf: %s: tensor %s: %w", path, quote(t.Name), err)
			}
		}
		return nil
	})
}

func (e *Encoder) tensor(t Tensor, align uint64) error {
	n, err := sizeOf(t.Type, t.Shape)
	if err != nil {
		return err
	}
	e.typ, e.left, e.done, e.part = t.Type, n, 0, e.part[:0]
	if t.Data != nil {
		if err := t.Data(e); err != nil {
			return err
		}
	}
	if e.left != 0 || len(e.part) != 0 {
		return fmt.Errorf("%d bytes fewer than shape %v of %v takes", e.left, t.Shape, t.Type)
	}
	return pad(e.w, uint64(n), align)
}

// pad writes the zeros that follow n bytes.
func pad(w io.Writer, n, align uint64) error {
	var zeros [4096]byte
	for left := padded(n, align) - n; left > 0; {
		k := min(left, uint64(len(zeros)))
		if _, err := w.Write(zeros[:k]); err != nil {
			return err
		}
		left -= k
	}
	return nil
}

// layout returns all that stands before the data, without the padding, and the alignment.
func layout(meta []KV, tensors []Tensor) (head []byte, align uint64, err error) {
	b := append([]byte(magic), version, 0, 0, 0)
	le := binary.LittleEndian
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(len(meta)))
	align = defaultAlignment
	seen := map[string]bool{}
	for _, kv := range meta {
		if b, err = appendPair(b, kv, seen); err != nil {
			return nil, 0, fmt.Errorf("key %s: %w", quote(kv.Key), err)
		}
		if kv.Key == alignmentKey {
			n, ok := kv.Value.(uint32)
			if !ok {
				return nil, 0, fmt.Errorf("key %s is %T, not uint32", quote(kv.Key), kv.Value)
			}
			if align, err = checkAlignment(n); err != nil {
				return nil, 0, err
			}
		}
	}
	clear(seen)
	at := uint64(0)
	for _, t := range tensors {
		n, err := check(t, seen)
		if err == nil && at+padded(uint64(n), align) > math.MaxInt64 {
			err = errors.New("the tensors together overflow")
		}
		if err != nil {
			return nil, 0, fmt.Errorf("tensor %s: %w", quote(t.Name), err)
		}
		b = le.AppendUint32(appendString(b, t.Name), uint32(len(t.Shape)))
		for i := range t.Shape {
			b = le.AppendUint64(b, uint64(t.Shape[len(t.Shape)-1-i]))
		}
		b = le.AppendUint64(le.AppendUint32(b, uint32(t.Type)), at)
		at += padded(uint64(n), align)
	}
	return b, align, nil
}

// check checks what format and llama.cpp ask of a tensor and returns its bytes.
func check(t Tensor, seen map[string]bool) (int, error) {
	switch {
	case t.Name == "" || !utf8.ValidString(t.Name):
		return 0, errors.New("the name is empty or not UTF-8")
	case len(t.Name) > maxName:
		return 0, fmt.Errorf("the name has %d bytes, the limit is %d", len(t.Name), maxName)
	case seen[t.Name]:
		return 0, errors.New("the name stands twice")
	case len(t.Shape) > maxDims:
		return 0, fmt.Errorf("%d dimensions, the limit is %d", len(t.Shape), maxDims)
	}
	seen[t.Name] = true
	return sizeOf(t.Type, t.Shape)
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, texts ...string) ([]byte, error) {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("the string %s is not UTF-8", quote(s))
		}
		b = appendString(b, s)
	}
	return b, nil
}

// appendPair appends a key, its value's type and its value.
func appendPair(b []byte, kv KV, seen map[string]bool) ([]byte, error) {
	switch {
	case kv.Key == "" || !utf8.ValidString(kv.Key):
		return nil, errors.New("the key is empty or not UTF-8")
	case len(kv.Key) > maxKey:
		return nil, fmt.Errorf("the key has %d bytes, the limit is %d", len(kv.Key), maxKey)
	case seen[kv.Key]:
		return nil, errors.New("the key stands twice")
	}
	seen[kv.Key] = true
	k, array, ok := kindOf(kv.Value)
	if !ok {
		return nil, fmt.Errorf("a value of type %T has no type in the format; say uint32, float32, …", kv.Value)
	}
	le := binary.LittleEndian
	b = appendString(b, kv.Key)
	if array {
		b = le.AppendUint32(b, uint32(kindArray))
	}
	b = le.AppendUint32(b, uint32(k))
	switch v := kv.Value.(type) {
	case string:
		return appendTexts(b, v)
	case []string:
		return appendTexts(le.AppendUint64(b, uint64(len(v))), v...)
	}
	if array {
		b = le.AppendUint64(b, uint64(binary.Size(kv.Value)/kinds[k].size))
	}
	return binary.Append(b, le, kv.Value)
}

// kindOf returns the type in the format of a value of KV.
func kindOf(v any) (k kind, array, ok bool) {
	t := reflect.TypeOf(v)
	if t == nil {
		return 0, false, false
	}
	if array = t.Kind() == reflect.Slice; array {
		t = t.Elem()
	}
	i := slices.IndexFunc(kinds[:], func(x kindInfo) bool { return x.name == t.String() })
	return kind(i), array, i >= 0
}
