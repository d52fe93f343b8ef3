package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// errLocked is never returned here: see lock.
var errLocked = errors.New("locked")

// lock has nothing to do on Windows: files and folders that Go has open can be neither renamed nor removed,
// which is the lock.
func lock(*os.File) error { return nil }

// commit gives the finished temporary its name. An open file can't be renamed, so f is closed first.
func commit(f *os.File, tmp, path string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return rename(tmp, path)
}

// rename waits a little for virus scanners and indexers, which open new files for moments.
func rename(from, to string) error {
	var err error
	for wait := time.Millisecond; wait < 2*time.Second; wait *= 2 {
		err = os.Rename(from, to)
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(wait)
	}
	return err
}

// exchange would swap two names in one step; Windows has no such call.
func exchange(a, b string) error { return errors.ErrUnsupported }

// removeDead removes the temporary at path unless its writer has it open: then the rename fails.
func removeDead(path string) error {
	m := tempName.FindStringSubmatch(filepath.Base(path))
	mine := temporary(filepath.Join(filepath.Dir(path), m[1]), "tmp", newID())
	if err := os.Rename(path, mine); err != nil {
		return nil
	}
	return os.RemoveAll(mine)
}

// syncFile opens for writing, which FlushFileBuffers asks for.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil // a read-only file was flushed by whoever made it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncDir has nothing to do: NTFS journals its folders.
func syncDir(string) error { return nil }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

func freeBytes(dir string) (uint64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return free, nil
}

func mapFile(f *os.File, size int) ([]byte, error) {
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, 0, 0, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateFileMapping", err)
	}
	defer windows.CloseHandle(h) // the view keeps the mapping alive
	addr, err := windows.MapViewOfFile(h, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	// The address comes from the system, not from Go's heap; going through a pointer to it tells vet so.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), size), nil
}

func unmap(b []byte) error {
	return os.NewSyscallError("UnmapViewOfFile", windows.UnmapViewOfFile(uintptr(unsafe.Pointer(unsafe.SliceData(b)))))
}

// Forget does nothing: mapped pages leave a working set when the system wants.
func Forget([]byte) {}
