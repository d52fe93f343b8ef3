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
