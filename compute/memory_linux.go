package compute

import (
	"os"
	"syscall"
	"unsafe"
)

// advise asks for huge pages under x. Linux gives them unasked, or if asked, or never (transparent_hugepage/enabled).
func advise(x []Float) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
	page := os.Getpagesize()
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	if n := (len(b) - skip) &^ (page - 1); n > 0 {
		syscall.Madvise(b[skip:skip+n], syscall.MADV_HUGEPAGE) // advice: a refusal costs time only
	}
}
