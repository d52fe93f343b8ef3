package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// File returns the path of one file of the repo in the cache, downloading it when the cache lacks it or the Hub has
// a newer one at the repo's revision. It costs one request, or none for a revision that is a commit. A file that
// isn't there is an ErrNotFound, in offline mode too when the Hub has said so before.
func (c *Client) File(ctx context.Context, repo Repo, path string) (string, error) {
	s, err := c.store(repo)
	if err != nil {
		return "", err
	}
	if err := checkPath(path); err != nil {
		return "", fmt.Errorf("hub: %s: %w", s.repo, err)
	}
	cached := s.find(path)
	switch {
	case cached != "" && (c.Offline || isCommit(s.repo.Revision)):
		return cached, nil
	case c.Offline && s.knownMissing(path):
		return "", c.explainStatus(s.repo, path, &statusError{status: 404, code: "EntryNotFound"})
	case c.Offline:
		return "", offline(s, "file "+path+" is")
	}
	tries := maxTries
	if cached != "" {
		tries = 1
	}
	m, err := c.head(ctx, s, path, tries)
	switch {
	case err == nil:
	case cached != "" && ctx.Err() == nil && cacheMayAnswer(err):
		c.log().Warn("hub: using the cache, which may be older", "file", cached, "because", err)
		return cached, nil
	default:
		return "", c.explain(ctx, s.repo, path, err)
	}
	c.harmless("reference", s.setCommit(m.commit))
	f := File{Path: path, Size: m.size}
	pointer, err := c.fetch(ctx, s, m.commit, f, m.etag)
	if err != nil {
		return "", c.explain(ctx, s.repo, path, err)
	}
	return pointer, nil
}

// metadata is what the headers of a file say.
type metadata struct {
	commit string
	etag   string
	size   int64 // -1 where the server doesn't say
}

// head asks for a file's metadata. That the file isn't there is remembered.
func (c *Client) head(ctx context.Context, s store, path string, tries int) (metadata, error) {
	r := request{
		method:  "HEAD",
		url:     c.endpoint() + "/" + s.repo.resolve(s.repo.Revision, path),
		timeout: orDefault(c.DownloadTimeout, 10*time.Second),
		onHub:   true,
	}
	if tries == 1 {
		r.timeout = orDefault(c.MetadataTimeout, 10*time.Second)
	}
	again := retries{c: c, tries: tries}
	for {
		m, err := c.headOnce(ctx, r)
		if err == nil {
			return m, nil
		}
		status := (*statusError)(nil)
		if errors.As(err, &status) && status.code == "EntryNotFound" && isCommit(status.commit) {
			c.harmless("reference", s.setCommit(status.commit))
			c.harmless("absence", s.setMissing(status.commit, path))
		}
		if err := again.again(ctx, err); err != nil {
			return metadata{}, err
		}
	}
}

func (c *Client) headOnce(ctx context.Context, r request) (metadata, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return metadata{}, err
	}
	resp.Body.Close()
	m := metadata{commit: resp.Header.Get("X-Repo-Commit"), size: -1}
	m.etag = resp.Header.Get("X-Linked-Etag")
	if m.etag == "" {
		m.etag = resp.Header.Get("ETag")
	}
	m.etag = normalETag(m.etag)
	if m.commit == "" || m.etag == "" {
		return m, errNotHub
	}
	if !isCommit(m.commit) {
		return m, fmt.Errorf("%.80q is no commit: is the endpoint a Hub?", m.commit)
	}
	if err := checkETag(m.etag); err != nil {
		return m, err
	}
	size := resp.Header.Get("X-Linked-Size")
	if size == "" && resp.StatusCode < 300 {
		size = resp.Header.Get("Content-Length")
	}
	if n, err := strconv.ParseInt(size, 10, 64); err == nil && n >= 0 {
		m.size = n
	}
	return m, nil
}

// fetch puts a file of commit into its place in the snapshot, if need be by downloading it, and returns the place.
// An empty etag means that only the file's headers tell it.
func (c *Client) fetch(ctx context.Context, s store, commit string, f File, etag string) (string, error) {
	if err := checkPath(f.Path); err != nil {
		return "", err
	}
	pointer := s.pointer(commit, f.Path)
	if isFile(pointer) {
		return pointer, nil
	}
	if etag == "" {
		pinned := s
		pinned.repo.Revision = commit
		m, err := c.head(ctx, pinned, f.Path, maxTries)
		if err != nil {
			return "", err
		}
		if m.commit != commit {
			return "", fmt.Errorf("the Hub answers with commit %s", m.commit)
		}
		etag, f.Size = m.etag, m.size
	}
	unlock, err := lock(ctx, s.lockFile(etag), func() {
		c.log().Info("hub: waiting for another program that downloads the same file", "file", f.Path, "lock", s.lockFile(etag))
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(pointer) {
		return pointer, nil
	}
	blob, fresh := s.blob(etag), false
	if info, err := os.Stat(blob); err != nil || f.Size >= 0 && info.Size() != f.Size {
		if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
			return "", err
		}
		s.tag()
		d := download{c: c, repo: s.repo, commit: commit, file: f, etag: etag, partial: blob + ".incomplete"}
		if err := d.run(ctx); err != nil {
			return "", err
		}
		if err := os.Rename(d.partial, blob); err != nil {
			return "", err
		}
		fresh, f.Size = true, d.have
	} else {
		f.Size = info.Size()
	}
	if err := place(pointer, blob, fresh, c.links()...); err != nil {
		return "", fmt.Errorf("can't place it in the snapshot: %w", err)
	}
	c.report(Progress{Repo: s.repo, File: f.Path, Done: f.Size, Total: f.Size})
	return pointer, nil
}
