package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Cached is a repo that the cache has files of.
type Cached struct {
	Repo     Repo   // Kind and ID
	Dir      string // its folder in the cache
	Bytes    int64  // of all its snapshots together
	Commits  []string
	Modified time.Time // when the last snapshot got a file
}

// Cached lists the models and data sets in the cache, by kind and name. Nobody is asked for anything.
func (c *Client) Cached() ([]Cached, error) {
	any, err := c.store(Repo{ID: "any"})
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(any.cache)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("hub: %w", err)
	}
	var list []Cached
	for _, e := range entries {
		repo, ok := repoOf(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		s, err := c.store(repo)
		if err != nil {
			continue
		}
		if one := (Cached{Repo: repo, Dir: s.dir}); one.measure() {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Cached) int {
		return strings.Compare(string(b.Repo.Kind)+a.Repo.ID, string(a.Repo.Kind)+b.Repo.ID)
	})
	return list, nil
}

// repoOf undoes Repo.folder.
func repoOf(folder string) (Repo, bool) {
	kind, id, ok := strings.Cut(folder, "s--")
	r := Repo{Kind: Kind(kind), ID: strings.Replace(id, "--", "/", 1)}
	return r, ok && r.Check() == nil && r.folder() == folder
}

// measure fills in what the folder holds, and reports whether it holds a snapshot.
func (c *Cached) measure() bool {
	snapshots := filepath.Join(c.Dir, "snapshots")
	entries, err := os.ReadDir(snapshots)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && isCommit(e.Name()) {
			c.Commits = append(c.Commits, e.Name())
			if info.ModTime().After(c.Modified) {
				c.Modified = info.ModTime()
			}
		}
	}
	// Snapshots link to blobs, or hold the files themselves where the system has no links.
	if c.Bytes = bytesBelow(filepath.Join(c.Dir, "blobs")); c.Bytes == 0 {
		c.Bytes = bytesBelow(snapshots)
	}
	return len(c.Commits) > 0
}

func bytesBelow(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// Remove deletes all that the cache has of a repo.
func (c *Client) Remove(repo Repo) error {
	s, err := c.store(repo)
	if err != nil {
		return err
	}
	info, err := os.Lstat(s.dir)
	if err != nil {
		return fmt.Errorf("hub: the cache has no %v: %w", repo, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("hub: %s is no folder: it is left alone", s.dir)
	}
	if err := errors.Join(os.RemoveAll(s.dir), os.RemoveAll(filepath.Join(s.cache, ".locks", s.repo.folder()))); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}
