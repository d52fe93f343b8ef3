// Package disk writes files and folders so that a crash, a full disk or an error at any moment leaves
// the old content whole or the new content whole, never a half. It also maps files and tells free space.
//
// How a write goes: the new content is built under a temporary name in the same folder
// (NAME.tmp-0123456789abcdef), flushed to the device, renamed over NAME, and the folder's entry is
// flushed too. The writer holds a lock on the temporary while it lives, so that CleanTemp can tell a
// crashed writer's leftover from another process's work.
package disk

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// tempName matches what temporary makes: 1 the final name, 2 the kind, 3 the writer's random id.
var tempName = regexp.MustCompile(`^(.+)\.(tmp|old)-([0-9a-f]{16})$`)

// WriteFile replaces the file at path by what fn writes, all or nothing: when it returns nil the new content
// is on the device; when it returns an error, or the process dies, the old file is as it was (only if the
// very last step fails, flushing the folder's entry, the new file stands already). fn's writer is buffered. A new file gets the usual permissions, a replaced file's are kept. A symbolic link at
// path is replaced, not followed. On Windows a file that is open or mapped elsewhere can't be replaced.
// A full disk is reported as such, and errors.Is finds the cause.
func WriteFile(path string, fn func(io.Writer) error) error {
	perm, keep, previous := fs.FileMode(0o666), false, ""
	if old, err := os.Lstat(path); err == nil {
		if old.IsDir() {
			return fmt.Errorf("disk: %s is a folder, a file can't replace it", path)
		}
		previous = "file"
		if old.Mode().IsRegular() {
			perm, keep = old.Mode().Perm(), true
		}
	}

	f, tmp, err := createTemp(path, func(name string) (*os.File, error) {
		return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	})
	if err != nil {
		return explain(err, path, previous)
	}
	done := false
	defer func() { // also when fn panics
		if !done {
			f.Close()
			os.Remove(tmp)
		}
	}()

	w := bufio.NewWriterSize(f, 256<<10)
	if err := fn(w); err != nil {
		return explain(err, path, previous)
	}
	if err := errors.Join(w.Flush(), keepMode(f, perm, keep), f.Sync()); err != nil {
		return explain(err, path, previous)
	}
	if err := commit(f, tmp, path); err != nil {
		return explain(err, path, previous)
	}
	done = true
	return syncDir(filepath.Dir(path))
}

// keepMode undoes the umask where a regular file with wider permissions is replaced.
func keepMode(f *os.File, perm fs.FileMode, keep bool) error {
	if !keep {
		return nil
	}
	if st, err := f.Stat(); err != nil || st.Mode().Perm() == perm {
		return err
	}
	return f.Chmod(perm)
}

// createTemp makes a temporary of path by create and locks it.
func createTemp(path string, create func(name string) (*os.File, error)) (*os.File, string, error) {
	for try := 0; ; try++ {
		name := temporary(path, "tmp", newID())
		f, err := create(name)
		if err != nil {
			return nil, "", err
		}
		// A cleaner may have come between creation and lock: then the name is gone. Try another.
		if lock(f) != errLocked && isAt(f, name) {
			return f, name, nil
		}
		f.Close()
		if try == 10 {
			return nil, "", fmt.Errorf("disk: temporary files of %s vanish as soon as they are made; does a cleaner run in a loop?", path)
		}
	}
}

func temporary(path, kind, id string) string { return path + "." + kind + "-" + id }

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// isAt reports whether name still names the open file f.
func isAt(f *os.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(name)
	return err == nil && os.SameFile(a, b)
}

// fullError says in plain words that the disk is full.
type fullError struct {
	path, previous string // previous: "file", "folder", or "" where there was none
	err            error
}

func (e *fullError) Unwrap() error { return e.err }

func (e *fullError) Error() string {
	fate := "nothing was left behind"
	if e.previous != "" {
		fate = "the previous " + e.previous + " is intact"
	}
	return fmt.Sprintf("disk full while writing %s; %s; free some space or choose a folder on another disk: %v", e.path, fate, e.err)
}

// explain makes a full disk a fullError of path; other errors get the path if they lack one.
func explain(err error, path, previous string) error {
	if isFull(err) {
		if inner := (*fullError)(nil); errors.As(err, &inner) {
			err = inner.err // a file in a WriteDir's temporary, whose name says nothing
		}
		return &fullError{path, previous, err}
	}
	var pe *fs.PathError
	var le *os.LinkError
	if errors.As(err, &pe) || errors.As(err, &le) {
		return err
	}
	return fmt.Errorf("writing %s: %w", path, err)
}
