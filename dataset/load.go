package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Options of Load. The zero value is right for most data.
type Options struct {
	// Config names a configuration of the folder's README.md; "" is its default.
	Config string
	// DataFiles maps a split to glob patterns below the folder and takes the place of all inference, as
	// datasets' data_files does. Load of a file doesn't look at it.
	DataFiles map[string][]string
	// Format reads the files as "jsonl", "json", "csv", "tsv", "parquet" or "text"; "" goes by the extension.
	// Of a folder only files with a known extension are read even so.
	Format string
	// ClassNames gives columns their class names, in the order of the ids, and comes before all metadata.
	ClassNames map[string][]string
	// MaxBytes bounds what all files together may take in memory; 0 is 16 GiB. It stops decompression bombs.
	MaxBytes int64
	// MaxLine bounds a line of text, or a CSV record; 0 is 64 MiB.
	MaxLine int
}

// A Split is a named Dataset.
type Split struct {
	Name string
	*Dataset
}

// A Dict is the splits of a data set, datasets' DatasetDict: train, validation and test first, then the
// others by name.
type Dict []Split

// Split returns the split of that name, nil if there is none.
func (d Dict) Split(name string) *Dataset {
	for _, s := range d {
		if s.Name == name {
			return s.Dataset
		}
	}
	return nil
}

// Names is the names of the splits in their order.
func (d Dict) Names() []string {
	names := make([]string, len(d))
	for i, s := range d {
		names[i] = s.Name
	}
	return names
}

// Load reads a file, as the split train, or a folder, whose splits it finds as datasets' load_dataset does:
// by the configs in README.md, else by shards named data/{split}-NNNNN-of-NNNNN, else by split words in the
// names of folders or files, else all is train. Everything is read and checked before it returns; an error
// names the file, the line and what was expected there.
func Load(path string, o Options) (Dict, error) {
	d, err := load(path, o)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return d, nil
}

func load(root string, o Options) (Dict, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return loadFile(root, o)
	}
	for _, name := range []string{"dataset_dict.json", "state.json"} {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			return nil, fmt.Errorf("%s was written by save_to_disk (Arrow files); write it again with to_parquet", root)
		}
	}
	files, err := listFiles(root)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no data files; they end in %s, alone or before .gz or .zst", root, strings.Join(extensions(), ", "))
	}
	c, err := readCard(root)
	if err != nil {
		return nil, err
	}
	splits, config, err := findSplits(o, c, files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	if o.Format == "" {
		if splits, err = oneFormat(splits); err != nil {
			return nil, fmt.Errorf("%s: %w", root, err)
		}
	}
	l := newLoader(o, root, c.hintsFor(config))
	var d Dict
	for _, s := range splits {
		if len(s.files) == 0 {
			return nil, fmt.Errorf("%s: split %q has no data files; hidden files and folders don't count", root, s.name)
		}
		ds, err := l.split(s)
		if err != nil {
			return nil, err
		}
		d = append(d, Split{s.name, ds})
	}
	return d, o.checkClassNames(d)
}

// checkClassNames refuses names for a column that no split has.
func (o Options) checkClassNames(d Dict) error {
	for name := range o.ClassNames {
		if !slices.ContainsFunc(d, func(s Split) bool { return s.find(name) != nil }) {
			return fmt.Errorf("class names for column %q; the columns are %s", name, list(d[0].Columns()))
		}
	}
	return nil
}

func loadFile(name string, o Options) (Dict, error) {
	if _, known := formatOf(name); !known && o.Format == "" {
		return nil, fmt.Errorf("%s: unknown kind of file; the name must end in %s, alone or before .gz or .zst, or name the format",
			name, strings.Join(extensions(), ", "))
	}
	l := newLoader(o, filepath.Dir(name), nil)
	d, err := l.split(splitFiles{"train", []string{filepath.Base(name)}})
	if err != nil {
		return nil, err
	}
	out := Dict{{"train", d}}
	return out, o.checkClassNames(out)
}

func findSplits(o Options, c card, files []string) (splits []splitFiles, config string, err error) {
	if len(o.DataFiles) > 0 {
		for name, patterns := range o.DataFiles {
			found, err := resolvePatterns(".", patterns, files)
			if err != nil {
				return nil, "", fmt.Errorf("data files of split %q: %w", name, err)
			}
			splits = append(splits, splitFiles{name, found})
		}
		sortSplits(splits)
		return splits, o.Config, nil
	}
	cfg, err := c.config(o.Config)
	if err != nil {
		return nil, "", err
	}
	if cfg == nil {
		splits, err = inferSplits(files)
		return splits, o.Config, err
	}
	splits, err = cfg.resolve(files)
	sortSplits(splits)
	return splits, cfg.name, err
}

// formats maps extensions to formats, in the reference's order of preference.
var formats = []struct{ ext, format string }{
	{"parquet", "parquet"}, {"jsonl", "jsonl"}, {"ndjson", "jsonl"}, {"json", "json"},
	{"csv", "csv"}, {"tsv", "tsv"}, {"txt", "text"},
}

func extensions() []string {
	out := make([]string, len(formats))
	for i, f := range formats {
		out[i] = "." + f.ext
	}
	return out
}

// formatOf is the format of a file by its name: the last known extension but for .gz and .zst.
func formatOf(name string) (string, bool) {
	name = strings.ToLower(filepath.Base(name))
	for {
		ext := path.Ext(name)
		name = strings.TrimSuffix(name, ext)
		switch ext {
		case ".gz", ".zst", ".zstd":
			continue
		}
		for _, f := range formats {
			if ext == "."+f.ext {
				return f.format, true
			}
		}
		return "", false
	}
}

// oneFormat keeps the files of the format that is most common in each split, as the reference does: a folder
// may hold a readme.txt beside its Parquet files. Splits of different formats are an error. JSON and JSONL
// count as one.
func oneFormat(splits []splitFiles) ([]splitFiles, error) {
	family := func(f string) string {
		format, _ := formatOf(f)
		return strings.TrimSuffix(format, "l")
	}
	out := slices.Clone(splits)
	var first string
	for i, s := range splits {
		count := map[string]int{}
		for _, f := range s.files {
			count[family(f)]++
		}
		best := ""
		for _, f := range formats { // in order of preference: the first of equals stays
			if k := strings.TrimSuffix(f.format, "l"); count[k] > count[best] {
				best = k
			}
		}
		if i == 0 {
			first = best
		} else if best != first {
			return nil, fmt.Errorf("split %q is %s but split %q is %s; keep one format", splits[0].name, first, s.name, best)
		}
		out[i].files = slices.DeleteFunc(slices.Clone(s.files), func(f string) bool { return family(f) != best })
	}
	return out, nil
}

// loader reads the files of one Load.
type loader struct {
	o      Options
	root   string
	hints  hints
	budget *budget
}

func newLoader(o Options, root string, h hints) *loader {
	if o.MaxLine <= 0 {
		o.MaxLine = 64 << 20
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 16 << 30
	}
	return &loader{o: o, root: root, hints: h, budget: &budget{left: o.MaxBytes, max: o.MaxBytes}}
}

func (l *loader) split(s splitFiles) (*Dataset, error) {
	b := newBuilder(l.budget)
	h := hints{}
	cells := false
	for _, f := range s.files {
		format := l.o.Format
		if format == "" {
			format, _ = formatOf(f)
		}
		cells = format == "csv" || format == "tsv"
		found, err := l.file(b, f, format)
		if err != nil {
			return nil, err
		}
		for name, v := range found {
			h[name] = v
		}
	}
	for name, v := range l.hints {
		if _, ok := h[name]; !ok {
			h[name] = v
		}
	}
	for name, names := range l.o.ClassNames {
		if err := checkNames(names); err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		h[name] = hint{names: names}
	}
	if cells {
		b.typeCells(func(name string) bool { return h[name].dtype == "string" })
	}
	d := b.dataset()
	return d, encode(d, h)
}

// encode turns the columns that have class names into Label columns.
func encode(d *Dataset, h hints) error {
	for _, c := range d.cols {
		names := h[c.Name].names
		if bad, ok := c.encode(names); !ok {
			return fmt.Errorf("%s: column %q: found %s, expected one of the %d classes: an id from 0 to %d or one of %s",
				d.origin.where(bad), c.Name, c.show(bad), len(names), len(names)-1, list(names))
		}
	}
	return nil
}

// file reads one file into b and returns what its metadata says of the columns.
func (l *loader) file(b *builder, name, format string) (hints, error) {
	full := filepath.Join(l.root, filepath.FromSlash(name))
	info, err := os.Stat(full) // before Open: a named pipe would block it
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := os.Open(full)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b.origin.open(name, format == "parquet")
	if format == "parquet" {
		return b.readParquet(f, info.Size(), name)
	}
	in := &input{name: name, maxLine: l.o.MaxLine, budget: l.budget, size: info.Size()}
	closer, err := in.open(f)
	if err != nil {
		return nil, readError(name, err)
	}
	defer closer()
	switch format {
	case "jsonl":
		err = b.readJSONL(in)
	case "json":
		err = b.readJSON(in)
	case "csv":
		err = b.readCSV(in, ',')
	case "tsv":
		err = b.readCSV(in, '\t')
	case "text":
		err = b.readText(in)
	default:
		err = fmt.Errorf("no format %q; there are jsonl, json, csv, tsv, parquet and text", format)
	}
	return nil, err
}

// input is a text file, decompressed, whose bytes are counted against the limits.
type input struct {
	name    string
	r       io.Reader
	maxLine int
	budget  *budget
	size    int64 // bytes on disk
	n       int64 // bytes read from r
}

// open puts the right decompressor between f and in.r. It looks at the first bytes, not at the name.
func (in *input) open(f *os.File) (closer func(), err error) {
	var magic [4]byte
	n, err := io.ReadFull(f, magic[:])
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	closer = func() {}
	in.r = &counted{in, f}
	switch {
	case n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		in.r = &counted{in, z}
	case magic == [4]byte{0x28, 0xb5, 0x2f, 0xfd}:
		z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(256<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		closer = z.Close
		in.r = &counted{in, z}
	case strings.HasSuffix(strings.ToLower(in.name), ".gz"), strings.HasSuffix(strings.ToLower(in.name), ".zst"):
		if n > 0 {
			return nil, fmt.Errorf("the name says compressed, but the file begins with % x", magic[:n])
		}
		return nil, errors.New("the file is empty")
	}
	return closer, nil
}

// counted charges what is read to the budget and stops what decompresses out of all proportion.
type counted struct {
	in *input
	r  io.Reader
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.in.n += int64(n)
	if e := c.in.budget.spend(int64(n)); e != nil {
		return 0, e
	}
	if bomb(c.in.n, c.in.size) {
		return 0, fmt.Errorf("%s of file decompress to more than %s: a decompression bomb", size(c.in.size), size(c.in.n))
	}
	return n, err
}

// bomb tells whether compressed bytes that become out bytes are no plausible data. Text shrinks to a fifth,
// the dullest of it to a hundredth.
func bomb(out, compressed int64) bool {
	return out > 256<<20 && out/1000 > compressed
}

// budget is what all files of a Load together may take.
type budget struct{ left, max int64 }

func unlimited() *budget { return &budget{math.MaxInt64, math.MaxInt64} }

func (b *budget) spend(n int64) error {
	if n < 0 || n > b.left {
		return fmt.Errorf("the data take more than %s in memory; raise MaxBytes if that is meant", size(b.max))
	}
	b.left -= n
	return nil
}
