package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// store is one repo's place in the cache:
//
//	CACHE/models--org--name/refs/main                   the commit that main was last known to be
//	                       /blobs/ETAG                  content, by hash
//	                       /snapshots/COMMIT/PATH       link to the blob
//	                       /trees/COMMIT.json           the list of files, complete
//	                       /.no_exist/COMMIT/PATH       known not to be there
//	CACHE/.locks/models--org--name/ETAG.lock            held while ETAG is downloaded or linked
type store struct {
	repo  Repo
	cache string
	dir   string
}

func (c *Client) store(repo Repo) (store, error) {
	repo = repo.withDefaults()
	if err := repo.Check(); err != nil {
		return store{}, err
	}
	cache := c.Cache
	if cache == "" {
		home, err := homeFolder(func(string) string { return "" }, os.UserHomeDir)
		if err != nil {
			return store{}, err
		}
		cache = filepath.Join(home, "hub")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return store{}, fmt.Errorf("hub: cache folder: %w", err)
	}
	return store{repo: repo, cache: cache, dir: filepath.Join(cache, repo.folder())}, nil
}

func (s store) blob(etag string) string { return filepath.Join(s.dir, "blobs", etag) }

func (s store) lockFile(etag string) string {
	return filepath.Join(s.cache, ".locks", s.repo.folder(), etag+".lock")
}

func (s store) snapshot(commit string) string { return filepath.Join(s.dir, "snapshots", commit) }

// pointer is where path of commit is or will be. The caller has checked both.
func (s store) pointer(commit, path string) string {
	return filepath.Join(s.snapshot(commit), filepath.FromSlash(path))
}

// commit is the repo's revision as a commit, as far as the cache knows, or "".
func (s store) commit() string {
	if isCommit(s.repo.Revision) {
		return s.repo.Revision
	}
	data, err := readSmall(filepath.Join(s.dir, "refs", filepath.FromSlash(s.repo.Revision)), 1<<10)
	if commit := strings.TrimSpace(string(data)); err == nil && isCommit(commit) {
		return commit
	}
	return ""
}

// setCommit records that the repo's revision is commit. It writes only what changes, for caches that are read-only.
func (s store) setCommit(commit string) error {
	if s.commit() == commit {
		return nil
	}
	return writeAtomic(filepath.Join(s.dir, "refs", filepath.FromSlash(s.repo.Revision)), []byte(commit))
}

// find is the path of a file at the repo's revision, or "" where the cache lacks it.
func (s store) find(path string) string {
	if commit := s.commit(); commit != "" {
		if p := s.pointer(commit, path); isFile(p) {
			return p
		}
	}
	return ""
}

// knownMissing says whether the Hub has said that the revision has no such file.
func (s store) knownMissing(path string) bool {
	commit := s.commit()
	return commit != "" && isFile(filepath.Join(s.dir, ".no_exist", commit, filepath.FromSlash(path)))
}

func (s store) setMissing(commit, path string) error {
	p := filepath.Join(s.dir, ".no_exist", commit, filepath.FromSlash(path))
	if isFile(p) {
		return nil
	}
	return writeAtomic(p, nil)
}

// treeFile is trees/COMMIT.json, in the form that huggingface_hub reads and writes.
type treeFile struct {
	Format int                  `json:"format_version"`
	Files  map[string]treeEntry `json:"files"`
}

type treeEntry struct {
	Size    int64  `json:"size"`
	BlobID  string `json:"blob_id"`
	SHA256  string `json:"lfs_sha256,omitempty"`
	LFSSize *int64 `json:"lfs_size,omitempty"`
	XetHash string `json:"xet_hash,omitempty"`
}

// tree is the list of the commit's files, nil where it isn't known or is damaged.
func (s store) tree(commit string) []File {
	data, err := readSmall(filepath.Join(s.dir, "trees", commit+".json"), maxListing)
	if err != nil {
		return nil
	}
	var t treeFile
	if json.Unmarshal(data, &t) != nil || t.Format != 1 || t.Files == nil {
		return nil
	}
	files := make([]File, 0, len(t.Files))
	for path, e := range t.Files {
		f := File{Path: path, Size: e.Size, blobID: e.BlobID, sha256: e.SHA256, xetHash: e.XetHash}
		if e.LFSSize != nil {
			f.Size = *e.LFSSize
		}
		files = append(files, f.clean())
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files
}

// setTree records a complete list of the commit's files.
func (s store) setTree(commit string, files []File) error {
	t := treeFile{Format: 1, Files: make(map[string]treeEntry, len(files))}
	for _, f := range files {
		e := treeEntry{Size: f.Size, BlobID: f.blobID, SHA256: f.sha256, XetHash: f.xetHash}
		if f.sha256 != "" {
			e.LFSSize = &f.Size
		}
		t.Files[f.Path] = e
	}
	data, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return err
	}
	return writeAtomic(filepath.Join(s.dir, "trees", commit+".json"), data)
}

// cached lists the files that a snapshot's folder has.
func (s store) cached(commit string) []File {
	root := s.snapshot(commit)
	var files []File
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), tempPrefix) {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		info, statErr := os.Stat(path) // the blob, not the link
		if err == nil && statErr == nil && info.Mode().IsRegular() {
			files = append(files, File{Path: filepath.ToSlash(rel), Size: info.Size()})
		}
		return nil
	})
	return files
}

// missing are the files that the commit's snapshot lacks.
func (s store) missing(commit string, files []File) (lacks []File) {
	for _, f := range files {
		if checkPath(f.Path) != nil || !isFile(s.pointer(commit, f.Path)) {
			lacks = append(lacks, f)
		}
	}
	return lacks
}

// tag marks the cache as one, so that backups skip it. Failing is no harm.
func (s store) tag() {
	path := filepath.Join(s.cache, "CACHEDIR.TAG")
	if !isFile(path) {
		os.WriteFile(path, []byte("Signature: 8a477f597d28d172789f06886806bc55\n# A cache of the Hugging Face Hub; see https://bford.info/cachedir/\n"), 0o666)
	}
}

// place makes pointer lead to blob, by the first way that works: a relative symbolic link, a hard link, a copy,
// or, for a blob that nothing else needs (fresh), the file itself. The pointer appears whole or not at all.
func place(pointer, blob string, fresh bool, links ...func(blob, pointer string) error) error {
	if err := os.MkdirAll(filepath.Dir(pointer), 0o777); err != nil {
		return err
	}
	temp := tempName(pointer)
	defer os.Remove(temp)
	var err error
	for _, link := range links {
		if err = link(blob, temp); err == nil {
			return os.Rename(temp, pointer)
		}
	}
	if fresh {
		return os.Rename(blob, pointer)
	}
	if err := copyFile(temp, blob); err != nil {
		return err
	}
	return os.Rename(temp, pointer)
}

// links are the ways in which the client may place a blob.
func (c *Client) links() []func(blob, pointer string) error {
	if c.NoSymlinks {
		return []func(blob, pointer string) error{hardLink}
	}
	return []func(blob, pointer string) error{relativeSymlink, hardLink}
}

// hardLink links to the content itself: Python's blob may be a link to a store that several repos share.
func hardLink(blob, pointer string) error {
	content, err := filepath.EvalSymlinks(blob)
	if err != nil {
		return err
	}
	return os.Link(content, pointer)
}

func relativeSymlink(blob, pointer string) error {
	target, err := filepath.Rel(filepath.Dir(pointer), blob)
	if err != nil {
		return err
	}
	return os.Symlink(target, pointer)
}

func copyFile(dst, src string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// writeAtomic puts data at path, creating its folder; readers see the old content or the new.
func writeAtomic(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	temp := tempName(path)
	defer os.Remove(temp)
	if err := os.WriteFile(temp, data, 0o666); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: longer than %d bytes", path, limit)
	}
	return data, err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
