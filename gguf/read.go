package gguf

// ReadFloat32 fills dst with the tensor's elements in row order. dst must have exactly that many. Types that are
// not Readable are an error. The values are those of the Python package's dequantize, bit for bit.
func (f *File) ReadFloat32(dst []float32, name string) error {
	t, err := f.tensor(name)
	if err != nil {
		return err
	}
	return f.readFloat32(dst, t, t.data)
}

// ReadFloat32Rows is ReadFloat32 of rows lo to hi, hi excluded, of the tensor's first dimension: dst has
// (hi-lo) rows of all other dimensions together. A scalar is one row of one. In a vector every element is a row,
// so that lo and hi must stand between two blocks.
func (f *File) ReadFloat32Rows(dst []float32, name string, lo, hi int) error {
	t, err := f.tensor(name)
	if err != nil {
		return err
	}
	rows, cols := t.rows()
	if lo < 0 || lo > hi || hi > rows {
		return f.errorf(t, "has %d rows, not [%d, %d)", rows, lo, hi)
	}
	block, size := t.Type.Block()
	if lo*cols%block != 0 || hi*cols%block != 0 {
		return f.errorf(t, "can't be cut at [%d, %d): its blocks have %d elements", lo, hi, block)
	}
	if cols == 0 {
		return f.readFloat32(dst, t, nil)
	}
	return f.readFloat32(dst, t, t.data[lo*cols/block*size:hi*cols/block*size])
}

func (f *File) readFloat32(dst []float32, t tensor, src []byte) error {
	if !t.Type.Readable() {
		return f.errorf(t, "is of a type that hone can't read as numbers; convert the model to F16 or Q8_0 with llama.cpp")
	}
	block, size := t.Type.Block()
	if n := len(src) / size * block; len(dst) != n {
		return f.errorf(t, "gives %d elements, but there is room for %d", n, len(dst))
	}
	types[t.Type].decode(dst, src)
	return nil
}
