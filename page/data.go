package page

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hone-ml/hone/dataset"
)

// maxUpload bounds the files of one check, in bytes.
const maxUpload = 1 << 30

// A source is a split of a request: a file on disk and the name that people know it by.
type source struct {
	split, path, name string
}

// A Place is where in a file a fault is.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text,omitempty"` // the beginning of that line
}

// badData is an error of package dataset, with the place that it names.
type badData struct {
	error
	place *Place
}

func (b badData) Unwrap() error { return b.error }

func place(err error) *Place {
	var b badData
	if errors.As(err, &b) {
		return b.place
	}
	return nil
}

var placed = regexp.MustCompile(`([^\s:][^:]*):(\d+)(?::(\d+))?: `)

// known writes the names that people know instead of those of the files on disk.
func known(from []source, text string) string {
	for _, s := range from {
		if base := filepath.Base(s.path); base != s.name {
			text = strings.ReplaceAll(strings.ReplaceAll(text, s.path, s.name), base, s.name)
		}
	}
	return text
}

// locate finds the place that an error of a file names, and reads the line there.
func locate(from []source, err error) error {
	err = errors.New(known(from, err.Error()))
	m := placed.FindStringSubmatch(err.Error())
	if m == nil {
		return badData{err, nil}
	}
	p := &Place{File: strings.TrimSpace(m[1])}
	p.Line, _ = strconv.Atoi(m[2])
	p.Column, _ = strconv.Atoi(m[3])
	for _, s := range from {
		if s.name == p.File {
			p.Text = lineOf(s.path, p.Line)
		}
	}
	return badData{err, p}
}

// lineOf returns up to 200 characters of a line, from 1; "" where the file has none or is not text.
func lineOf(path string, line int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	s := bufio.NewScanner(io.LimitReader(f, 64<<20))
	s.Buffer(nil, 4<<20)
	for i := 1; s.Scan(); i++ {
		if i == line {
			if !utf8.Valid(s.Bytes()) {
				return ""
			}
			return clip(s.Text(), 200)
		}
	}
	return ""
}

var errNoData = errors.New("page: no data: name a training_file, and a validation_file if there is one")

// load reads each source as the split that it is for. Faults name the files as people know them.
func load(sources []source) (dataset.Dict, error) {
	if len(sources) == 0 {
		return nil, errNoData
	}
	var all dataset.Dict
	for _, s := range sources {
		d, err := dataset.Load(s.path, dataset.Options{MaxBytes: 4 * maxUpload})
		if err != nil {
			return nil, locate([]source{s}, err)
		}
		if len(d) == 1 {
			d[0].Name = s.split
		}
		for _, part := range d {
			if all.Split(part.Name) != nil {
				return nil, fmt.Errorf("page: there are two files for the split %s", part.Name)
			}
			all = append(all, part)
		}
	}
	return all, nil
}

// splits are the names that a file may be given for, in the order of a data set's splits.
var splits = []string{"train", "validation", "test"}

// receive stores the files of a multipart request in dir, each in a folder of its own, so that a file keeps its name
// and no name can be another's.
func receive(r *multipart.Reader, dir string) ([]source, map[string]string, error) {
	var out []source
	fields := map[string]string{}
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			return out, fields, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("page: the upload breaks off: %w", err)
		}
		field := part.FormName()
		if part.FileName() == "" {
			b, err := io.ReadAll(io.LimitReader(part, 1<<10))
			if err != nil {
				return nil, nil, fmt.Errorf("page: the upload breaks off: %w", err)
			}
			fields[field] = string(b)
			continue
		}
		if field == "file" {
			field = "train"
		}
		if !isSplit(field) {
			return nil, nil, fmt.Errorf("page: a file came as %q; it can be file, train, validation or test", field)
		}
		s, err := store(part, field, filepath.Join(dir, strconv.Itoa(len(out))))
		if err != nil {
			return nil, nil, err
		}
		out = append(out, s)
	}
}

func isSplit(split string) bool {
	for _, s := range splits {
		if s == split {
			return true
		}
	}
	return false
}

func store(part *multipart.Part, split, dir string) (source, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return source{}, fmt.Errorf("page: %w", err)
	}
	name := plainName(part.FileName())
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return source{}, fmt.Errorf("page: %w", err)
	}
	_, err = io.Copy(f, part)
	if err := errors.Join(err, f.Close()); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			err = fmt.Errorf("%s: more than %d MiB; hone data check reads files of any size", name, maxUpload>>20)
		}
		return source{}, fmt.Errorf("page: %w", err)
	}
	return source{split, path, name}, nil
}

// plainName makes of a name from outside one that is a name of a file everywhere: no folder, no control character,
// nothing that a system reserves, at most 80 bytes with its extension kept.
func plainName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	for len(name) > 80 {
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	stem, _, _ := strings.Cut(name, ".")
	if name = strings.TrimRight(name, ". "); name == "" || stem == "" || reserved.MatchString(stem) {
		name = "data" + name
	}
	return name
}

var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])\s*$`)

func clip(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
