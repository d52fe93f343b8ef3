package hub

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Snapshot downloads the files of the repo that choose picks, several at a time, and returns the folder that holds
// them under their names in the repo. A nil choose picks all. Files that the cache has are not asked for. The folder
// is named after the commit; it may hold other files, which earlier calls have chosen. Where the Hub can't be
// reached it is the cached snapshot, provided that nothing chosen is missing from it.
//
// The first error ends the rest; what has been downloaded by then is kept and the next call goes on from there.
func (c *Client) Snapshot(ctx context.Context, repo Repo, choose Choice) (dir string, err error) {
	if dir, err := c.unpack(repo); dir != "" || err != nil {
		return dir, err
	}
	s, err := c.store(repo)
	if err != nil {
		return "", err
	}
	info, complete, err := c.info(ctx, s)
	if err != nil {
		return "", err
	}
	files := info.Files
	if choose != nil {
		files = choose(files)
	}
	if len(files) == 0 {
		where := "has no file of the kind that is asked for"
		if !complete {
			where = "has no file of the kind that is asked for in the cache (" + s.snapshot(info.Commit) + ")"
		}
		return "", &problem{ErrNotFound, nil, fmt.Sprintf("hub: %s %s: %s", s.repo, where, some(info.Files))}
	}
	dir = s.snapshot(info.Commit)
	lacks := s.missing(info.Commit, files)
	switch {
	case len(lacks) == 0:
		return dir, nil
	case c.Offline:
		return "", offline(s, "its snapshot lacks "+some(lacks)+", which are")
	}
	if err := c.fetchAll(ctx, s, info.Commit, lacks); err != nil {
		return "", err
	}
	return dir, nil
}

// some is a few of the files' names.
func some(files []File) string {
	var names []string
	for i, f := range files {
		if i == 5 {
			names = append(names, fmt.Sprintf("%d more", len(files)-i))
			break
		}
		names = append(names, printable(f.Path, 80))
	}
	if len(names) == 0 {
		return "it is empty"
	}
	return strings.Join(names, ", ")
}

// fetchAll fetches files of commit, Workers at a time.
func (c *Client) fetchAll(ctx context.Context, s store, commit string, files []File) error {
	need := int64(0)
	for _, f := range files {
		done := int64(0)
		if err := checkPath(f.Path); err != nil {
			return fmt.Errorf("hub: %s: %w", s.repo, err)
		}
		if etag := f.etag(); etag != "" && f.Size >= 0 {
			if isFile(s.blob(etag)) {
				done = f.Size
			} else if info, err := os.Stat(s.blob(etag) + ".incomplete"); err == nil {
				done = min(info.Size(), f.Size)
			}
			need += f.Size - done
		}
		c.report(Progress{Repo: s.repo, File: f.Path, Done: done, Total: f.Size})
	}
	if err := c.checkSpace(s.dir, need); err != nil {
		return fmt.Errorf("hub: %s: %w", s.repo, err)
	}

	asked := ctx
	ctx, cancel := context.WithCancelCause(asked)
	defer cancel(nil)
	queue := make(chan File)
	var workers sync.WaitGroup
	for range min(orDefault(c.Workers, 8), len(files)) {
		workers.Go(func() {
			for f := range queue {
				if _, err := c.fetch(ctx, s, commit, f, f.etag()); err != nil {
					cancel(c.explain(ctx, s.repo, f.Path, err)) // the first cause is the one that stays
				}
			}
		})
	}
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		queue <- f
	}
	close(queue)
	workers.Wait()
	switch {
	case asked.Err() != nil:
		return c.explain(asked, s.repo, "", asked.Err())
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}
