package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

var (
	errHeld   = errors.New("lock is held")
	errNoLock = errors.New("the file system has no locks")
)

// lock waits for the lock file, shared with Python's filelock, until ctx ends, and returns what releases it. The
// file stays behind: removing one that others wait for would split them. Where the file system has no locks it
// goes on without: two writers of one blob write the same bytes to the same places, and the hash tells.
// waiting is called when it has to wait, once.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		f, err := openLock(path)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		err = tryLock(f)
		switch {
		case err == nil && sameFile(f, path):
			return func() { release(f); f.Close() }, nil
		case errors.Is(err, errNoLock):
			f.Close()
			return func() {}, nil
		}
		f.Close() // which also gives up the lock of a file that someone removed meanwhile
		if err != nil && !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("waiting for %s, which another download holds: %w", path, err)
		}
	}
}

// openLock opens or makes a lock file that others who share the cache may lock, too, whatever the umask says.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o664)
	if os.IsPermission(err) { // another user's: to lock it, reading is enough
		return os.Open(path)
	}
	if err == nil {
		f.Chmod(0o664) // only its owner can
	}
	return f, err
}

// sameFile says whether path still is the open file.
func sameFile(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// sleep waits for d or until ctx ends, whose cause it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// tempPrefix begins the names of files that are not yet what they will be.
const tempPrefix = ".tmp-"

// tempName is a name beside path that nobody else uses.
func tempName(path string) string {
	return filepath.Join(filepath.Dir(path), tempPrefix+rand.Text()[:12])
}
