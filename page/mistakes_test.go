package page

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/hub"
)

// A classifier that has learnt next to nothing makes mistakes; they are listed, the surest first, and the rows that
// training held out are those that are looked at.
func TestMistakesOfTheRowsHeldOut(t *testing.T) {
	data := filepath.Join(t.TempDir(), "content.jsonl")
	if err := os.WriteFile(data, []byte(strings.Repeat(rows, 20)), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	s := defaultSettings()
	s.TestSize, s.MaxSteps = 0.1, 1
	offline := &hub.Client{Offline: true}
	if _, err := s.fineTune(Tiny(t), data, out).Run(context.Background(), hone.Watch{Hub: offline}); err != nil {
		t.Fatal(err)
	}
	h := Handler(Config{
		File:   func(id string) (string, string, error) { return data, "reviews.jsonl", nil },
		Models: func() map[string]string { return map[string]string{"tuned": out} },
	})
	m := answer[struct {
		Split    string
		Rows, Of int
		Report   struct {
			Confusion [][]int `json:"confusion_matrix"`
		}
		Mistakes []Mistake
	}](t, h, post("/v1/hone/mistakes", `{"model": "tuned", "training_file": "f", "test_size": 0.1}`), 200)
	if m.Split != "held out" || m.Rows != 6 || m.Of != 6 {
		t.Errorf("%+v", m)
	}
	wrong := 0
	for i, line := range m.Report.Confusion {
		for j, n := range line {
			if i != j {
				wrong += n
			}
		}
	}
	if len(m.Mistakes) != wrong {
		t.Errorf("%d mistakes, the matrix has %d", len(m.Mistakes), wrong)
	}
	for i, x := range m.Mistakes {
		if !strings.HasPrefix(x.Where, "reviews.jsonl:") || x.Label == x.Predicted || i > 0 && x.Score > m.Mistakes[i-1].Score {
			t.Errorf("%d: %+v", i, x)
		}
	}
	past := answer[struct{ Data []Past }](t, h, get("/v1/hone/runs"), 200)
	if len(past.Data) != 1 || past.Data[0].Model != "tuned" || past.Data[0].Steps != 1 || len(past.Data[0].Log) == 0 {
		t.Errorf("%+v", past)
	}
}
