// Package safetensors reads and writes the safetensors files of Hugging Face, single or sharded
// (https://github.com/huggingface/safetensors).
//
// A file is eight bytes of header length, a JSON header that gives each tensor's dtype, shape and place, and
// the tensors' little-endian bytes, row by row. Files are mapped, not read, and are taken to be hostile: what
// Open accepts can be read without a panic. What Write writes is byte for byte what the Python package writes
// for the same tensors.
package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/hone-ml/hone/internal/disk"
)

// Info describes a tensor.
type Info struct {
	Name  string
	Dtype Dtype
	Shape []int // empty for a scalar
	Size  int   // bytes
}

// Elements returns the number of elements, 1 for a scalar.
func (t Info) Elements() int { return t.Size * 8 / t.Dtype.Bits() }

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

// File is the tensors of a file, or of all shards of a model, mapped into memory. Its methods may be used
// concurrently until Close.
type File struct {
	path    string // of the file, the index or the folder, for messages
	meta    map[string]string
	tensors []tensor
	byName  map[string]int
	maps    []*disk.Mapping
}

type tensor struct {
	Info
	data []byte
}

// Open maps the file at path and checks its header. The file must not be truncated while it is open.
func Open(path string) (*File, error) {
	f := &File{path: path, byName: map[string]int{}}
	h, err := f.mapShard(path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	f.meta = h.meta
	for _, t := range h.tensors {
		f.add(t, f.maps[0].Bytes()[h.size:])
	}
	return f, nil
}

// mapShard maps one more file into f and parses its header.
func (f *File) mapShard(path string) (header, error) {
	m, err := disk.Map(path)
	if err != nil {
		return header{}, fmt.Errorf("safetensors: %w", err)
	}
	f.maps = append(f.maps, m)
	h, err := parseHeader(m.Bytes())
	if err != nil {
		return header{}, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return h, nil
}

func (f *File) add(t span, data []byte) {
	f.byName[t.Name] = len(f.tensors)
	f.tensors = append(f.tensors, tensor{t.Info, data[t.begin:t.end:t.end]})
}

// Close unmaps the file. Slices that Bytes returned must not be used any more.
func (f *File) Close() error {
	var errs []error
	for _, m := range f.maps {
		errs = append(errs, m.Close())
	}
	f.maps, f.tensors, f.byName = nil, nil, nil
	return errors.Join(errs...)
}

// Names returns the tensors' names in the order of their data; shards follow one another by file name.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// Metadata returns a copy of the header's __metadata__, nil if it has none; of shards, the first one's.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Info returns the description of the tensor and whether there is one. Its Shape must not be written to.
func (f *File) Info(name string) (Info, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Info{}, false
	}
	return f.tensors[i].Info, true
}

// Bytes returns the tensor's little-endian bytes in the mapping: they must not be written to nor used after
// Close, and may lie at any alignment.
func (f *File) Bytes(name string) ([]byte, error) {
	t, err := f.tensor(name)
	return t.data, err
}

// Forget tells that the tensor's bytes won't be needed again, so that the mapping need not stay in memory beside what
// was made of it. They can still be read.
func (f *File) Forget(name string) {
	if t, err := f.tensor(name); err == nil {
		disk.Forget(t.data)
	}
}

// ForgetRows is Forget of rows [lo, hi) of the tensor.
func (f *File) ForgetRows(name string, lo, hi int) {
	t, err := f.tensor(name)
	if err != nil {
		return
	}
	rows, cols := t.rows()
	if n := cols * t.Dtype.Bits() / 8; 0 <= lo && lo <= hi && hi <= rows {
		disk.Forget(t.data[lo*n : hi*n])
	}
}

func (f *File) tensor(name string) (tensor, error) {
	i, ok := f.byName[name]
	if !ok {
		return tensor{}, fmt.Errorf("safetensors: %s has no tensor %s among its %d", f.path, quote(name), len(f.tensors))
	}
	return f.tensors[i], nil
}

func (f *File) errorf(t tensor, format string, a ...any) error {
	return fmt.Errorf("safetensors: %s: tensor %s (%v %v) %s", filepath.Base(f.path), quote(t.Name), t.Dtype, t.Shape, fmt.Sprintf(format, a...))
}
