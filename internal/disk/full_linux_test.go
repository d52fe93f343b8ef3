package disk

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFull fills a real, tiny file system. It needs the right to mount one.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("can't mount a tmpfs here: %v", err)
	}
	defer unix.Unmount(dir, 0)
	path, sub := filepath.Join(dir, "f"), filepath.Join(dir, "d")
	if err := errors.Join(WriteFile(path, writeString("old")), WriteDir(sub, fill("old"))); err != nil {
		t.Fatal(err)
	}
	big := func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte("x"), 100_000)); return err }
	for _, err := range []error{
		WriteFile(path, big),
		WriteDir(sub, func(tmp string) error { return WriteFile(filepath.Join(tmp, "f"), big) }),
	} {
		if !errors.Is(err, unix.ENOSPC) || strings.Count(err.Error(), "disk full while writing "+dir) != 1 {
			t.Errorf("got %v", err)
		}
	}
	if got := read(t, path); got != "old" || generation(t, sub) != "old" || names(t, dir) != "d f" {
		t.Errorf("file %q, folder %s", got, names(t, dir))
	}
	if err := Need(path, 1<<20); err == nil {
		t.Error("1 MiB fits 64 KiB")
	}
}
