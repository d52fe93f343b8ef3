package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// maxUnpromised is how much of a file is taken from a server that doesn't say how long it is.
const maxUnpromised = 1 << 30

// forgiving is how many bytes a try must bring for the tries to be counted afresh.
const forgiving = 256 << 10

// download brings one file's content into partial, whole and verified. The caller holds the lock of etag.
type download struct {
	c       *Client
	repo    Repo
	commit  string
	file    File // Size -1 until some reply promises it
	etag    string
	partial string

	f        *os.File
	have     int64 // bytes of f that are good so far; it is this long
	reported time.Time
}

// errRestart is the reason for which a try begins again with an empty file.
var errRestart = errors.New("the server can't go on where the download broke off")

func (d *download) run(ctx context.Context) (err error) {
	// Not O_APPEND: should a lock have failed, two writers write the same bytes to the same places.
	d.f, err = os.OpenFile(d.partial, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, d.f.Close())
		if errors.Is(err, ErrCorrupt) {
			os.Remove(d.partial)
		}
	}()
	if err := d.begin(); err != nil {
		return err
	}
	resumed := d.have > 0
	err = d.complete(ctx)
	if errors.Is(err, ErrCorrupt) && resumed {
		d.c.log().Warn("hub: starting over: what an earlier download left is damaged", "file", d.file.Path)
		if err := d.reset(); err != nil {
			return err
		}
		err = d.complete(ctx)
	}
	if err != nil {
		return err
	}
	return d.f.Sync() // the name that it gets next says that it is whole
}

// begin finds out how much an earlier download left and whether the rest fits on the disk.
func (d *download) begin() error {
	info, err := d.f.Stat()
	if err != nil {
		return err
	}
	if d.have = info.Size(); d.file.Size < 0 || d.have > d.file.Size {
		if err := d.reset(); err != nil {
			return err
		}
	}
	return d.c.checkSpace(filepath.Dir(d.partial), d.file.Size-d.have)
}

func (d *download) reset() error {
	d.have = 0
	return d.f.Truncate(0)
}

// complete gets what is lacking, by as many tries as it takes and may take, and verifies the whole.
func (d *download) complete(ctx context.Context) error {
	again := retries{c: d.c, tries: maxTries}
	for d.have != d.file.Size {
		before := d.have
		err := d.try(ctx)
		if err == nil {
			break
		}
		if d.have-before >= forgiving {
			again.progressed()
		}
		if errors.Is(err, errRestart) {
			if err := d.reset(); err != nil {
				return err
			}
			again.tries--
			if again.tries > 0 {
				continue
			}
			return err
		}
		if err := again.again(ctx, err); err != nil {
			return err
		}
	}
	return d.verify(ctx)
}

// try is one request for what is lacking.
func (d *download) try(ctx context.Context) error {
	if d.file.Size < 0 && d.have > 0 {
		if err := d.reset(); err != nil { // without a length there is no telling what the rest is
			return err
		}
	}
	r := request{
		method:  "GET",
		url:     d.c.endpoint() + "/" + d.repo.resolve(d.commit, d.file.Path),
		timeout: orDefault(d.c.DownloadTimeout, 10*time.Second),
	}
	if d.have > 0 {
		r.rng = "bytes=" + strconv.FormatInt(d.have, 10) + "-"
	}
	resp, err := d.c.send(ctx, r)
	if status := (*statusError)(nil); errors.As(err, &status) && status.status == http.StatusRequestedRangeNotSatisfiable && d.have > 0 {
		return errRestart
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := d.accept(resp); err != nil {
		return err
	}
	return d.copy(resp.Body, shown(resp.Request.URL))
}

// accept settles from the headers of a reply where its body goes and how long the file is.
func (d *download) accept(resp *http.Response) error {
	total := int64(-1)
	switch resp.StatusCode {
	case http.StatusOK:
		if d.have > 0 { // the server doesn't know ranges: this is the file from its beginning
			if err := d.reset(); err != nil {
				return err
			}
		}
		total = resp.ContentLength
	case http.StatusPartialContent:
		start, whole, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if !ok || start != d.have {
			if d.have == 0 {
				return d.corrupt("the server answers with a part of it that nobody asked for")
			}
			return errRestart
		}
		total = whole
	default:
		return fmt.Errorf("the server answers %s to a request for the content", resp.Status)
	}
	if total >= 0 && d.file.Size >= 0 && total != d.file.Size {
		return d.corrupt(fmt.Sprintf("the server sends %d bytes where %d were promised", total, d.file.Size))
	}
	if d.file.Size < 0 && total >= 0 {
		d.file.Size = total
		return d.c.checkSpace(filepath.Dir(d.partial), total)
	}
	return nil
}

// copy appends body to the file, up to the size promised and not a byte further.
func (d *download) copy(body io.Reader, from string) error {
	limit := d.file.Size
	if limit < 0 {
		limit = maxUnpromised
	}
	d.progress(true)
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if int64(n) > limit-d.have {
			return d.corrupt(fmt.Sprintf("the server sends more than %d bytes", limit))
		}
		if _, err := d.f.WriteAt(buf[:n], d.have); err != nil {
			return err
		}
		d.have += int64(n)
		d.progress(false)
		switch {
		case err == io.EOF && d.file.Size < 0:
			d.file.Size = d.have
			return nil
		case err == io.EOF && d.have < d.file.Size:
			return &networkError{from, io.ErrUnexpectedEOF}
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// progress reports, ten times a second at most unless always.
func (d *download) progress(always bool) {
	if now := time.Now(); always || now.Sub(d.reported) >= 100*time.Millisecond {
		d.reported = now
		d.c.report(Progress{Repo: d.repo, File: d.file.Path, Done: d.have, Total: d.file.Size})
	}
}

func (d *download) corrupt(what string) error {
	return &problem{ErrCorrupt, nil, what + ": a proxy or mirror between may be at fault: try again, or another HF_ENDPOINT"}
}

// verify compares what is on the disk, not what went by, with what the etag says of it.
func (d *download) verify(ctx context.Context) error {
	if d.file.Size >= 0 && d.have != d.file.Size {
		return d.corrupt(fmt.Sprintf("%d bytes where %d were promised", d.have, d.file.Size))
	}
	ok, err := matches(ctx, d.f, d.have, d.etag)
	if err == nil && !ok {
		err = d.corrupt("its hash is not " + d.etag)
	}
	return err
}

// matches says whether content of size bytes has the hash that etag is: SHA-256 where it is 64 hex digits; where
// it is 40, git's hash of a file, or, from the mirrors that send that, the content's own SHA-1. Any other etag says
// nothing of the content and matches.
func matches(ctx context.Context, content io.ReadSeeker, size int64, etag string) (bool, error) {
	var hashes []hash.Hash
	switch {
	case sha256Pattern.MatchString(etag):
		hashes = []hash.Hash{sha256.New()}
	case sha1Pattern.MatchString(etag):
		git := sha1.New()
		fmt.Fprintf(git, "blob %d\x00", size)
		hashes = []hash.Hash{git, sha1.New()}
	default:
		return true, nil
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	buf := make([]byte, 1<<20)
	for {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		n, err := content.Read(buf)
		for _, h := range hashes {
			h.Write(buf[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, err
		}
	}
	for _, h := range hashes {
		if hex.EncodeToString(h.Sum(nil)) == etag {
			return true, nil
		}
	}
	return false, nil
}

var contentRange = regexp.MustCompile(`^bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)$`)

// parseContentRange reads a Content-Range header. whole is -1 where the server doesn't say.
func parseContentRange(header string) (start, whole int64, ok bool) {
	m := contentRange.FindStringSubmatch(header)
	if m == nil {
		return 0, 0, false
	}
	start, _ = strconv.ParseInt(m[1], 10, 64)
	if whole, _ = strconv.ParseInt(m[2], 10, 64); m[2] == "*" {
		whole = -1
	}
	return start, whole, true
}

// checkSpace returns an ErrNoSpace unless need more bytes fit on the disk of dir. Where that can't be found out, they do.
func (c *Client) checkSpace(dir string, need int64) error {
	free := c.free
	if free == nil {
		free = freeBytes
	}
	for ; need > 0; dir = filepath.Dir(dir) { // dir may not exist yet
		n, err := free(dir)
		if err == nil && n < uint64(need) {
			return &problem{ErrNoSpace, nil, fmt.Sprintf(
				"the disk of %s has %s free and %s more are needed: make room, or set HF_HUB_CACHE to another disk", dir, size(n), size(uint64(need)))}
		}
		if err == nil || dir == filepath.Dir(dir) {
			break
		}
	}
	return nil
}

// size is n bytes for people.
func size(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	exp := min(int(math.Log10(float64(n))/3), 5)
	return fmt.Sprintf("%.1f %cB", float64(n)/math.Pow(1000, float64(exp)), " kMGTP"[exp])
}
