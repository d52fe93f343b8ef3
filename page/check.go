package page

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"os"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/dataset"
)

// A Selection names data: uploaded files by their ids, and how to read the columns where what is inferred
// isn't meant.
type Selection struct {
	Training    string `json:"training_file,omitempty"`
	Validation  string `json:"validation_file,omitempty"`
	Test        string `json:"test_file,omitempty"`
	Task        string `json:"task,omitempty"`
	TextColumn  string `json:"text_column,omitempty"`
	LabelColumn string `json:"label_column,omitempty"`
}

func (s Selection) columns() hone.Columns {
	return hone.Columns{TaskKind: s.Task, TextColumn: s.TextColumn, LabelColumn: s.LabelColumn}
}

// sources finds the files of a selection.
func (p *page) sources(s Selection) ([]source, error) {
	var out []source
	for i, id := range []string{s.Training, s.Validation, s.Test} {
		if id == "" {
			continue
		}
		if p.File == nil {
			return nil, fmt.Errorf("page: there is no file %q: this server stores none", id)
		}
		path, name, err := p.File(id)
		if err != nil {
			return nil, err
		}
		out = append(out, source{splits[i], path, name})
	}
	return out, nil
}

// A Row is a row to look at: at most 400 characters of each value.
type Row struct {
	Where  string         `json:"where"`
	Values map[string]any `json:"values"`
}

// A Checked is what POST /v1/hone/check answers.
type Checked struct {
	Report *dataset.Report  `json:"report"`
	Rows   map[string][]Row `json:"rows"` // the first of each split
}

// check answers with a report on files that come with the request, or on some that were uploaded before.
func (p *page) check(w http.ResponseWriter, r *http.Request) {
	var s Selection
	var from []source
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" && params["boundary"] != "" {
		dir, err := os.MkdirTemp("", "hone-check-*")
		if err != nil {
			fail(w, http.StatusInternalServerError, "", fmt.Errorf("page: %w", err))
			return
		}
		defer os.RemoveAll(dir)
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		parts, err := r.MultipartReader()
		var fields map[string]string
		if err == nil {
			from, fields, err = receive(parts, dir)
		}
		if err != nil {
			fail(w, http.StatusBadRequest, "file", err)
			return
		}
		s.Task, s.TextColumn, s.LabelColumn = fields["task"], fields["text_column"], fields["label_column"]
	} else {
		if !request(w, r, &s) {
			return
		}
		var err error
		if from, err = p.sources(s); err != nil {
			fail(w, http.StatusNotFound, "training_file", err)
			return
		}
	}
	c, err := checked(r.Context(), from, s.columns())
	if err != nil {
		fail(w, http.StatusBadRequest, "file", err)
		return
	}
	reply(w, c)
}

func checked(ctx context.Context, from []source, columns hone.Columns) (*Checked, error) {
	d, err := load(from)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	task, err := dataset.Infer(d, columns.Task())
	if err != nil {
		return nil, locate(from, err)
	}
	report, err := dataset.Check(d, task, dataset.CheckOptions{})
	if err != nil {
		return nil, locate(from, err)
	}
	c := &Checked{Report: report, Rows: map[string][]Row{}}
	for _, s := range d {
		for i := range min(20, s.Len()) {
			c.Rows[s.Name] = append(c.Rows[s.Name], Row{known(from, s.Where(i)), shorten(s.Row(i).Map(), task)})
		}
	}
	for i := range report.Leaks {
		report.Leaks[i].Example = known(from, report.Leaks[i].Example)
	}
	for i := range report.Splits {
		report.Splits[i].Conflict = known(from, report.Splits[i].Conflict)
	}
	return c, nil
}

// shorten clips the long texts of a row, at any depth, and names its class.
func shorten(row map[string]any, t dataset.Task) map[string]any {
	for name, v := range row {
		row[name] = short(v, 6)
		if id, ok := v.(int64); ok && name == t.Label && id >= 0 && id < int64(len(t.Names)) {
			row[name] = t.Names[id]
		}
	}
	return row
}

func short(v any, depth int) any {
	switch v := v.(type) {
	case string:
		return clip(v, 400)
	case []any:
		v = v[:min(len(v), 12)]
		for i := range v {
			v[i] = short(v[i], depth-1)
		}
		return v
	case map[string]any:
		if depth == 0 {
			return "…"
		}
		for k := range v {
			v[k] = short(v[k], depth-1)
		}
		return v
	}
	return v
}
