package gguf

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	magic            = "GGUF"
	version          = 3 // that Write writes; 2 differs in name only
	alignmentKey     = "general.alignment"
	defaultAlignment = 32
	maxDims          = 4 // ggml's limit
	maxKey           = 1<<16 - 1
)

// header is what parse finds.
type header struct {
	keys    []string // in file order
	meta    map[string]value
	tensors []tensor // in file order
}

type tensor struct {
	Info
	offset uint64 // in the data
	data   []byte
}

// parse reads and checks a file's content.
func parse(file []byte) (header, error) {
	c := &cursor{b: file}
	h := header{meta: map[string]value{}}
	tensors, pairs, err := c.start()
	if err != nil {
		return h, err
	}
	for i := range pairs {
		if err := h.pair(c); err != nil {
			return h, fmt.Errorf("metadata %d of %d: %w", i+1, pairs, err)
		}
	}
	align := uint64(defaultAlignment)
	if v, ok := h.meta[alignmentKey]; ok {
		if align, err = v.alignment(); err != nil {
			return h, err
		}
	}
	seen := map[string]bool{}
	for i := range tensors {
		t, err := c.tensor()
		if err == nil && seen[t.Name] {
			err = errors.New("the name stands twice")
		}
		if err != nil {
			return h, fmt.Errorf("tensor %d of %d (%s): %w", i+1, tensors, quote(t.Name), err)
		}
		seen[t.Name] = true
		h.tensors = append(h.tensors, t)
	}
	return h, h.place(file, c.at, align)
}

// pair reads one key and its value.
func (h *header) pair(c *cursor) error {
	b, err := c.str()
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	key := string(b)
	switch _, dup := h.meta[key]; {
	case dup:
		err = errors.New("the key stands twice")
	case key == "":
		err = errors.New("the key is empty")
	case len(b) > maxKey:
		err = fmt.Errorf("the key has %d bytes, the limit is %d", len(b), maxKey)
	case !utf8.Valid(b):
		err = errors.New("the key is not UTF-8")
	}
	var v value
	if err == nil {
		v, err = c.value()
	}
	if err != nil {
		return fmt.Errorf("key %s: %w", quote(key), err)
	}
	h.keys, h.meta[key] = append(h.keys, key), v
	return nil
}

// place gives every tensor its bytes, in the data that follows the header after at bytes and padding. Tensors may
// stand in any order and leave holes, but not share bytes.
func (h *header) place(file []byte, at int, align uint64) error {
	start := padded(uint64(at), align)
	if len(h.tensors) == 0 {
		return nil
	}
	if start > uint64(len(file)) {
		return fmt.Errorf("%d bytes end before the data, which starts at %d; is the download complete?", len(file), start)
	}
	data := file[start:]
	for i := range h.tensors {
		t := &h.tensors[i]
		var err error
		switch end := t.offset + uint64(t.Size); {
		case t.offset%align != 0:
			err = fmt.Errorf("offset %d is not a multiple of the alignment, %d", t.offset, align)
		case t.offset > uint64(len(data)) || end > uint64(len(data)):
			err = fmt.Errorf("%d bytes at offset %d end beyond the file, which has %d bytes of data; is the download complete?",
				t.Size, t.offset, len(data))
		default:
			t.data = data[t.offset:end:end]
		}
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(t.Name), err)
		}
	}
	return h.checkOverlaps()
}

func (h *header) checkOverlaps() error {
	byOffset := make([]*tensor, 0, len(h.tensors))
	for i := range h.tensors {
		if t := &h.tensors[i]; t.Size > 0 {
			byOffset = append(byOffset, t)
		}
	}
	slices.SortFunc(byOffset, func(a, b *tensor) int { return cmp.Compare(a.offset, b.offset) })
	for i := 1; i < len(byOffset); i++ {
		if a, b := byOffset[i-1], byOffset[i]; a.offset+uint64(a.Size) > b.offset {
			return fmt.Errorf("tensors %s and %s overlap at offset %d", quote(a.Name), quote(b.Name), b.offset)
		}
	}
	return nil
}

func padded(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }

// cursor reads what stands before the data. No method believes a length before the bytes are there.
type cursor struct {
	b  []byte
	at int
}

func (c *cursor) take(n uint64) ([]byte, error) {
	if left := uint64(len(c.b) - c.at); n > left {
		return nil, fmt.Errorf("%d bytes should follow byte %d, but the file has %d more; is the download complete?", n, c.at, left)
	}
	b := c.b[c.at : c.at+int(n)]
	c.at += int(n)
	return b, nil
}

func (c *cursor) u32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64() (uint64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (c *cursor) str() ([]byte, error) {
	n, err := c.u64()
	if err != nil {
		return nil, err
	}
	return c.take(n)
}

// start reads magic, version and counts.
func (c *cursor) start() (tensors, pairs uint64, err error) {
	b, err := c.take(4)
	if err != nil || string(b) != magic {
		return 0, 0, fmt.Errorf("the file does not start with %s; is it a GGUF file, and not a pointer or a page?", magic)
	}
	switch v, err := c.u32(); {
	case err != nil:
		return 0, 0, err
	case v == 2 || v == 3:
	case v<<16 == 0:
		return 0, 0, errors.New("the file is big-endian, which hone does not read; convert it with llama.cpp")
	default:
		return 0, 0, fmt.Errorf("version %d of the format; hone reads 2 and 3", v)
	}
	if tensors, err = c.u64(); err != nil {
		return 0, 0, err
	}
	pairs, err = c.u64()
	return tensors, pairs, err
}

// tensor reads a tensor's name, shape, type and offset.
func (c *cursor) tensor() (t tensor, err error) {
	name, err := c.str()
	if err != nil {
		return t, err
	}
	if !utf8.Valid(name) {
		return t, fmt.Errorf("the name %s is not UTF-8", quote(string(name)))
	}
	t.Name = string(name)
	n, err := c.u32()
	if err != nil {
		return t, err
	}
	if n > maxDims {
		return t, fmt.Errorf("%d dimensions, the limit is %d", n, maxDims)
	}
	t.Shape = make([]int, n)
	for i := range t.Shape {
		dim, err := c.u64()
		if err != nil {
			return t, err
		}
		if dim > math.MaxInt {
			return t, fmt.Errorf("a dimension of %d is too large", dim)
		}
		t.Shape[int(n)-1-i] = int(dim)
	}
	typ, err := c.u32()
	if err != nil {
		return t, err
	}
	t.Type = Type(typ)
	if t.Size, err = sizeOf(t.Type, t.Shape); err != nil {
		return t, err
	}
	t.offset, err = c.u64()
	return t, err
}

// quote quotes a name from a file, cut to a length that fits a message.
func quote(name string) string {
	const most = 200
	if len(name) > most {
		return strconv.Quote(name[:most]) + "…"
	}
	return strconv.Quote(name)
}
