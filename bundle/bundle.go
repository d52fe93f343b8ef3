// Package bundle packs a program with its models and data sets into one archive for a machine without network, and
// checks such archives.
//
// An archive is a tar file compressed with zstd. Its first entry, manifest.json, lists the others with size and SHA-256;
// they follow in its order. There are plain files only, and the same files make the same bytes. Archives are taken to be
// hostile when they are read: no name leads out of the folder, no links, nothing that the manifest does not list, and no
// more bytes than it says.
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
	"slices"
	"strings"
	"time"

	"github.com/hone-ml/hone/internal/disk"
	"github.com/klauspost/compress/zstd"
)

// ManifestFile is the name of the first entry.
const ManifestFile = "manifest.json"

// A Manifest says what an archive holds.
type Manifest struct {
	Format  int     `json:"format"`  // 1
	Program string  `json:"program"` // who wrote it
	Files   []Entry `json:"files"`   // by path
}

// An Entry is a file of an archive.
type Entry struct {
	Path       string `json:"path"` // below the folder, with slashes
	Size       int64  `json:"size"`
	SHA256     string `json:"sha256"`
	Executable bool   `json:"executable,omitempty"`
}

// Bytes returns the size of all files.
func (m *Manifest) Bytes() (n int64) {
	for _, e := range m.Files {
		n += e.Size
	}
	return n
}

func (m *Manifest) encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}

// A Source is a file to pack: what is at From on disk, or Content if there is no From.
type Source struct {
	Path       string // in the archive
	From       string
	Content    []byte
	Executable bool
}

func (s Source) open() (io.ReadCloser, error) {
	if s.From == "" {
		return io.NopCloser(bytes.NewReader(s.Content)), nil
	}
	return os.Open(s.From)
}

// Folder lists the files of a folder to be packed below name, hidden ones and folders of checkpoints left out. Links are
// followed to files, as the Hub's cache has them.
func Folder(name, dir string) (files []Source, err error) {
	err = filepath.WalkDir(dir, func(file string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := file != dir && strings.HasPrefix(e.Name(), ".")
		if e.IsDir() {
			if hidden || file != dir && strings.HasPrefix(e.Name(), "checkpoint-") {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Stat(file)
		if err != nil || hidden || !info.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		files = append(files, Source{Path: path.Join(name, filepath.ToSlash(rel)), From: file})
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there is no file in %s", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return files, nil
}

// Write packs files into an archive at path, which appears whole or not at all, and returns its manifest. Progress, which
// may be nil, is told of the bytes read, twice those of the files: once for the hashes, once for the archive.
func Write(ctx context.Context, path, program string, files []Source, progress func(done, total int64)) (*Manifest, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b Source) int { return strings.Compare(a.Path, b.Path) })
	w := &writer{meter: meter{ctx: ctx, progress: progress}, files: files}
	m, err := w.manifest(program)
	if err == nil {
		err = disk.Need(path, m.Bytes())
	}
	if err == nil {
		err = disk.WriteFile(path, func(out io.Writer) error { return w.archive(out, m) })
	}
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return m, nil
}

type writer struct {
	meter
	files []Source
}

// manifest hashes the files.
func (w *writer) manifest(program string) (*Manifest, error) {
	m := &Manifest{Format: 1, Program: program}
	for _, f := range w.files {
		size := int64(len(f.Content))
		if f.From != "" {
			info, err := os.Stat(f.From)
			if err != nil {
				return nil, err
			}
			size = info.Size()
		}
		w.total += 2 * size
	}
	for _, f := range w.files {
		n, sum, err := w.copy(io.Discard, f)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, Entry{f.Path, n, sum, f.Executable})
	}
	return m, m.check()
}

// copy copies a file and returns its size and hash.
func (w *writer) copy(dst io.Writer, f Source) (int64, string, error) {
	in, err := f.open()
	if err != nil {
		return 0, "", err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), w.reader(in))
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// archive writes the archive. One thread and no times, so that the same files make the same bytes.
func (w *writer) archive(out io.Writer, m *Manifest) error {
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(maxWindow))
	if err != nil {
		return err
	}
	list, err := m.encode()
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	if err := header(t, Entry{Path: ManifestFile, Size: int64(len(list))}); err != nil {
		return err
	}
	if _, err := t.Write(list); err != nil {
		return err
	}
	for i, e := range m.Files {
		if err := header(t, e); err != nil {
			return err
		}
		n, sum, err := w.copy(t, w.files[i])
		if err == nil && (n != e.Size || sum != e.SHA256) {
			err = errors.New("it changes while it is read")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func header(t *tar.Writer, e Entry) error {
	mode := int64(0o644)
	if e.Executable {
		mode = 0o755
	}
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.Path, Size: e.Size, Mode: mode, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
}

// A meter counts the bytes that are read and ends when its context does.
type meter struct {
	ctx         context.Context
	progress    func(done, total int64)
	done, total int64
}

func (m *meter) reader(r io.Reader) io.Reader { return meterReader{m, r} }

type meterReader struct {
	*meter
	r io.Reader
}

func (r meterReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if r.done += int64(n); r.progress != nil {
		r.progress(r.done, r.total)
	}
	return n, err
}
