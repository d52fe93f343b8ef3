//go:build linux || darwin

package disk

import (
	"errors"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errLocked says that another process holds the lock.
var errLocked error = unix.EWOULDBLOCK

// lock takes f's lock until f is closed. File systems without locks give another error than errLocked.
func lock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// commit gives the finished temporary its name and closes f.
func commit(f *os.File, tmp, path string) error {
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	f.Close() // synced: nothing is left to fail, and the lock was needed until now
	return nil
}

func rename(from, to string) error { return os.Rename(from, to) }

// removeDead removes the temporary at path unless its writer holds it.
func removeDead(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil // gone, a symbolic link, or another user's: not for us to judge
	}
	defer f.Close()
	if lock(f) != nil {
		return nil
	}
	return os.RemoveAll(path)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncDir flushes the entries of a folder, so that a rename survives a power cut.
func syncDir(path string) error {
	err := syncFile(path)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // file systems that can't (some network mounts) commit renames by themselves
	}
	return err
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return uint64(st.Bavail) * blockSize(&st), nil
}

func mapFile(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func unmap(b []byte) error { return unix.Munmap(b) }

// Forget tells the system that b, part of a Mapping, is done with: its whole pages leave memory, and come back from the
// file if they are touched again.
func Forget(b []byte) {
	page := os.Getpagesize()
	if len(b) < 2*page {
		return
	}
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	if n := (len(b) - skip) &^ (page - 1); n > 0 {
		unix.Madvise(b[skip:skip+n], unix.MADV_DONTNEED) // advice: a refusal costs memory only
	}
}
