package dataset

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hone-ml/hone/internal/realdata"
	"github.com/parquet-go/parquet-go/format"
)

// write puts a file below a folder and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// floats makes all numbers float64, as encoding/json decodes what the oracle wrote.
func floats(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}

func rowMaps(d *Dataset) []any {
	out := []any{}
	for _, r := range d.Rows() {
		out = append(out, floats(r.Map()))
	}
	return out
}

func TestSplitsOfTheReference(t *testing.T) {
	var cases []struct {
		Files          []string
		Readme, Config string
		Splits         map[string][]string
	}
	fixture(t, "splits.json", &cases)
	for _, c := range cases {
		dir := t.TempDir()
		for _, f := range c.Files {
			write(t, dir, f, "")
		}
		if c.Readme != "" {
			write(t, dir, "README.md", c.Readme)
		}
		files, err := listFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		card, err := readCard(dir)
		if err != nil {
			t.Fatal(err)
		}
		splits, _, err := findSplits(Options{Config: c.Config}, card, files)
		if err == nil {
			splits, err = oneFormat(splits)
		}
		if err != nil {
			t.Errorf("%v: %v", c.Files, err)
			continue
		}
		got := map[string][]string{}
		rank := 0
		for _, s := range splits {
			got[s.name] = s.files
			if splitRank(s.name) < rank {
				t.Errorf("%v: split %s stands too late", c.Files, s.name)
			}
			rank = splitRank(s.name)
		}
		if d := cmp.Diff(c.Splits, got); d != "" {
			t.Errorf("%v: %s", c.Files, d)
		}
	}
}

func TestRowsOfTheReference(t *testing.T) {
	var want struct {
		Files []struct {
			Name, Source string
			Columns      []string
			Rows         []any
		}
		Encoded struct {
			Source, Names []string
			Ids           []int32
		}
	}
	fixture(t, "rows.json", &want)
	for _, w := range want.Files {
		d, err := Load(write(t, t.TempDir(), w.Name, w.Source), Options{})
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		ds := d.Split("train")
		if diff := cmp.Diff(w.Columns, ds.Columns()); diff != "" {
			t.Errorf("%s: %s", w.Name, diff)
		}
		if diff := cmp.Diff(w.Rows, rowMaps(ds)); diff != "" {
			t.Errorf("%s: %s", w.Name, diff)
		}
	}
	var text strings.Builder
	for _, s := range want.Encoded.Source {
		fmt.Fprintf(&text, "{\"text\": \"x\", \"label\": %q}\n", s)
	}
	d, err := Load(write(t, t.TempDir(), "a.jsonl", text.String()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	task, err := Infer(d, Task{})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := task.Labels(d[0].Dataset)
	if err != nil || !reflect.DeepEqual(ids, want.Encoded.Ids) || !reflect.DeepEqual(task.Names, want.Encoded.Names) {
		t.Errorf("labels %v of %q (%v), want %v of %q", ids, task.Names, err, want.Encoded.Ids, want.Encoded.Names)
	}
}

func TestParquetOfTheReference(t *testing.T) {
	var want struct {
		Rows map[string][]any
		Flat []any
	}
	fixture(t, "parquet_rows.json", &want)
	files, _ := filepath.Glob("testdata/parquet/*.parquet")
	if len(files) == 0 {
		t.Fatal("no fixtures")
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".parquet")
		rows := want.Rows[name]
		if strings.HasPrefix(name, "flat_") {
			rows = want.Flat
		}
		d, err := Load(f, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(rows, rowMaps(d[0].Dataset)); diff != "" {
			t.Errorf("%s: %s", name, clip(diff, 2000))
		}
		if strings.HasPrefix(name, "flat_") && !reflect.DeepEqual(d[0].Omitted(), []string{"raw: binary"}) {
			t.Errorf("%s: omitted %v", name, d[0].Omitted())
		}
	}
	d, err := Load("testdata/parquet/classlabel.parquet", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := d[0].Feature("label"); f.Type != Label || !reflect.DeepEqual(f.Names, []string{"neg", "pos"}) {
		t.Errorf("label is %+v", f)
	}
}

func TestUnsupportedCompression(t *testing.T) {
	whole, err := os.ReadFile("testdata/parquet/classlabel.parquet")
	if err != nil {
		t.Fatal(err)
	}
	text := withFooter(t, whole, func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.Codec = format.Brotli })
	if _, err := loadBytes(text, "parquet"); err == nil || !strings.Contains(err.Error(), "compression BROTLI is not supported; write the file with zstd or snappy") {
		t.Error(err)
	}
}

func TestCompressed(t *testing.T) {
	var want struct{ Rows map[string][]any }
	fixture(t, "parquet_rows.json", &want)
	for _, f := range []string{"testdata/text/reviews.jsonl.gz", "testdata/text/reviews.jsonl.zst"} {
		d, err := Load(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Rows["classlabel"], rowMaps(d[0].Dataset)); diff != "" {
			t.Errorf("%s: %s", f, diff)
		}
		whole, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		cut := write(t, t.TempDir(), filepath.Base(f), string(whole[:len(whole)-40]))
		if _, err := Load(cut, Options{}); err == nil || !strings.Contains(err.Error(), filepath.Base(f)) {
			t.Errorf("truncated %s: %v", f, err)
		}
		_, err = Load(f, Options{MaxBytes: 1000})
		if err == nil || !strings.Contains(err.Error(), "MaxBytes") {
			t.Errorf("%s over the limit: %v", f, err)
		}
	}
}

// TestFaults: every fault names the file, the line and what was expected.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.jsonl", "{\"a\": 1}\n{\"a\": 2,}\n", `a.jsonl:2:9: found "}", expected a string in double quotes`},
		{"a.jsonl", "{\"a\": 1}\n\n{\"a\": \"x\"}\n", `a.jsonl:3:7: column "a": found a string "x", but a.jsonl:1 has an integer`},
		{"a.jsonl", "{\"a\": 1}\n[1]\n", `a.jsonl:2:1: found "[", expected an object`},
		{"a.jsonl", "{\"a\": 1} x\n", `a.jsonl:1:10: found "x" after the object`},
		{"a.jsonl", "{\"a\": 'x'}\n", `a.jsonl:1:7: ' is Python, not JSON`},
		{"a.jsonl", "{\"a\": NaN}\n", `a.jsonl:1:7: NaN is Python, not JSON`},
		{"a.jsonl", "{\"a\": 1, \"a\": 2}\n", `key "a" twice`},
		{"a.jsonl", "{\"a\": \"\xff\"}\n", `a.jsonl:1:8: byte 0xFF is not UTF-8`},
		{"a.jsonl", "{\"a\": \"\\ud800\"}\n", `a.jsonl:1:8: half a surrogate pair`},
		{"a.jsonl", "{\"a\": \"\x00\"}\n", `a.jsonl:1:8: raw control byte 0x00`},
		{"a.jsonl", "\x00\x00\n", `a.jsonl:1:1: a NUL byte`},
		{"a.jsonl", "{\"a\": 99999999999999999999}\n", `a.jsonl:1:7: column "a": 99999999999999999999 doesn't fit 64 bits`},
		{"a.jsonl", "{\"a\": 007}\n", `a.jsonl:1:7: a number may not start with 0`},
		{"a.jsonl", "\xff\xfe{\x00\"\x00", "UTF-16"},
		{"a.jsonl", "{\x00\"\x00", "UTF-16"},
		{"a.jsonl", "{\"a\": \"" + strings.Repeat("x", 100) + "\"}\n{\"a\": \"" + strings.Repeat("y", 1<<20) + "\"}", "a.jsonl:2: a line of more than 512 KiB"},
		{"a.json", "[\n {\"a\": 1},\n {\"a\": tru}\n]", `a.json:3:8: found "t", expected a JSON value`},
		{"a.json", "[{\"a\": 1},\n", `a.json:2:1: found the end, expected an object`},
		{"a.json", "{\"data\": [{\"a\": 1},\n2]}", `a.json:2:1: found "2", expected an object`},
		{"a.csv", "x,y\n1,2\n3\n", `a.csv:3: 1 cells, but the header names 2 columns`},
		{"a.csv", "x,x\n1,2\n", `a.csv:1:3: the header names column "x" twice`},
		{"a.csv", "text;label\na;1\n", `a.csv:1:5: the header "text;label" is one cell: the separator seems to be ';'`},
		{"a.csv", "x,y\n1,\"2\n3,4\n", `a.csv:2: a quoted cell that begins here has no closing quote`},
		{"a.csv", "x,y\n\"a\" b,2\n", `a.csv:2:4: text after the closing quote`},
		{"a.csv", "x,y\na,b\xff\n", `a.csv:2:4: byte 0xFF is not UTF-8`},
		{"a.csv", "x,y\na,b\x00\n", `a.csv:2:4: a NUL byte`},
		{"a.txt", "fine\nnot \xc3\n", `a.txt:2:5: byte 0xC3 is not UTF-8`},
		{"a.parquet", "PAR1", "too few for a Parquet file"},
		{"a.parquet", "PAR1 but then cut in the middle", "truncated"},
		{"a.jsonl.gz", "{}", "a.jsonl.gz: the name says compressed"},
		{"a.pdf", "x", "unknown kind of file"},
	} {
		_, err := Load(write(t, t.TempDir(), c.name, c.text), Options{MaxLine: 1 << 19})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: error %v, want %q", c.name, clip(c.text, 40), err, c.want)
		}
	}
}

func TestTolerated(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.jsonl", "\ufeff{\"a\": 1}\r\n\r\n{\"a\": 2.5, \"b\": true}\n\n\n", `[{"a":1,"b":null},{"a":2.5,"b":true}]`},
		{"a.jsonl", "[{\"a\": 1},\n{\"a\": 2}]", `[{"a":1},{"a":2}]`},
		{"a.json", "{\"a\": 1}\n{\"a\": 2}\n", `[{"a":1},{"a":2}]`},
		{"a.json", "{\"version\": \"1\", \"data\": [{\"a\": \"x\"}], \"more\": {}}", `[{"a":"x"}]`},
		{"a.jsonl", "{\"a\": {\"k\": [1, \"\\u00e9\"]}}\n", `[{"a":{"k":[1,"é"]}}]`},
		{"a.jsonl", "", `[]`},
		{"a.csv", "\ufeffid,text\n007,NA\n012,\n", `[{"id":"007","text":"NA"},{"id":"012","text":null}]`},
		{"a.csv", ",text\n0,a\n1,b\n", `[{"Unnamed: 0":0,"text":"a"},{"Unnamed: 0":1,"text":"b"}]`},
		{"a.tsv", "a\tb\n\"x\ty\"\t\"\"\n", `[{"a":"x\ty","b":null}]`},
		{"a.txt", "one\rtwo\r\nthree", `[{"text":"one"},{"text":"two"},{"text":"three"}]`},
	} {
		d, err := Load(write(t, t.TempDir(), c.name, c.text), Options{})
		if err != nil {
			t.Errorf("%s %q: %v", c.name, c.text, err)
			continue
		}
		var want []any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, rowMaps(d[0].Dataset)); diff != "" {
			t.Errorf("%s %q: %s", c.name, c.text, diff)
		}
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "README.md", "---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': bad\n          1: good\n---\n")
	write(t, dir, "train.csv", "text,label\n1,0\n2,1\n")
	write(t, dir, "test.csv", "text,label\n3,1\n")
	d, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %v %v", d.Names(), d.Split("test").Features(), d.Split("train").Row(1).Value("text")); got != "[train test] [{text string []} {label class_label [bad good]}] 2" {
		t.Error(got)
	}
	_, err = Load(dir, Options{ClassNames: map[string][]string{"label": {"one"}}})
	if err == nil || !strings.Contains(err.Error(), `train.csv:3: column "label": found 1, expected one of the 1 classes`) {
		t.Error(err)
	}
	_, err = Load(dir, Options{ClassNames: map[string][]string{"lable": {"one"}}})
	if err == nil || !strings.Contains(err.Error(), `class names for column "lable"; the columns are "text", "label"`) {
		t.Error(err)
	}
	d, err = Load(dir, Options{DataFiles: map[string][]string{"all": {"*.csv"}}})
	if err != nil || fmt.Sprintf("%v %v %v %v", d.Names(), d[0].Len(), d[0].Where(0), d[0].Where(2)) != "[all] 3 test.csv:2 train.csv:3" {
		t.Errorf("%v %v", d.Names(), err)
	}
	for _, c := range []struct{ readme, want string }{
		{"---\nconfigs:\n- config_name: a\n  data_files: ../*.csv\n---\n", "leads out of the data set's folder"},
		{"---\nconfigs:\n- config_name: a\n  data_files: https://example.com/x.csv\n---\n", "only files of the folder itself"},
		{"---\nconfigs:\n- config_name: a\n- config_name: b\n---\n", "none is the default"},
		{"---\nconfigs:\n- config_name: a\n  data_files:\n  - split: tr-ain\n    path: x\n---\n", "expected {split: name"},
		{"---\na: &x [1]\nb: [*x, *x]\n---\n", "aliases"},
		{"---\na: [\n---\n", "YAML head can't be read"},
	} {
		write(t, dir, "README.md", c.readme)
		if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.readme, err, c.want)
		}
	}
}

func TestHidden(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".cache/a.csv", "text\nx\n")
	if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "hidden files") {
		t.Error(err)
	}
	write(t, dir, "b.csv", "text\ny\n")
	if d, err := Load(dir, Options{}); err != nil || d[0].Len() != 1 || d[0].Row(0).Text("text") != "y" {
		t.Errorf("%v", err)
	}
}

// The Hub's cache is links into a folder of blobs.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "blobs/0123", "text\nx\n")
	snapshot := filepath.Join(dir, "snapshots", "abc")
	if err := os.MkdirAll(snapshot, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.FromSlash("../../blobs/0123"), filepath.Join(snapshot, "train.csv")); err != nil {
		t.Skip("no links here: ", err)
	}
	if d, err := Load(snapshot, Options{}); err != nil || d[0].Where(0) != "train.csv:2" {
		t.Errorf("%v", err)
	}
}

func TestBomb(t *testing.T) {
	in := &input{name: "a.gz", budget: unlimited(), size: 1000}
	_, err := io.Copy(io.Discard, &counted{in, endless{}})
	if err == nil || !strings.Contains(err.Error(), "1000 bytes of file decompress to more than 256 MiB") {
		t.Error(err)
	}
}

// endless reads whatever bytes.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestRottenTomatoes(t *testing.T) {
	dir := filepath.Dir(realdata.Path(t, "rotten_tomatoes/train.jsonl"))
	d, err := Load(dir, Options{ClassNames: map[string][]string{"label": {"neg", "pos"}}})
	if err != nil {
		t.Fatal(err)
	}
	task, err := Infer(d, Task{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{8530, 1066, 1066} {
		labels, err := task.Labels(d[i].Dataset)
		if err != nil || len(labels) != want || labels[0] != 1 || labels[want-1] != 0 {
			t.Errorf("%s: %d rows, labels %v to %v, error %v", d[i].Name, len(labels), labels[0], labels[len(labels)-1], err)
		}
	}
	// The first labels that datasets' own documentation shows for this shuffle.
	labels, err := task.Labels(d.Split("validation").Shuffle(42).Head(10))
	if err != nil || fmt.Sprint(labels) != "[1 0 1 1 0 0 0 0 0 0]" {
		t.Errorf("shuffled labels %v, error %v", labels, err)
	}
	r, err := Check(d, task, CheckOptions{})
	if err != nil || !r.Splits[0].Sorted || r.Splits[0].Labels[0].Count != 4265 {
		t.Errorf("report %v, error %v", r, err)
	}
}

func TestIMDb(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 130 MB")
	}
	dir := filepath.Dir(realdata.Path(t, "imdb/train.jsonl.zst"))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	d, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytes := 0
	for _, s := range d {
		text, err := s.Strings("text")
		if err != nil {
			t.Fatal(err)
		}
		for i := range text.Len() {
			bytes += len(text.At(i))
		}
	}
	heap := int(after.HeapAlloc - before.HeapAlloc)
	t.Logf("%d MB of text in %v, %d MB live, %d MB allocated in all", bytes>>20, took, heap>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
	if heap > 2*bytes {
		t.Errorf("%d bytes live for %d bytes of text", heap, bytes)
	}
	task, err := Infer(d, Task{})
	if err != nil || task.Kind != Classification || len(task.Names) != 2 {
		t.Errorf("%+v %v", task, err)
	}
	// "unsupervised" is no split word: the file is left out, as by the reference, and loads on its own.
	if got := fmt.Sprint(d.Names()); got != "[train test]" {
		t.Error(got)
	}
	d, err = Load(realdata.Path(t, "imdb/unsupervised.jsonl.zst"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := task.Labels(d[0].Dataset); err == nil || !strings.Contains(err.Error(), "unsupervised.jsonl.zst:1: column \"label\": found -1") {
		t.Error(err)
	}
	if _, err := Infer(d, Task{}); err == nil || !strings.Contains(err.Error(), "no row has a label") {
		t.Error(err)
	}
}
