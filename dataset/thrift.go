package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// checkThrift walks a struct in thrift's compact protocol and fails if a length or a count claims more than
// the bytes hold. parquet-go's decoder makes slices as long as the counts say.
func checkThrift(b []byte) error {
	w := &thriftWalk{b: b}
	return w.value(12, 0)
}

type thriftWalk struct {
	b        []byte
	elements int
}

var errThrift = errors.New("the metadata are cut off or garbled")

func (w *thriftWalk) take(n uint64) error {
	if n > uint64(len(w.b)) {
		return errThrift
	}
	w.b = w.b[n:]
	return nil
}

func (w *thriftWalk) byte() (byte, error) {
	if len(w.b) == 0 {
		return 0, errThrift
	}
	c := w.b[0]
	w.b = w.b[1:]
	return c, nil
}

func (w *thriftWalk) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		return 0, errThrift
	}
	w.b = w.b[n:]
	return v, nil
}

// value moves past one value of the compact type.
func (w *thriftWalk) value(typ byte, depth int) error {
	if depth > 64 {
		return errThrift
	}
	switch typ {
	case 1, 2: // true and false, in the field header
		return nil
	case 3: // byte
		return w.take(1)
	case 4, 5, 6: // integers
		_, err := w.uvarint()
		return err
	case 7: // double
		return w.take(8)
	case 8: // bytes
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.take(n)
	case 9, 10: // list, set
		return w.list(depth)
	case 12:
		return w.fields(depth)
	}
	return errThrift // maps do not occur in Parquet's metadata
}

func (w *thriftWalk) list(depth int) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n, typ := uint64(head>>4), head&15
	if n == 15 {
		if n, err = w.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(w.b)) {
		return errThrift
	}
	if w.elements += int(n); w.elements > maxThrift {
		return fmt.Errorf("more than %d elements in the metadata", maxThrift)
	}
	for range n {
		if typ <= 2 { // in a list a bool is a byte
			err = w.take(1)
		} else {
			err = w.value(typ, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalk) fields(depth int) error {
	for {
		head, err := w.byte()
		if err != nil {
			return err
		}
		if head == 0 {
			return nil
		}
		if head>>4 == 0 { // the field's number follows
			if _, err := w.uvarint(); err != nil {
				return err
			}
		}
		if err := w.value(head&15, depth+1); err != nil {
			return err
		}
	}
}
