package collate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/tokenizer"
)

// Pairs have the ids that TRL's DPOTrainer gives them.
func TestPreferenceEqualsTRL(t *testing.T) {
	tok, err := tokenizer.Load(filepath.Join("..", "generate", "testdata", "pipeline"))
	if err != nil {
		t.Fatal(err)
	}
	dialogue, err := NewDialogue(tok, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]struct {
		Row                      json.RawMessage
		Prompt, Chosen, Rejected []int32
	}
	b, err := os.ReadFile(filepath.Join("testdata", "preference.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for kind, cases := range all {
		for i, c := range cases {
			path := filepath.Join(t.TempDir(), "rows.jsonl")
			line, err := json.Marshal(c.Row)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(line, '\n'), 0o666); err != nil {
				t.Fatal(err)
			}
			d, err := dataset.Load(path, dataset.Options{})
			if err != nil {
				t.Fatal(err)
			}
			task, err := dataset.Infer(d, dataset.Task{})
			if err != nil {
				t.Fatal(err)
			}
			pairs, _, err := Preference{Tokenizer: tok, Dialogue: dialogue}.Encode(d[0].Dataset, task)
			if len(c.Prompt) == 0 && len(c.Chosen) < 2 {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for j, e := range []Example{pairs[0].Chosen, pairs[0].Rejected} {
				want := [][]int32{c.Chosen, c.Rejected}[j]
				if !slices.Equal(e.IDs, slices.Concat(c.Prompt, want)) {
					t.Errorf("%s %d: ids %v, TRL's %v and %v", kind, i, e.IDs, c.Prompt, want)
				}
				labels := slices.Concat(slices.Repeat([]int32{Ignore}, len(c.Prompt)), want)
				if !slices.Equal(e.Labels, labels) {
					t.Errorf("%s %d: labels %v, TRL's %v", kind, i, e.Labels, labels)
				}
			}
			if len(pairs[0].Chosen.IDs) < 4 {
				continue
			}
			short, stats, err := Preference{Tokenizer: tok, Dialogue: dialogue, MaxLength: len(c.Prompt) + 1}.Encode(d[0].Dataset, task)
			if err != nil || stats.Cut != 1 || len(short[0].Rejected.IDs) != len(c.Prompt)+1 {
				t.Errorf("%s %d: cut to %v, %+v, %v", kind, i, short, stats, err)
			}
		}
	}
}
