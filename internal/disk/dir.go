package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteDir replaces the folder at path by the one that fn fills, all or nothing. fn gets a fresh folder beside
// path; when it returns nil, every file and folder in it is flushed to the device and the folder takes the
// name path. The old folder, if any, is then removed.
//
// What a crash leaves at path:
//   - before the rename: the old folder, whole, or nothing if there was none;
//   - after it: the new folder, whole;
//   - where the system can exchange two folders (Linux, macOS, most file systems) there is nothing between.
//     Elsewhere (Windows) the old folder steps aside under the name PATH.old-ID for the instant between
//     two renames; a crash right then leaves no folder at path, and CleanTemp puts the old one back.
//
// In every case CleanTemp of the parent folder removes what was left over. If fn fails, or panics, path is as
// it was. A symbolic link at path is replaced, not followed.
func WriteDir(path string, fn func(tmp string) error) error {
	path = filepath.Clean(path)
	old, err := os.Lstat(path)
	exists, previous := err == nil, ""
	if exists {
		previous = "folder"
	}
	if exists && !old.IsDir() && old.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("disk: %s is a file, a folder can't replace it", path)
	}
	f, tmp, err := createTemp(path, func(name string) (*os.File, error) {
		if err := os.Mkdir(name, 0o777); err != nil {
			return nil, err
		}
		return os.Open(name)
	})
	if err != nil {
		return explain(err, path, previous)
	}
	done := false
	defer func() {
		f.Close()
		if !done {
			os.RemoveAll(tmp)
		}
	}()
	if err := fn(tmp); err != nil {
		return explain(err, path, previous)
	}
	if err := syncTree(tmp); err != nil {
		return explain(err, path, previous)
	}
	if exists {
		err = replaceDir(f, tmp, path)
	} else {
		err = commit(f, tmp, path)
	}
	if err != nil {
		return explain(err, path, previous)
	}
	done = true
	err = syncDir(filepath.Dir(path))
	if exists {
		// The new folder stands; what can't be removed of the old one now, CleanTemp will.
		os.RemoveAll(tmp)
	}
	return err
}

// replaceDir makes the folder tmp take the place of path; the old one is then at tmp or gone.
func replaceDir(f *os.File, tmp, path string) error {
	if err := exchange(tmp, path); err == nil || !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return replaceByRename(f, tmp, path)
}

// replaceByRename is replaceDir where two folders can't be exchanged in one step.
func replaceByRename(f *os.File, tmp, path string) error {
	m := tempName.FindStringSubmatch(filepath.Base(tmp))
	aside := temporary(path, "old", m[3])
	if err := rename(path, aside); err != nil {
		return err
	}
	if err := commit(f, tmp, path); err != nil {
		return errors.Join(err, rename(aside, path))
	}
	os.RemoveAll(aside) // or CleanTemp
	return nil
}

// syncTree flushes every file and folder under root, root last.
func syncTree(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := filepath.Join(root, e.Name())
		switch {
		case e.IsDir():
			err = syncTree(p)
		case e.Type().IsRegular():
			err = syncFile(p)
		}
		if err != nil {
			return err
		}
	}
	return syncDir(root)
}

// CleanTemp removes from dir what crashed writers of this package left there, and puts back a folder that a
// crashed WriteDir had moved aside. It leaves alone what a living writer holds or another user owns, every
// other file, and folders below dir. A missing dir is fine.
func CleanTemp(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	// Folders that stepped aside come first: their tmp twin tells whether the writer lives.
	for _, kind := range []string{"old", "tmp"} {
		for _, e := range entries {
			m := tempName.FindStringSubmatch(e.Name())
			if m == nil || m[2] != kind {
				continue
			}
			p, final := filepath.Join(dir, e.Name()), filepath.Join(dir, m[1])
			if kind == "old" {
				errs = append(errs, settleOld(p, final, m[3]))
			} else {
				errs = append(errs, removeDead(p))
			}
		}
	}
	return errors.Join(errs...)
}

func settleOld(aside, final, id string) error {
	if _, err := os.Lstat(final); err == nil {
		return os.RemoveAll(aside)
	}
	if held(temporary(final, "tmp", id)) {
		return nil
	}
	if err := rename(aside, final); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// held reports whether a living writer may hold the temporary at path.
func held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	return lock(f) != nil
}
