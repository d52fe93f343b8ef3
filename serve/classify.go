package serve

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/hone-ml/hone"
)

// A classifyRequest is the body of POST /v1/classify.
type classifyRequest struct {
	Model string `json:"model"`
	Input texts  `json:"input"`
}

func (q *classifyRequest) model() string { return q.Model }

func (q *classifyRequest) check() error {
	if n := len(q.Input); n == 0 || n > maxInputs {
		return bad("input", "has %d texts; expected 1 to %d", n, maxInputs)
	}
	return nil
}

// A classified input: the likeliest label, and all of them with their probabilities, the likeliest first.
type classified struct {
	Index  int          `json:"index"`
	Label  string       `json:"label"`
	Score  float64      `json:"score"`
	Scores []hone.Score `json:"scores"`
	// Truncated tells that the text was too long and lost its beginning.
	Truncated bool `json:"truncated,omitempty"`
}

// classify answers with the class of each text, as hone predict does.
func (s *Server) classify(w http.ResponseWriter, r *http.Request) error {
	var q classifyRequest
	m, ctx, done, err := s.begin(w, r, &q)
	if err != nil {
		return err
	}
	defer done()
	v := m.parts.Verbalizer
	if v == nil {
		return bad("model", "%s is no classifier: it was not trained on texts with labels", m.name)
	}
	longest := 0
	for _, w := range v.Words() {
		longest = max(longest, len(w))
	}
	items := make([]*item, len(q.Input))
	data := make([]classified, len(q.Input))
	tokens := 0
	for i, text := range q.Input {
		ids, cut := v.Prompt(text)
		if len(ids) == 0 {
			return bad("input", "text %d is empty", i)
		}
		if err := m.engine.check(ids, longest-1); err != nil {
			return err
		}
		items[i] = &item{kind: classify, adapter: m.adapter, words: v.Words(), ids: ids}
		data[i] = classified{Index: i, Truncated: cut}
		tokens += len(ids)
	}
	callOf(r).prompt = tokens
	if err := m.engine.compute(ctx, items); err != nil {
		return err
	}
	for i, x := range items {
		d := &data[i]
		for class, p := range x.probs {
			d.Scores = append(d.Scores, hone.Score{Label: v.Labels[class], Score: p})
		}
		slices.SortStableFunc(d.Scores, func(a, b hone.Score) int { return cmp.Compare(b.Score, a.Score) })
		d.Label, d.Score = d.Scores[0].Label, d.Scores[0].Score
	}
	return writeJSON(w, http.StatusOK, map[string]any{"id": randomID("cls-"), "object": "list", "model": m.name, "data": data,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}
