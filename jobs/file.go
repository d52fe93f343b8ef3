package jobs

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hone-ml/hone/internal/disk"
)

// A File is an uploaded file, in OpenAI's shape.
type File struct {
	ID        string `json:"id"`
	Object    string `json:"object"` // file
	Bytes     int64  `json:"bytes"`
	CreatedAt int64  `json:"created_at"` // Unix, seconds
	Filename  string `json:"filename"`   // as the user named it; no path is made of it
	Purpose   string `json:"purpose"`
	Status    string `json:"status"` // processed

	Ext string `json:"-"` // of the content's file, which says how it is read
}

// Names of ids are the only names of users' things that become paths.
var (
	fileID = regexp.MustCompile(`^file-[a-z0-9]{26}$`)
	jobID  = regexp.MustCompile(`^ftjob-[a-z0-9]{26}$`)
)

func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

// extensions are those that content is kept under; all else is JSONL, as OpenAI's is.
var extensions = []string{".jsonl", ".json", ".csv", ".tsv", ".parquet", ".txt"}

func extension(name string) string {
	if ext := strings.ToLower(filepath.Ext(name)); slices.Contains(extensions, ext) {
		return ext
	}
	return ".jsonl"
}

const maxRecord = 1 << 20 // bytes of a file.json or job.json

// readRecord reads a JSON file that this package wrote.
func readRecord(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(b) > maxRecord {
		err = errors.New("has more than a MiB")
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func writeRecord(path string, v any) error {
	return disk.WriteFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

// loadFiles reads all that was uploaded. What is no upload is left alone and told of.
func (m *Manager) loadFiles() error {
	entries, err := os.ReadDir(m.files)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !fileID.MatchString(e.Name()) {
			continue
		}
		f, err := loadFile(filepath.Join(m.files, e.Name()))
		if err != nil {
			m.log.Warn("jobs: an uploaded file is left out", "error", err)
			continue
		}
		m.uploads[f.ID] = f
	}
	return nil
}

func loadFile(dir string) (*File, error) {
	f := &File{}
	if err := readRecord(filepath.Join(dir, "file.json"), f); err != nil {
		return nil, err
	}
	f.Ext = extension(f.Filename)
	info, err := os.Stat(filepath.Join(dir, "content"+f.Ext))
	switch {
	case err != nil:
		return nil, err
	case f.ID != filepath.Base(dir):
		return nil, fmt.Errorf("%s: file.json is that of %.60q", dir, f.ID)
	case f.Bytes != info.Size():
		return nil, fmt.Errorf("%s has %d bytes, but %d were uploaded", dir, info.Size(), f.Bytes)
	}
	return f, nil
}

// content returns where a file's bytes lie.
func (m *Manager) content(f *File) string { return filepath.Join(m.files, f.ID, "content"+f.Ext) }

// spare is what stays free on the disk beside an upload, so that jobs can write their records.
const spare = 64 << 20

// upload takes a multipart form with the fields purpose and file.
func (m *Manager) upload(w http.ResponseWriter, r *http.Request) error {
	m.mu.Lock()
	n := len(m.uploads)
	m.mu.Unlock()
	if n >= m.o.MaxFiles {
		return refuse("", "there are %d files already, which is the most this server keeps; delete some", n)
	}
	if r.ContentLength > m.o.MaxFileBytes+maxRecord {
		return tooLarge(m.o.MaxFileBytes)
	}
	if err := m.need(max(0, r.ContentLength) + spare); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, m.o.MaxFileBytes+maxRecord)
	form, err := r.MultipartReader()
	if err != nil {
		return refuse("file", "expected a multipart form with the fields file and purpose: %v", err)
	}
	f := &File{ID: newID("file-"), Object: "file", CreatedAt: time.Now().Unix(), Status: "processed"}
	err = disk.WriteDir(filepath.Join(m.files, f.ID), func(tmp string) error {
		if err := m.receive(form, f, tmp); err != nil {
			return err
		}
		return writeRecord(filepath.Join(tmp, "file.json"), f)
	})
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		return tooLarge(m.o.MaxFileBytes)
	}
	if err != nil {
		return m.orFull(err)
	}
	m.mu.Lock()
	m.uploads[f.ID] = f
	m.mu.Unlock()
	return reply(w, f)
}

// need returns an error unless so many bytes are free.
func (m *Manager) need(n int64) error {
	err := disk.Need(m.files, n)
	if err == nil {
		return nil
	}
	m.log.Error("jobs: the disk is full", "error", err)
	return &apiError{http.StatusInsufficientStorage, "", "insufficient_storage", "the server has not enough disk space for this; delete files and jobs, or try again later"}
}

// orFull is err, or where the disk is full the error that says so.
func (m *Manager) orFull(err error) error {
	if e := (*apiError)(nil); errors.As(err, &e) {
		return err
	}
	return cmp.Or(m.need(maxRecord), err)
}

// receive reads the form's parts, in any order, into f and the folder tmp.
func (m *Manager) receive(form *multipart.Reader, f *File, tmp string) error {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuse("file", "the form breaks off: %w", err)
		}
		switch part.FormName() {
		case "purpose":
			b, err := io.ReadAll(io.LimitReader(part, 100))
			if err != nil {
				return refuse("purpose", "%w", err)
			}
			f.Purpose = string(b)
		case "file":
			if f.Filename != "" {
				return refuse("file", "there are two files; upload one at a time")
			}
			f.Filename = filename(part.FileName())
			f.Ext = extension(f.Filename)
			if f.Bytes, err = m.save(filepath.Join(tmp, "content"+f.Ext), part); err != nil {
				return err
			}
		}
	}
	switch {
	case f.Filename == "":
		return refuse("file", "the form has no file")
	case f.Purpose != "fine-tune":
		return refuse("purpose", "purpose is %.40q; this server takes files with the purpose fine-tune", f.Purpose)
	case f.Bytes == 0:
		return refuse("file", "the file is empty")
	}
	return nil
}

func (m *Manager) save(path string, r io.Reader) (int64, error) {
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, err
	}
	defer dst.Close()
	in := &source{r: io.LimitReader(r, m.o.MaxFileBytes+1)}
	n, err := io.Copy(dst, in)
	switch {
	case in.err != nil:
		return n, refuse("file", "the upload breaks off: %w", in.err)
	case err != nil:
		return n, err
	case n > m.o.MaxFileBytes:
		return n, tooLarge(m.o.MaxFileBytes)
	}
	return n, dst.Close()
}

// A source keeps the error of reading, which is the client's, apart from those of writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// filename is the user's name of a file, without folders and not longer than names are.
func filename(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.ToValidUTF8(name, "�")
	for len(name) > 255 {
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	if name == "" {
		name = "upload.jsonl"
	}
	return name
}

func (m *Manager) listFiles(w http.ResponseWriter, r *http.Request) error {
	p, err := paging(r, 10000, 10000)
	if err != nil {
		return err
	}
	m.mu.Lock()
	var all []*File
	for _, f := range m.uploads {
		if want := r.FormValue("purpose"); want == "" || want == f.Purpose {
			all = append(all, f)
		}
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b *File) int { return newest(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
	if r.FormValue("order") == "asc" {
		slices.Reverse(all)
	}
	return sendPage(w, p, all, func(f *File) string { return f.ID })
}

// file returns the file that the request's path names.
func (m *Manager) file(r *http.Request) (*File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.findFile("file_id", r.PathValue("id"))
}

// findFile returns an uploaded file; m.mu is held.
func (m *Manager) findFile(param, id string) (*File, error) {
	if f := m.uploads[id]; f != nil {
		return f, nil
	}
	return nil, &apiError{http.StatusNotFound, param, "not_found", fmt.Sprintf("there is no file %.60q", id)}
}

func (m *Manager) getFile(w http.ResponseWriter, r *http.Request) error {
	f, err := m.file(r)
	if err != nil {
		return err
	}
	return reply(w, f)
}

func (m *Manager) fileContent(w http.ResponseWriter, r *http.Request) error {
	f, err := m.file(r)
	if err != nil {
		return err
	}
	c, err := os.Open(m.content(f))
	if err != nil {
		return err
	}
	defer c.Close()
	w.Header().Set("Content-Type", "application/octet-stream") // never what the uploader wants it to be taken for
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Unix(f.CreatedAt, 0), c)
	return nil
}

// deleteFile removes a file. Jobs have links of their own to their data, so none is hurt.
func (m *Manager) deleteFile(w http.ResponseWriter, r *http.Request) error {
	f, err := m.file(r)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(m.files, f.ID)); err != nil {
		return err
	}
	m.mu.Lock()
	delete(m.uploads, f.ID)
	m.mu.Unlock()
	return reply(w, map[string]any{"id": f.ID, "object": "file", "deleted": true})
}

// link makes dst another name of src, or a copy where the file system has no links.
func link(dst, src string) error {
	err := os.Link(src, dst)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	return disk.WriteFile(dst, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
}
