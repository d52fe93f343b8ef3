package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/model"
)

type evalCommand struct {
	Model   string `required:"" help:"A folder that hone train left, or a name on the Hub." placeholder:"DIR"`
	Dataset string `required:"" help:"A name on the Hub, or a file or folder." placeholder:"NAME"`
	Split   string `help:"Which split to measure on." default:"test" placeholder:"NAME"`
	hone.Columns
	LabelWords     []string `help:"What stands for each class in the template, for a model that was not trained as a classifier." placeholder:"WORD"`
	Template       string   `help:"Template for such a model." placeholder:"TEXT"`
	MaxEvalSamples int      `help:"Use N rows drawn at random only." placeholder:"N"`
	Reference      string   `help:"For pairs of answers: the model that training began with. An adapter's is its base model." placeholder:"DIR"`
	hone.PreferenceOptions
	Errors int `help:"Show so many of the rows that the model got wrong, the surest first." placeholder:"N"`
	dtypeFlag
	Json bool `help:"Print the metrics as JSON."`
}

func (c evalCommand) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
	if err != nil {
		return err
	}
	data, err := hone.LoadDataset(a.ctx, h, c.Dataset, c.DatasetRevision, c.Columns.Options())
	if err != nil {
		return err
	}
	rows := data.Split(c.Split)
	if rows == nil && len(data) == 1 {
		rows = data[0].Dataset // a single file is its own test set
	}
	if rows == nil {
		return fmt.Errorf("%s has no split %q; it has %q", c.Dataset, c.Split, data.Names())
	}
	if c.MaxEvalSamples > 0 {
		rows = rows.Shuffle(42).Head(min(c.MaxEvalSamples, rows.Len()))
	}
	task, err := c.task(dir, data)
	if err != nil {
		return err
	}
	s.line("%s, %d rows: %s", c.Dataset, rows.Len(), task.Why)
	switch {
	case task.Kind == dataset.Preference:
		return c.pairs(a, s, h, dir, rows, task)
	case c.Reference != "" || c.PreferenceOptions.Given():
		return fmt.Errorf("reference, loss_type, beta and label_smoothing are for pairs of answers, but the task is %s", task.Kind)
	case task.Kind == dataset.Classification:
		return c.classes(a, s, dir, rows, task)
	}
	return c.language(a, s, dir, rows, task)
}

// task infers what the rows are; the classes are those of the trained classifier, if it is one.
func (c evalCommand) task(dir string, data dataset.Dict) (dataset.Task, error) {
	want := c.Columns.Task()
	if want.Names == nil && (want.Kind == "" || want.Kind == dataset.Classification) {
		if b, err := os.ReadFile(filepath.Join(dir, collate.VerbalizerFile)); err == nil {
			var v collate.Verbalizer
			if json.Unmarshal(b, &v) == nil {
				want.Names = v.Labels
			}
		}
	}
	return dataset.Infer(data, want)
}

func (c evalCommand) classes(a *app, s *screen, dir string, rows *dataset.Dataset, task dataset.Task) error {
	want := collate.Verbalizer{}
	if _, err := os.Stat(filepath.Join(dir, collate.VerbalizerFile)); err != nil || c.Template != "" || c.LabelWords != nil {
		want = collate.Verbalizer{Template: c.Template, Labels: task.Names, LabelWords: c.LabelWords}
	}
	m, err := hone.OpenClassifier(dir, c.device(a), want)
	if err != nil {
		return err
	}
	if err := c.dtypeFlag.apply(m.Model); err != nil {
		return err
	}
	var wrong []mistake
	labels, err := task.Labels(rows)
	if err != nil {
		return err
	}
	report, err := m.Evaluate(a.ctx, rows, task, func(row, class int, probs []float64) {
		if int(labels[row]) != class {
			wrong = append(wrong, mistake{row, class, probs[class]})
		}
	}, func(done, total int) { s.bar("evaluating", done, total, "") })
	s.end("evaluating")
	if err != nil {
		return err
	}
	if c.Json {
		return json.NewEncoder(a.stdout).Encode(report)
	}
	s.close()
	fmt.Fprint(a.stdout, report)
	return showMistakes(a.stdout, wrong, c.Errors, rows, task, labels)
}

// measure evaluates the model of run, held as --dtype says; with --json it has printed the metrics then.
func (c evalCommand) measure(a *app, s *screen, e eval.Evaluator, run *model.Run) (r eval.Result, err error) {
	if err := c.dtypeFlag.apply(run.Model); err != nil {
		return r, err
	}
	r, err = e.Evaluate(a.ctx, run, func(done, total int) { s.bar("evaluating", done, total, "") })
	s.end("evaluating")
	if err == nil && c.Json {
		return r, json.NewEncoder(a.stdout).Encode(r.Metrics)
	}
	s.close()
	return r, err
}

// pairs measures what training on pairs of answers is for, by TRL's names.
func (c evalCommand) pairs(a *app, s *screen, h *hub.Client, dir string, rows *dataset.Dataset, task dataset.Task) error {
	reference := c.Reference
	if reference != "" {
		var err error
		if reference, err = hone.ModelDir(a.ctx, h, reference, ""); err != nil {
			return err
		}
	}
	e, run, err := hone.OpenPreference(a.ctx, dir, reference, c.device(a), rows, task, c.PreferenceOptions,
		func(done, total int) { s.bar("asking the reference", done, total, "") })
	s.end("asking the reference")
	if err != nil {
		return err
	}
	r, err := c.measure(a, s, e, run)
	if err != nil || c.Json {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Metrics)) {
		fmt.Fprintf(a.stdout, "%-19s %.4f\n", name, r.Metrics[name])
	}
	fmt.Fprintf(a.stdout, "%-19s %d\n", "pairs", r.Examples)
	return nil
}

func (c evalCommand) language(a *app, s *screen, dir string, rows *dataset.Dataset, task dataset.Task) error {
	e, run, err := hone.OpenLanguage(dir, c.device(a), rows, task)
	if err != nil {
		return err
	}
	r, err := c.measure(a, s, e, run)
	if err != nil || c.Json {
		return err
	}
	fmt.Fprintf(a.stdout, "loss        %.4f\nperplexity  %.3f\nexamples    %d\n", r.Metrics["loss"], r.Metrics["perplexity"], r.Examples)
	return nil
}
