package starter

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/hone-ml/hone/hub"
)

func TestReviews(t *testing.T) {
	data := Repos()[hub.Repo{Kind: hub.Dataset, ID: Name}]
	seen := map[string]string{}
	for split, want := range map[string]int{"train": 912, "validation": 200, "test": 200} {
		b, err := fs.ReadFile(data, split+".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		count := [2]int{}
		for line := range bytes.Lines(b) {
			var row struct {
				Text  string
				Label int
			}
			if err := json.Unmarshal(line, &row); err != nil || row.Text == "" || row.Label < 0 || row.Label > 1 {
				t.Fatalf("%s: %s: %v", split, line, err)
			}
			if other, ok := seen[row.Text]; ok {
				t.Errorf("%q stands in %s and in %s", row.Text, other, split)
			}
			for _, c := range []byte(row.Text) {
				if c >= 0x80 {
					t.Errorf("%q is not plain ASCII", row.Text)
					break
				}
			}
			seen[row.Text] = split
			count[row.Label]++
		}
		if count != [2]int{want / 2, want / 2} {
			t.Errorf("%s has %v reviews of each class, and its card says %d in all", split, count, want)
		}
	}
}

func TestSamples(t *testing.T) {
	rows := Samples()[Name]
	if n := bytes.Count(rows, []byte(`"label": "neg"}`)) + bytes.Count(rows, []byte(`"label": "pos"}`)); n != 912 || bytes.Count(rows, []byte("\n")) != n {
		t.Errorf("%d of %d rows have the name of a class", n, bytes.Count(rows, []byte("\n")))
	}
}

func TestModelIsSmall(t *testing.T) {
	f, err := fs.Stat(Repos()[hub.Repo{Kind: hub.Model, ID: Name}], "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if f.Size() > 16e6 {
		t.Errorf("the weights take %d bytes; at most 16 MB are carried", f.Size())
	}
}
