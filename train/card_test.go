package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/internal/fixtures"
)

// card writes the card of the reference's run and returns it.
func card(t *testing.T, c Card, change func(*State)) string {
	t.Helper()
	var ref reference
	readJSON(t, "trainer/gpt2/run.json", &ref)
	b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "trainer/gpt2"), "trainer_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseState(b)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(s)
	}
	tr := newTrainer(t, "gpt2", ref.Args)
	if err := os.MkdirAll(tr.Args.OutputDir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteCard(c, &tr.Args, s); err != nil {
		t.Fatal(err)
	}
	b, err = os.ReadFile(filepath.Join(tr.Args.OutputDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The headings, lists and the table of the card are the reference's, in its order.
func TestCardHasReferenceSkeleton(t *testing.T) {
	got := card(t, Card{BaseModel: "hone/tiny", Tags: []string{"tiny"}}, nil)
	b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "trainer/gpt2"), "model_card_skeleton.md"))
	if err != nil {
		t.Fatal(err)
	}
	rest := got
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "- optimizer") {
			continue
		}
		if strings.HasPrefix(line, "- Transformers") {
			break // the versions are ours
		}
		_, after, ok := strings.Cut(rest, line+"\n")
		if !ok {
			t.Fatalf("no line %q, in its place, in\n%s", line, got)
		}
		rest = after
	}
}

func TestCardMetadata(t *testing.T) {
	got := card(t, Card{Name: "no", BaseModel: "org/base", License: "mit", Languages: []string{"en", "no"}, Datasets: []string{"org/data"}}, func(s *State) {
		for _, row := range s.LogHistory {
			if _, ok := row["eval_runtime"]; ok {
				row["eval_accuracy"] = 0.875
			}
		}
	})
	_, head, _ := strings.Cut(got, "---\n")
	head, _, _ = strings.Cut(head, "---\n")
	var meta map[string]any
	if err := yaml.Unmarshal([]byte(head), &meta); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"library_name": "transformers", "language": []any{"en", "no"}, "license": "mit", "base_model": "org/base",
		"tags": []any{"generated_from_trainer", "hone"}, "datasets": []any{"org/data"}, "metrics": []any{"accuracy"},
		"model-index": []any{map[string]any{"name": "no", "results": []any{map[string]any{
			"task":    map[string]any{"name": "Text Generation", "type": "text-generation"},
			"dataset": map[string]any{"name": "org/data", "type": "org/data"},
			"metrics": []any{map[string]any{"name": "Accuracy", "type": "accuracy", "value": 0.875}},
		}}}}}
	if d := cmp.Diff(want, meta); d != "" {
		t.Error(d)
	}
	if !strings.Contains(got, "| Training Loss | Epoch  | Step | Validation Loss | Accuracy |") {
		t.Errorf("no column for the accuracy in\n%s", got)
	}
}
