package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const (
	maxFiles = 1 << 20        // files of one repo
	maxPages = 10_000         // replies that list them
	maxLists = 4 * maxListing // bytes of these replies together
)

// A File is one file of a repo at a commit.
type File struct {
	Path string // slash-separated, as the server says: not yet checked
	Size int64  // bytes of content, -1 where unknown

	blobID  string // git's hash of the file, or of the pointer that stands for it
	sha256  string // of the content, for a file kept in LFS or Xet
	xetHash string // kept for Python's use only
}

// clean drops what is not of the form that it must have.
func (f File) clean() File {
	f.Size = max(f.Size, -1)
	if !sha1Pattern.MatchString(f.blobID) {
		f.blobID = ""
	}
	if !sha256Pattern.MatchString(f.sha256) {
		f.sha256 = ""
	}
	if !sha256Pattern.MatchString(f.xetHash) {
		f.xetHash = ""
	}
	return f
}

// etag is the name of the file's blob, "" where only the file's own headers tell. It equals the etag that the
// Hub sends with the content: the SHA-256 for LFS, git's hash for others.
func (f File) etag() string {
	if f.sha256 != "" {
		return f.sha256
	}
	return f.blobID
}

// Info is what a revision of a repo consists of.
type Info struct {
	Commit string // 40 hex digits
	Files  []File // in the server's order
}

// Info asks the Hub, or the cache where the Hub can't be reached, what the repo's revision consists of. What the
// cache says is complete or, where no list of files was kept, what it holds.
func (c *Client) Info(ctx context.Context, repo Repo) (Info, error) {
	s, err := c.store(repo)
	if err != nil {
		return Info{}, err
	}
	info, _, err := c.info(ctx, s)
	return info, err
}

// info is Info. complete is false for a list that only says what the cache holds.
func (c *Client) info(ctx context.Context, s store) (info Info, complete bool, err error) {
	known, complete := s.known()
	if c.Offline {
		if known.Commit == "" {
			return Info{}, false, offline(s, "it is")
		}
		return known, complete, nil
	}
	if isCommit(s.repo.Revision) && complete {
		return known, true, nil // what a commit holds never changes
	}
	tries := maxTries
	if known.Commit != "" {
		tries = 1
	}
	info, err = c.ask(ctx, s, tries)
	if err == nil {
		return info, true, nil
	}
	if known.Commit == "" || ctx.Err() != nil || !cacheMayAnswer(err) {
		return Info{}, false, c.explain(ctx, s.repo, "", err)
	}
	c.log().Warn("hub: using the cache, which may be older", "repo", s.repo.String(), "commit", known.Commit, "because", err)
	return known, complete, nil
}

// known is what the cache knows of the repo's revision: its Commit is "" where that is nothing.
func (s store) known() (info Info, complete bool) {
	commit := s.commit()
	if commit == "" {
		return Info{}, false
	}
	if files := s.tree(commit); files != nil {
		return Info{commit, files}, true
	}
	if files := s.cached(commit); len(files) > 0 {
		return Info{commit, files}, false
	}
	return Info{}, false
}

// ask gets commit and files from the server, and writes both to the cache where it can.
func (c *Client) ask(ctx context.Context, s store, tries int) (Info, error) {
	data, _, err := c.json(ctx, c.endpoint()+"/"+s.repo.api("revision"), tries)
	if err != nil {
		return Info{}, err
	}
	info, err := parseRevision(data)
	if err != nil {
		return Info{}, err
	}
	if isCommit(s.repo.Revision) && info.Commit != s.repo.Revision {
		return Info{}, fmt.Errorf("the Hub answers with commit %s", info.Commit)
	}
	files := s.tree(info.Commit)
	if files == nil {
		pinned := s.repo
		pinned.Revision = info.Commit
		files, err = c.askTree(ctx, pinned, maxTries)
		status := (*statusError)(nil)
		if errors.As(err, &status) && status.status == 404 {
			return info, nil // a mirror without /tree: names alone, and each file's headers tell the rest
		}
		if err != nil {
			return Info{}, err
		}
		c.harmless("list of files", s.rememberTree(info.Commit, files))
	}
	info.Files = files
	c.harmless("reference", s.setCommit(info.Commit))
	return info, nil
}

// rememberTree keeps a list that is fit for Python, too: it wants size and hash of every file.
func (s store) rememberTree(commit string, files []File) error {
	for _, f := range files {
		if f.blobID == "" || f.Size < 0 {
			return nil
		}
	}
	return s.setTree(commit, files)
}

// harmless logs an error of writing to the cache what can be found out again: the cache may be read-only.
func (c *Client) harmless(what string, err error) {
	if err != nil {
		c.log().Debug("hub: not cached: "+what, "because", err)
	}
}

// askTree lists all files of a commit with sizes and hashes, page by page.
func (c *Client) askTree(ctx context.Context, repo Repo, tries int) ([]File, error) {
	files, total := []File{}, 0
	at := c.endpoint() + "/" + repo.api("tree") + "?recursive=True&expand=False"
	for range maxPages {
		data, header, err := c.json(ctx, at, tries)
		if err != nil {
			return nil, err
		}
		page, err := parseTree(data)
		if err != nil {
			return nil, err
		}
		total += len(data)
		if files = append(files, page...); len(files) > maxFiles || total > maxLists {
			return nil, fmt.Errorf("more than %d files, or %d bytes of their list", maxFiles, maxLists)
		}
		next := nextLink(header.Values("Link"))
		if next == "" {
			return files, nil
		}
		if at, err = c.sameHub(at, next); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("its files are listed on more than %d pages", maxPages)
}

// sameHub is the address of the next page. A mirror may pass on links to the Hub behind it, which are turned
// back to the mirror; any other host is refused.
func (c *Client) sameHub(at, next string) (string, error) {
	from, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	to, err := from.Parse(next)
	if err != nil {
		return "", fmt.Errorf("link to the next page: %w", err)
	}
	if sameOrigin(from, to) {
		return to.String(), nil
	}
	if rest, ok := strings.CutPrefix(to.String(), DefaultEndpoint+"/"); ok {
		return c.endpoint() + "/" + rest, nil
	}
	return "", fmt.Errorf("link to the next page leads to another host, %.200q", to.Host)
}

// parseRevision reads the reply to /api/KINDs/ID/revision/REV: commit and names.
func parseRevision(data []byte) (Info, error) {
	var reply struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
		} `json:"siblings"`
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return Info{}, fmt.Errorf("the Hub's description of the repo is no JSON of the right form: %w", err)
	}
	if !isCommit(reply.SHA) {
		return Info{}, fmt.Errorf("the Hub's description of the repo has %.80q where a commit should be", reply.SHA)
	}
	if len(reply.Siblings) > maxFiles {
		return Info{}, fmt.Errorf("more than %d files", maxFiles)
	}
	info := Info{Commit: reply.SHA}
	for _, f := range reply.Siblings {
		info.Files = append(info.Files, File{Path: f.Name, Size: -1})
	}
	return info, nil
}

// parseTree reads one page of the reply to /api/KINDs/ID/tree/REV.
func parseTree(data []byte) ([]File, error) {
	var reply []struct {
		Type string `json:"type"`
		OID  string `json:"oid"`
		Size *int64 `json:"size"`
		Path string `json:"path"`
		LFS  *struct {
			OID  string `json:"oid"`
			Size *int64 `json:"size"`
		} `json:"lfs"`
		XetHash string `json:"xetHash"`
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return nil, fmt.Errorf("the Hub's list of files is no JSON of the right form: %w", err)
	}
	var files []File
	for _, e := range reply {
		if e.Type != "file" {
			continue
		}
		f := File{Path: e.Path, Size: -1, blobID: e.OID, xetHash: e.XetHash}
		if e.Size != nil {
			f.Size = *e.Size
		}
		if e.LFS != nil {
			if f.sha256 = e.LFS.OID; e.LFS.Size != nil {
				f.Size = *e.LFS.Size
			}
			if !sha256Pattern.MatchString(f.sha256) {
				return nil, fmt.Errorf("the Hub's list of files: %.200q: LFS hash %.80q is no SHA-256", e.Path, f.sha256)
			}
		}
		files = append(files, f.clean())
	}
	return files, nil
}

// nextLink is the target of rel="next" in Link headers (RFC 8288), "" where there is none.
func nextLink(headers []string) string {
	for _, rest := range headers {
		for {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			target, params, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			params, rest = cutLink(params)
			if isNext(params) {
				return target
			}
		}
	}
	return ""
}

// cutLink splits what follows a link's target at the comma before the next link.
func cutLink(s string) (params, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func isNext(params string) bool {
	for _, param := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			for _, rel := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
				if strings.EqualFold(rel, "next") {
					return true
				}
			}
		}
	}
	return false
}
