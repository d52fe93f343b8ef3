package page

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
)

// A Mistake is a row that a classifier got wrong.
type Mistake struct {
	Where     string  `json:"where"`
	Text      string  `json:"text"`
	Label     string  `json:"label"`
	Predicted string  `json:"predicted"`
	Score     float64 `json:"score"` // the probability of the predicted class
}

// Mistakes is what POST /v1/hone/mistakes answers.
type Mistakes struct {
	Split    string       `json:"split"`
	Rows     int          `json:"rows"` // looked at
	Of       int          `json:"of"`   // that there are
	Report   *eval.Report `json:"report"`
	Mistakes []Mistake    `json:"mistakes"` // the surest first, at most 200
}

// maxRows bounds the rows of one evaluation, which is drawn at random where there are more.
const maxRows = 1000

// mistakes measures a classifier on data. Without a file for validation or test it is asked about the rows that
// training with the same test_size and seed held out, and if there are none, about those that it was trained on.
func (p *page) mistakes(w http.ResponseWriter, r *http.Request) {
	q := struct {
		Selection
		Model    string  `json:"model"`
		TestSize float64 `json:"test_size"`
		Seed     int64   `json:"seed"`
	}{Seed: 42}
	if !request(w, r, &q) {
		return
	}
	dir, from, ok := p.found(w, r, q.Model, q.Selection)
	if !ok {
		return
	}
	data, err := load(from)
	if err != nil {
		fail(w, http.StatusBadRequest, "training_file", err)
		return
	}
	m, err := p.measure(r, dir, from, data, q.Selection, q.TestSize, q.Seed)
	if err != nil {
		fail(w, http.StatusBadRequest, "", err)
		return
	}
	reply(w, m)
}

func (p *page) measure(r *http.Request, dir string, from []source, data dataset.Dict, s Selection, testSize float64, seed int64) (*Mistakes, error) {
	p.busy.Lock()
	defer p.busy.Unlock()
	if _, err := os.Stat(filepath.Join(dir, collate.VerbalizerFile)); err != nil {
		return nil, fmt.Errorf("page: the model is no classifier, so that no prediction of it is right or wrong")
	}
	c, err := hone.OpenClassifier(dir, p.Device, collate.Verbalizer{})
	if err != nil {
		return nil, err
	}
	want := s.columns().Task()
	want.Names = c.Labels
	task, err := dataset.Infer(data, want)
	if err != nil {
		return nil, err
	}
	split, rows, err := heldOut(data, testSize, seed)
	if err != nil {
		return nil, err
	}
	m := &Mistakes{Split: split, Of: rows.Len(), Mistakes: []Mistake{}}
	if rows.Len() > maxRows {
		rows = rows.Shuffle(uint64(seed)).Head(maxRows)
	}
	m.Rows = rows.Len()
	labels, err := task.Labels(rows)
	if err != nil {
		return nil, err
	}
	m.Report, err = c.Evaluate(r.Context(), rows, task, func(row, class int, probs []float64) {
		if int(labels[row]) != class {
			at := rows.Row(row)
			m.Mistakes = append(m.Mistakes, Mistake{known(from, at.Where()), clip(at.Text(task.Text), 1000), task.Names[labels[row]], task.Names[class], probs[class]})
		}
	}, nil)
	slices.SortStableFunc(m.Mistakes, func(a, b Mistake) int { return cmp.Compare(b.Score, a.Score) })
	m.Mistakes = m.Mistakes[:min(200, len(m.Mistakes))]
	return m, err
}

// heldOut returns the rows to judge a model by, those that it was not trained on if there are any.
func heldOut(d dataset.Dict, testSize float64, seed int64) (string, *dataset.Dataset, error) {
	for _, name := range []string{"validation", "test"} {
		if rows := d.Split(name); rows != nil {
			return name, rows, nil
		}
	}
	if testSize > 0 {
		_, held, err := d[0].TrainTestSplit(testSize, uint64(seed))
		return "held out", held, err
	}
	return d[0].Name, d[0].Dataset, nil
}
