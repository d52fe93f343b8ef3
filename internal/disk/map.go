package disk

import (
	"fmt"
	"io/fs"
	"math"
	"os"
)

// Mapping is a file's content in memory, read-only: the system loads pages when they are touched.
type Mapping struct {
	data []byte // nil when the file is empty or the mapping closed
}

// Map maps the regular file at path, which may be empty. The file must not be truncated while it is mapped;
// replacing it through WriteFile is fine (not on Windows, where the mapping must be closed first).
func Map(path string) (*Mapping, error) {
	st, err := os.Stat(path) // before opening: opening a pipe would wait for its writer
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "map", Path: path, Err: fmt.Errorf("not a regular file (%v)", st.Mode().Type())}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, err
	}
	if st.Size() == 0 {
		return &Mapping{}, nil
	}
	if st.Size() > math.MaxInt {
		return nil, &fs.PathError{Op: "map", Path: path, Err: fmt.Errorf("%s don't fit this machine's address space", Size(uint64(st.Size())))}
	}
	data, err := mapFile(f, int(st.Size()))
	if err != nil {
		return nil, &fs.PathError{Op: "map", Path: path, Err: err}
	}
	return &Mapping{data: data}, nil
}

// Bytes returns the content. It must not be written to, nor used after Close: both fault.
func (m *Mapping) Bytes() []byte { return m.data }

// Close unmaps the file. Closing twice is fine.
func (m *Mapping) Close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	return unmap(data)
}
