package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/internal/disk"
)

// Carries reports whether the program itself carries the repo.
func (c *Client) Carries(kind Kind, id string) bool {
	_, ok := c.Builtin[Repo{Kind: kind, ID: id}]
	return ok
}

// unpack puts the files of a repo that the program carries into the cache, as a snapshot named after their content,
// and returns its folder. It is "" for all other repos.
func (c *Client) unpack(repo Repo) (dir string, err error) {
	s, err := c.store(repo)
	if err != nil {
		return "", err
	}
	files, ok := c.Builtin[Repo{Kind: s.repo.Kind, ID: s.repo.ID}]
	if !ok || s.repo.Revision != "main" {
		return "", nil
	}
	commit, err := contentHash(files)
	if err != nil {
		return "", fmt.Errorf("hub: %s: %w", s.repo, err)
	}
	dir = s.snapshot(commit)
	if _, err := os.Stat(dir); err == nil { // folders appear whole or not at all
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return "", fmt.Errorf("hub: %s has to be unpacked into the cache (HF_HOME moves it): %w", s.repo, err)
	}
	if err := disk.WriteDir(dir, func(tmp string) error { return os.CopyFS(tmp, files) }); err != nil {
		return "", fmt.Errorf("hub: %s has to be unpacked into the cache (HF_HOME moves it): %w", s.repo, err)
	}
	return dir, s.setCommit(commit)
}

// contentHash is a hash of all names and contents, in the form of a commit's.
func contentHash(files fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := files.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %d\n", path, info.Size())
		_, err = io.Copy(h, f)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:20]), err
}
