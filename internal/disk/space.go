package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Free returns the bytes that this user may still write on the disk that holds path. path need not exist yet:
// then its nearest existing parent counts.
func Free(path string) (uint64, error) {
	dir, err := existing(path)
	if err != nil {
		return 0, err
	}
	return freeBytes(dir)
}

// existing returns the nearest folder at or above path that exists.
func existing(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for {
		st, err := os.Stat(path)
		if err == nil && st.IsDir() {
			return path, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) == path {
			return "", err
		}
		parent := filepath.Dir(path)
		if parent == path {
			return "", &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
		}
		path = parent
	}
}

// Need returns an error when fewer than bytes bytes are free for path: it says what is needed, what is free,
// where, and what to do. Where the free space can't be told, it returns nil: the write itself will say.
func Need(path string, bytes int64) error {
	free, err := Free(path)
	if err != nil || bytes <= 0 || uint64(bytes) <= free {
		return nil
	}
	dir, _ := existing(path)
	return fmt.Errorf("not enough disk space for %s: %s needed, %s free in %s; free %s or choose a folder on another disk",
		path, Size(uint64(bytes)), Size(free), dir, Size(uint64(bytes)-free))
}

// Size returns n bytes in the decimal units that the Hub uses: "999 B", "1.5 GB".
func Size(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.95 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", v, "kMGTP"[unit])
}
