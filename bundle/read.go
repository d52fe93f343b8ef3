package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hone-ml/hone/internal/disk"
	"github.com/klauspost/compress/zstd"
)

// What an archive may ask for.
const (
	maxWindow   = 8 << 20   // bytes of zstd's memory
	maxManifest = 16 << 20  // bytes
	maxFiles    = 100_000   //
	maxBytes    = 100 << 40 // of all files
	maxPath     = 512       // bytes of a name
)

// Verify reads an archive to its end and returns its manifest, or what is wrong with it.
func Verify(ctx context.Context, archive io.Reader, progress func(done, total int64)) (*Manifest, error) {
	return decompress(ctx, archive, progress, func(m *Manifest) (sink, error) { return discard{}, nil })
}

// Unpack verifies an archive while it writes its files to the folder dir, which must not exist or be empty, and which
// appears whole or not at all.
func Unpack(ctx context.Context, archive io.Reader, dir string, progress func(done, total int64)) (m *Manifest, err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("bundle: %s is not empty: name a new folder", dir)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o777); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	err = disk.WriteDir(dir, func(tmp string) error {
		root, err := os.OpenRoot(tmp) // the system too refuses to leave it
		if err != nil {
			return err
		}
		defer root.Close()
		m, err = decompress(ctx, archive, progress, func(m *Manifest) (sink, error) {
			return folder{root}, disk.Need(dir, m.Bytes())
		})
		if err != nil {
			return err
		}
		list, err := m.encode()
		if err != nil {
			return err
		}
		return root.WriteFile(ManifestFile, list, 0o666)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// A sink takes the files of an archive.
type sink interface {
	create(Entry) (io.WriteCloser, error)
}

type discard struct{}

func (discard) create(Entry) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

type folder struct{ root *os.Root }

func (f folder) create(e Entry) (io.WriteCloser, error) {
	name := filepath.FromSlash(e.Path)
	if err := f.root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	mode := os.FileMode(0o666)
	if e.Executable {
		mode = 0o777
	}
	return f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// decompress reads an archive.
func decompress(ctx context.Context, archive io.Reader, progress func(done, total int64), to func(*Manifest) (sink, error)) (*Manifest, error) {
	z, err := zstd.NewReader(archive, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	defer z.Close()
	m := &meter{ctx: ctx, progress: progress}
	man, err := read(m, z, to)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return man, nil
}

// read reads the tar file within.
func read(meter *meter, r io.Reader, to func(*Manifest) (sink, error)) (*Manifest, error) {
	t := tar.NewReader(r)
	m, err := readManifest(t)
	if err != nil {
		return nil, err
	}
	meter.total = m.Bytes()
	out, err := to(m)
	if err != nil {
		return nil, err
	}
	for _, e := range m.Files {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("it ends before %s: is the download complete?", e.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("before %s: %w", e.Path, err)
		}
		if h.Name != e.Path || h.Typeflag != tar.TypeReg || h.Size != e.Size {
			return nil, fmt.Errorf("there is %.100q (type %q, %d bytes) where %s lists %s with %d bytes", h.Name, h.Typeflag, h.Size, ManifestFile, e.Path, e.Size)
		}
		if err := extract(meter.reader(t), e, out); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	if h, err := t.Next(); err == nil {
		return nil, fmt.Errorf("there is %.100q, which %s does not list", h.Name, ManifestFile)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return m, end(r)
}

// end refuses anything but zeros behind the last entry.
func end(r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err == nil && (len(b) == 1<<20 || len(bytes.Trim(b, "\x00")) > 0) {
		err = errors.New("there is something behind its end")
	}
	return err
}

func readManifest(t *tar.Reader) (*Manifest, error) {
	h, err := t.Next()
	if err != nil || h.Name != ManifestFile || h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("it does not begin with %s: hone bundle did not make it, or it is damaged (%v)", ManifestFile, err)
	}
	if h.Size > maxManifest {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", ManifestFile, h.Size, maxManifest)
	}
	b, err := io.ReadAll(t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestFile, err)
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestFile, err)
	}
	return &m, m.check()
}

var hexSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// check returns what is wrong with a manifest.
func (m *Manifest) check() error {
	switch {
	case m.Format != 1:
		return fmt.Errorf("%s has format %d, this version of hone reads format 1", ManifestFile, m.Format)
	case len(m.Files) > maxFiles:
		return fmt.Errorf("%s lists %d files, more than %d", ManifestFile, len(m.Files), maxFiles)
	}
	seen := map[string]bool{ManifestFile: true}
	var total int64
	for _, e := range m.Files {
		if err := checkPath(e.Path); err != nil {
			return err
		}
		folded := strings.ToLower(e.Path) // the same file to Windows and macOS
		switch {
		case seen[folded]:
			return fmt.Errorf("%.100q is listed twice", e.Path)
		case e.Size < 0 || e.Size > maxBytes-total:
			return fmt.Errorf("%s: %d bytes are more than an archive may have", e.Path, e.Size)
		case !hexSum.MatchString(e.SHA256):
			return fmt.Errorf("%s: %.80q is no SHA-256", e.Path, e.SHA256)
		}
		seen[folded], total = true, total+e.Size
	}
	return nil
}

// checkPath refuses a name that could be anything but a file below the folder, on any system.
func checkPath(p string) error {
	refuse := func(why string) error { return fmt.Errorf("file name %.100q refused: %s", p, why) }
	switch {
	case p == "" || len(p) > maxPath || !utf8.ValidString(p):
		return refuse("it is empty, not UTF-8 or too long")
	case path.Clean(p) != p || !filepath.IsLocal(filepath.FromSlash(p)):
		return refuse("it is not the plain path of a file below a folder")
	case strings.ContainsAny(p, `\:*?"<>|`):
		return refuse("it has a character that not all systems allow")
	}
	for _, r := range p {
		if r < ' ' || r == 0x7f {
			return refuse("it has a control character")
		}
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > 255 || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || part == ".." {
			return refuse("a part of it is too long, or ends in a dot or a space")
		}
	}
	return nil
}

// extract copies one file and checks its hash.
func extract(r io.Reader, e Entry, out sink) error {
	w, err := out.create(e)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), r)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != e.Size || sum != e.SHA256 {
		return fmt.Errorf("it has SHA-256 %s, %s says %s: the archive is damaged or was changed", sum, ManifestFile, e.SHA256)
	}
	return nil
}
