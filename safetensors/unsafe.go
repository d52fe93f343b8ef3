package safetensors

import (
	"encoding/binary"
	"unsafe"
)

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// bytesOf returns v's memory as the bytes that a file would hold, and false where the machine's byte order
// differs. Viewing floats as bytes, not bytes as floats, is right at any alignment of the file's side.
func bytesOf(v []float32) ([]byte, bool) {
	if !littleEndian {
		return nil, false
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v)), true
}

// Floats returns the tensor's elements in the mapping, and false unless it is F32 and lies so that this machine can use
// it in place. They must not be written to nor used after Close.
func (f *File) Floats(name string) ([]float32, bool) {
	t, err := f.tensor(name)
	if err != nil || t.Dtype != F32 || !littleEndian || len(t.data) == 0 {
		return nil, false
	}
	at := unsafe.Pointer(unsafe.SliceData(t.data))
	if uintptr(at)%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(at), len(t.data)/4), true
}
