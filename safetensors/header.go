package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	maxHeader = 100_000_000 // bytes, the limit of the reference implementation
	maxDims   = 64          // PyTorch's limit; a hostile shape could fill the memory
	metaKey   = "__metadata__"
)

// header is what stands before the data.
type header struct {
	meta    map[string]string
	tensors []span // in file order, covering the data without hole or overlap
	size    int    // bytes before the data
}

// span is a tensor and its place in the data.
type span struct {
	Info
	begin, end int
}

// parseHeader reads and checks the header of a file's content. It enforces all of the reference's rules and
// refuses duplicate names too, which the format forbids but the reference lets pass.
func parseHeader(file []byte) (header, error) {
	if len(file) < 8 {
		return header{}, fmt.Errorf("%d bytes are too few for a safetensors file; is the download complete?", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	switch {
	case n > maxHeader:
		return header{}, fmt.Errorf("a header of %d bytes is over the limit of %d; is this a safetensors file?", n, maxHeader)
	case n > uint64(len(file)-8):
		return header{}, fmt.Errorf("the header should take %d bytes but only %d follow; is the download complete?", n, len(file)-8)
	}
	h := header{size: 8 + int(n)}
	if err := document(file[8:h.size], h.scan); err != nil {
		return header{}, fmt.Errorf("header: %w", err)
	}
	return h, h.check(len(file) - h.size)
}

func (h *header) scan(s *scanner) error {
	seen := map[string]bool{}
	return s.object(func(name string) error {
		if seen[name] {
			return fmt.Errorf("two entries named %s", quote(name))
		}
		seen[name] = true
		if name == metaKey {
			return h.scanMeta(s)
		}
		t, err := scanTensor(s)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", quote(name), err)
		}
		t.Name = name
		h.tensors = append(h.tensors, t)
		return nil
	})
}

func (h *header) scanMeta(s *scanner) error {
	if s.null() {
		return nil
	}
	h.meta = map[string]string{}
	err := s.object(func(key string) error {
		if _, dup := h.meta[key]; dup {
			return fmt.Errorf("two entries named %s", quote(key))
		}
		v, err := s.str()
		h.meta[key] = v
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", metaKey, err)
	}
	return nil
}

// The fields of a tensor, as a set.
const (
	fieldDtype = 1 << iota
	fieldShape
	fieldOffsets
)

var fields = map[string]int{"dtype": fieldDtype, "shape": fieldShape, "data_offsets": fieldOffsets}

func scanTensor(s *scanner) (t span, err error) {
	seen := 0
	err = s.object(func(key string) (err error) {
		bit := fields[key]
		if seen&bit != 0 {
			return s.errorf("%s stands twice", key)
		}
		seen |= bit
		switch bit {
		case fieldDtype:
			var name string
			if name, err = s.str(); err == nil {
				t.Dtype, err = ParseDtype(name)
			}
		case fieldShape:
			t.Shape, err = scanInts(s, maxDims)
		case fieldOffsets:
			var o []int
			if o, err = scanInts(s, 2); err == nil && len(o) != 2 {
				err = s.errorf("data_offsets need two numbers")
			}
			if err == nil {
				t.begin, t.end = o[0], o[1]
			}
		default:
			err = s.skip(16) // the reference ignores fields that it doesn't know
		}
		return err
	})
	if err == nil && seen != fieldDtype|fieldShape|fieldOffsets {
		err = s.errorf("dtype, shape and data_offsets are needed")
	}
	return t, err
}

func scanInts(s *scanner, most int) ([]int, error) {
	v := []int{}
	err := s.array(func() error {
		n, err := s.uint()
		switch {
		case err != nil:
			return err
		case n > maxInt:
			return s.errorf("%d is too large for this machine", n)
		case len(v) == most:
			return s.errorf("more than %d numbers", most)
		}
		v = append(v, int(n))
		return nil
	})
	return v, err
}

// check puts tensors in file order and checks that they tile the data, which has size bytes.
func (h *header) check(size int) error {
	slices.SortStableFunc(h.tensors, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := 0
	for i := range h.tensors {
		t := &h.tensors[i]
		fault := func(format string, a ...any) error {
			return fmt.Errorf("tensor %s: data_offsets [%d, %d] %s", quote(t.Name), t.begin, t.end, fmt.Sprintf(format, a...))
		}
		n, err := byteSize(t.Dtype, t.Shape)
		switch {
		case err != nil:
			return fmt.Errorf("tensor %s: %w", quote(t.Name), err)
		case t.end < t.begin:
			return fault("run backwards")
		case t.end-t.begin != n:
			return fault("hold %d bytes, but shape %v of %v takes %d", t.end-t.begin, t.Shape, t.Dtype, n)
		case t.begin < at:
			return fault("overlap tensor %s, which ends at %d", quote(h.tensors[i-1].Name), at)
		case t.begin > at:
			return fault("leave a hole after %d", at)
		case t.end > size:
			return fault("end beyond the file, which has %d bytes of data; is the download complete?", size)
		}
		t.Size = n
		at = t.end
	}
	if at != size {
		return fmt.Errorf("%d bytes of data, but the tensors take %d", size, at)
	}
	return nil
}
