package hub

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode/utf8"
)

// Kind says what a repo holds; its text is the one in folder names and addresses, less the s.
type Kind string

const (
	Model   Kind = "model"   // weights, configuration and tokenizer: https://huggingface.co/ID
	Dataset Kind = "dataset" // rows: https://huggingface.co/datasets/ID
)

// Repo names a repo at a revision. Its zero Kind means Model and its zero Revision means "main".
type Repo struct {
	Kind     Kind
	ID       string // "org/name", or "name" for old ones as gpt2
	Revision string // branch, tag, commit, or a reference such as refs/convert/parquet
}

// String is the repo for people: "model org/name", with "at REVISION" unless that is main.
func (r Repo) String() string {
	r = r.withDefaults()
	s := fmt.Sprintf("%s %s", r.Kind, r.ID)
	if r.Kind == Dataset {
		s = "data set " + r.ID
	}
	if r.Revision != "main" {
		s += " at " + r.Revision
	}
	return s
}

func (r Repo) withDefaults() Repo {
	if r.Kind == "" {
		r.Kind = Model
	}
	if r.Revision == "" {
		r.Revision = "main"
	}
	return r
}

var (
	idPattern     = regexp.MustCompile(`^(\w[\w\-.]{0,95}/)?\w[\w\-.]{0,95}$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sha1Pattern   = commitPattern
)

// isCommit says whether revision is a whole commit hash: what it names never changes.
func isCommit(revision string) bool { return commitPattern.MatchString(revision) }

// Check returns an error that names the fault unless the repo can be asked for. The limits on ID are
// huggingface_hub's: letters, digits, '-', '_' and '.', at most 96 a part, no "--", no "..", no ".git" at the end.
func (r Repo) Check() error {
	r = r.withDefaults()
	if r.Kind != Model && r.Kind != Dataset {
		return fmt.Errorf("hub: kind %q: want %q or %q", string(r.Kind), Model, Dataset)
	}
	fault := ""
	switch id := r.ID; {
	case id == "":
		fault = "it is empty"
	case strings.Count(id, "/") > 1:
		fault = "it has more than one '/'"
	case strings.Contains(id, "--") || strings.Contains(id, ".."):
		fault = `it contains "--" or ".."`
	case strings.HasSuffix(id, ".git"):
		fault = "it ends in .git"
	case !idPattern.MatchString(id) || !partsEndInWord(id):
		fault = "a part may have letters, digits, '-', '_' and '.', not '-' or '.' at its ends, and at most 96 of them"
	}
	if fault != "" {
		return fmt.Errorf("hub: %q is not the name of a repo: %s; want \"name\" or \"org/name\"", r.ID, fault)
	}
	if err := checkPath(r.Revision); err != nil || len(r.Revision) > 255 || strings.HasPrefix(r.Revision, "-") {
		return fmt.Errorf("hub: %q is not the name of a revision: want a branch, a tag or a commit", r.Revision)
	}
	return nil
}

func partsEndInWord(id string) bool {
	for _, part := range strings.Split(id, "/") {
		if strings.HasSuffix(part, "-") || strings.HasSuffix(part, ".") {
			return false
		}
	}
	return true
}

// folder is the name of the repo's folder in the cache: models--org--name.
func (r Repo) folder() string {
	return string(r.Kind) + "s--" + strings.ReplaceAll(r.ID, "/", "--")
}

// page is the path of the repo's web page, below the endpoint.
func (r Repo) page() string {
	if r.Kind == Dataset {
		return "datasets/" + r.ID
	}
	return r.ID
}

// api is the path of the repo's description, or of what is below it, at its revision.
func (r Repo) api(what string) string {
	return "api/" + string(r.Kind) + "s/" + r.ID + "/" + what + "/" + url.PathEscape(r.Revision)
}

// resolve is the path of a file's content at revision.
func (r Repo) resolve(revision, path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return r.page() + "/resolve/" + url.PathEscape(revision) + "/" + strings.Join(parts, "/")
}

// checkPath refuses a slash-separated path that could mean anything but a file below a folder, under the rules
// of any system: a cache made on one may be read on another. It is the gate for every name that comes from outside.
func checkPath(path string) error {
	refuse := func(why string) error { return fmt.Errorf("file name %q refused: %s", path, why) }
	switch {
	case path == "":
		return refuse("it is empty")
	case len(path) > 1024:
		return refuse("it is longer than 1024 bytes")
	case !utf8.ValidString(path):
		return refuse("it is not UTF-8")
	case strings.Contains(path, `\`):
		return refuse("it has a backslash")
	}
	for _, r := range path {
		if r < ' ' || r == 0x7f {
			return refuse("it has a control character")
		}
	}
	for _, part := range strings.Split(path, "/") {
		switch {
		case part == "":
			return refuse("it begins or ends with '/', or has two in a row")
		case part == "." || part == "..":
			return refuse("it has the part " + part)
		case len(part) > 255:
			return refuse("a part is longer than 255 bytes")
		case len(part) >= 2 && part[1] == ':':
			return refuse("it names a drive")
		}
	}
	if runtime.GOOS == "windows" && (strings.ContainsAny(path, `<>:"|?*`) || !filepath.IsLocal(filepath.FromSlash(path))) {
		return refuse("Windows has no such names")
	}
	return nil
}

// checkETag refuses an etag that can't name a blob. Dots are out because blobs/ also holds ETAG.incomplete.
func checkETag(etag string) error {
	ok := etag != "" && len(etag) <= 128
	for i := 0; i < len(etag); i++ {
		c := etag[i]
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' && i > 0 || c == '_')
	}
	if !ok || checkPath(etag) != nil {
		return fmt.Errorf("etag %.140q can't name a file: is the endpoint a Hub?", etag)
	}
	return nil
}

// normalETag takes the quotes and the mark of weakness off an ETag header.
func normalETag(header string) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(header), "W/"), `"`)
}
