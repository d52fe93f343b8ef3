// Package gguf reads and writes GGUF files, the format of llama.cpp, in versions 2 and 3
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
//
// A file is metadata as typed key-value pairs, the tensors' names, shapes, types and places, and the tensors'
// bytes, all little-endian. Most types are blocks of a few dozen weights that share a scale; reading them gives
// the float32 values of the Python package bit for bit, and writing them gives the bytes of ggml's reference
// quantizers. Files are mapped, not read, and are taken to be hostile: what Open accepts can be read without a
// panic, and no length that a file states is believed before the bytes are there.
//
// Shapes are those of numpy and Hugging Face, rows first: a Linear from in to out features is [out, in]. The
// file states them the other way round.
//
// What the names and keys of a model mean, and how they map to Hugging Face's, stands in NAMES.md.
package gguf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hone-ml/hone/internal/disk"
)

// Info describes a tensor.
type Info struct {
	Name  string
	Type  Type
	Shape []int // rows first; empty for a scalar
	Size  int   // bytes
}

// Elements returns the number of elements, 1 for a scalar.
func (t Info) Elements() int {
	block, size := t.Type.Block()
	return t.Size / size * block
}

// rows returns the first dimension and the elements of one row; a scalar is one row of one.
func (t Info) rows() (rows, cols int) {
	if len(t.Shape) == 0 {
		return 1, 1
	}
	if t.Shape[0] == 0 {
		return 0, 0
	}
	return t.Shape[0], t.Elements() / t.Shape[0]
}

// File is a file's metadata and tensors, mapped into memory. Its methods may be used concurrently until Close.
type File struct {
	path    string
	mapping *disk.Mapping
	header
	byName map[string]int // index into tensors
}

// Open maps the file at path and checks its header. The file must not be truncated while it is open. Of a model
// that is split into several files (split.count), it opens this one.
func Open(path string) (*File, error) {
	m, err := disk.Map(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	f, err := newFile(path, m.Bytes())
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	f.mapping = m
	return f, nil
}

func newFile(path string, content []byte) (*File, error) {
	h, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("gguf: %s: %w", path, err)
	}
	f := &File{path: path, header: h, byName: make(map[string]int, len(h.tensors))}
	for i, t := range h.tensors {
		f.byName[t.Name] = i
	}
	return f, nil
}

// Close unmaps the file. Closing twice is fine. Slices that Bytes returned must not be used any more.
func (f *File) Close() error {
	m := f.mapping
	*f = File{path: f.path}
	if m == nil {
		return nil
	}
	return m.Close()
}

// Names returns the tensors' names in the order of the file.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// Info returns the description of the tensor and whether there is one.
func (f *File) Info(name string) (Info, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Info{}, false
	}
	t := f.tensors[i].Info
	t.Shape = slices.Clone(t.Shape)
	return t, true
}

// Bytes returns the tensor's bytes in the mapping: they must not be written to nor used after Close, and may lie
// at any alignment that the file states.
func (f *File) Bytes(name string) ([]byte, error) {
	t, err := f.tensor(name)
	return t.data, err
}

func (f *File) tensor(name string) (tensor, error) {
	i, ok := f.byName[name]
	if !ok {
		return tensor{}, fmt.Errorf("gguf: %s has no tensor %s among its %d", f.path, quote(name), len(f.tensors))
	}
	return f.tensors[i], nil
}

func (f *File) errorf(t tensor, format string, a ...any) error {
	return fmt.Errorf("gguf: %s: tensor %s (%v %v) %s", f.path, quote(t.Name), t.Type, t.Shape, fmt.Sprintf(format, a...))
}
