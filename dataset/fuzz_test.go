package dataset

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// loadBytes reads text as one file of a format, under tight limits.
func loadBytes(text []byte, format string) (*Dataset, error) {
	b := newBuilder(&budget{left: 64 << 20, max: 64 << 20})
	b.origin.open("f", format == "parquet")
	in := &input{name: "f", r: bytes.NewReader(text), maxLine: 1 << 16, budget: b.budget, size: int64(len(text))}
	var err error
	switch format {
	case "jsonl":
		err = b.readJSONL(in)
	case "json":
		err = b.readJSON(in)
	case "csv":
		if err = b.readCSV(in, ','); err == nil {
			b.typeCells(func(string) bool { return false })
		}
	case "text":
		err = b.readText(in)
	case "parquet":
		_, err = b.readParquet(bytes.NewReader(text), int64(len(text)), "f")
	}
	return b.dataset(), err
}

// walk touches all that a data set holds.
func walk(t *testing.T, d *Dataset) {
	for i, r := range d.Rows() {
		if _, err := json.Marshal(r.Map()); err != nil && !bytes.Contains([]byte(err.Error()), []byte("unsupported value")) {
			t.Fatalf("row %d: %v", i, err)
		}
		r.Where()
	}
	for _, c := range d.cols {
		if c.n != d.n {
			t.Fatalf("column %q has %d rows of %d", c.Name, c.n, d.n)
		}
	}
	dict := Dict{{"train", d}}
	if task, err := Infer(dict, Task{}); err == nil {
		if r, err := Check(dict, task, CheckOptions{}); err == nil {
			_ = r.String()
		}
	}
}

func FuzzJSONL(f *testing.F) {
	for _, s := range []string{`{"text": "a\u00e9", "label": 1}` + "\n" + `{"text": null, "label": 2.5}`, `[{"a": [1, {"b": "\ud83d\ude00"}]}]`,
		"{}\n\r\n{\"a\": true}", "\ufeff{\"a\": -0.1e+3}", `{"messages": [{"from": "human", "value": "x"}]}`, "{}\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := loadBytes(text, "jsonl"); err == nil {
			walk(t, d)
			// What was accepted is JSON for encoding/json as well.
			for line := range bytes.SplitSeq(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\n")) {
				if line = bytes.TrimSpace(line); d.Len() > 0 && len(line) > 0 && line[0] == '{' && !bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) && !json.Valid(line) {
					t.Fatalf("accepted %q", line)
				}
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`[{"text": "a"}, {"text": "b"}]`, `{"v": 1, "data": [{"a": {}}], "z": [[]]}`, "{\"a\": 1}\n{\"a\": 2}", "[\n]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := loadBytes(text, "json"); err == nil {
			walk(t, d)
		}
	})
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"text,label\na,1\n\"b \"\"q\"\"\nc\",2\n", ",x\n0,True\n1,False\n", "a\r\n1.5\r\n\r\n2\r\n", "\ufeffa,b\n,\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := loadBytes(text, "csv"); err == nil {
			walk(t, d)
		}
	})
}

func FuzzParquet(f *testing.F) {
	files, _ := filepath.Glob("testdata/parquet/*.parquet")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := loadBytes(text, "parquet"); err == nil {
			walk(t, d)
		}
	})
}

func FuzzCard(f *testing.F) {
	for _, s := range []string{"---\nconfigs:\n- config_name: a\n  data_files:\n  - split: train\n    path: \"data/*.csv\"\n---\n# x",
		"---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': neg\n          '1': pos\n---\n",
		"---\ndataset_info:\n- config_name: a\n  features: []\nconfigs: []\n---\n", "---\nconfigs:\n- config_name: a\n  data_dir: [\n---\n"} {
		f.Add([]byte(s))
	}
	files := []string{"a.csv", "data/train.csv", "data/test-00000-of-00001.csv"}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCard(text)
		if err != nil {
			return
		}
		for _, cfg := range c.configs {
			c.hintsFor(cfg.name)
			splits, err := cfg.resolve(files)
			for _, s := range splits {
				if err == nil && len(s.files) == 0 {
					t.Fatalf("split %q without files", s.name)
				}
			}
		}
	})
}

func FuzzLZ4(f *testing.F) {
	f.Add([]byte{0x10, 'a'}, 1)
	f.Add([]byte{0x1f, 'a', 1, 0, 0xff, 0, 0x10, 'b'}, 300)
	f.Fuzz(func(t *testing.T, src []byte, n int) {
		if n < 0 || n > 1<<16 {
			return
		}
		if k, err := lz4Block(make([]byte, n), src); err == nil && k > n {
			t.Fatalf("%d bytes in %d", k, n)
		}
	})
}
