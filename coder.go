package hone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// A coder is what a task makes of rows: examples to train on, a measure, and what must be kept with the model.
type coder interface {
	encode(*dataset.Dataset) ([]collate.Example, collate.Stats, error)
	evaluator(*dataset.Dataset) (eval.Evaluator, error)
	save(dir string) error
}

// newCoder chooses the coder of a task.
func (f *FineTune) newCoder(tok *tokenizer.Tokenizer, t dataset.Task, maxLength int, say func(string, ...any)) (coder, error) {
	if (f.Template != "" || f.LabelWords != nil) && t.Kind != dataset.Classification {
		return nil, fmt.Errorf("hone: template and label_words are for classification, but the task is %s", t.Kind)
	}
	if err := f.PreferenceOptions.check(t); err != nil {
		return nil, err
	}
	language := languageCoder{tok: tok, task: t, max: maxLength, f: f}
	switch t.Kind {
	case dataset.Classification:
		v, err := collate.NewVerbalizer(tok, collate.Verbalizer{Template: f.Template, Labels: t.Names, LabelWords: f.LabelWords, MaxLength: maxLength})
		if err != nil {
			return nil, err
		}
		return &classCoder{v, t, f}, nil
	case dataset.LanguageModeling:
		language.rows = collate.Text{Tokenizer: tok, MaxLength: maxLength}.Encode
	case dataset.PromptCompletion:
		language.rows = collate.Completion{Tokenizer: tok, MaxLength: maxLength}.Encode
	case dataset.Chat:
		c, err := collate.NewDialogue(tok, maxLength)
		if err != nil {
			return nil, err
		}
		if c.Borrowed {
			say("the model has no chat template: using ChatML (<|im_start|>role … <|im_end|>), which it has to learn first")
		}
		if language.rows = c.Encode; c.Borrowed {
			language.template = chat.ChatML
		}
	case dataset.Preference:
		return f.newPreference(tok, t, maxLength)
	default:
		return nil, fmt.Errorf("hone: a data set of the kind %q can't be trained on", t.Kind)
	}
	return &language, nil
}

// A classCoder trains a classifier by label words.
type classCoder struct {
	*collate.Verbalizer
	task dataset.Task
	f    *FineTune
}

func (c *classCoder) encode(d *dataset.Dataset) ([]collate.Example, collate.Stats, error) {
	return c.Classify(d, c.task)
}

func (c *classCoder) evaluator(d *dataset.Dataset) (eval.Evaluator, error) {
	e, err := classify(c.Verbalizer, d, c.task, c.f.PerDeviceEvalBatchSize)
	if err != nil {
		return nil, err
	}
	e.Smoothing = c.f.LabelSmoothingFactor
	return &classEvaluator{Classify: e}, nil
}

// A classEvaluator keeps what its last evaluation found, so that the end of a job need not repeat it.
type classEvaluator struct {
	*eval.Classify
	report *eval.Report
	right  []bool // of each row
}

func (e *classEvaluator) Evaluate(ctx context.Context, run *model.Run, progress func(done, total int)) (eval.Result, error) {
	var err error
	e.right = make([]bool, 0, len(e.Rows))
	e.Each = func(row eval.Row, p eval.Prediction) { e.right = append(e.right, p.Class == row.Label) }
	if e.report, err = e.Report(ctx, run, progress); err != nil {
		return eval.Result{}, err
	}
	size := max(e.BatchSize, 1)
	return eval.Result{Metrics: e.report.Metrics(), Examples: len(e.Rows), Steps: (len(e.Rows) + size - 1) / size}, nil
}

// classify prepares the rows of d for measuring the classifier v.
func classify(v *collate.Verbalizer, d *dataset.Dataset, t dataset.Task, batch int) (*eval.Classify, error) {
	labels, err := t.Labels(d)
	if err != nil {
		return nil, err
	}
	texts, err := d.Strings(t.Text)
	if err != nil {
		return nil, err
	}
	e := &eval.Classify{Classifier: eval.Classifier{Words: v.Words()}, Names: v.Labels, BatchSize: batch}
	for i := range d.Len() {
		prompt, _ := v.Prompt(texts.At(i))
		e.Rows = append(e.Rows, eval.Row{Prompt: prompt, Label: int(labels[i])})
	}
	return e, nil
}

func (c *classCoder) save(dir string) error { return c.Verbalizer.Save(dir) }

// A languageCoder trains a language model: on whole texts, on completions or on the assistant's turns.
type languageCoder struct {
	tok  *tokenizer.Tokenizer
	task dataset.Task
	max  int
	f    *FineTune
	rows func(*dataset.Dataset, dataset.Task) ([]collate.Example, collate.Stats, error)

	template string // a borrowed chat template, without which nobody could talk to the model
}

func (c *languageCoder) encode(d *dataset.Dataset) ([]collate.Example, collate.Stats, error) {
	return c.rows(d, c.task)
}

func (c *languageCoder) evaluator(d *dataset.Dataset) (eval.Evaluator, error) {
	examples, _, err := c.encode(d)
	if err != nil {
		return nil, err
	}
	return &eval.Loss{Examples: examples, BatchSize: c.f.PerDeviceEvalBatchSize, Smoothing: c.f.LabelSmoothingFactor, Perplexity: true}, nil
}

func (c *languageCoder) save(dir string) error {
	if c.template == "" {
		return nil
	}
	if err := stopAt(dir, "<|im_end|>"); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "chat_template.jinja"), []byte(c.template))
}

// stopAt adds a stop string to dir's generation_config.json: where the end of a turn is no token of its own, only the
// text tells.
func stopAt(dir, text string) error {
	path := filepath.Join(dir, "generation_config.json")
	settings := map[string]any{}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) { // an adapter has none
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &settings)
	}
	if err != nil {
		return fmt.Errorf("hone: %s: %w", path, err)
	}
	settings["stop_strings"] = []string{text}
	if b, err = json.MarshalIndent(settings, "", "  "); err != nil {
		return err
	}
	return writeFile(path, append(b, '\n'))
}

func writeFile(path string, b []byte) error {
	return disk.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// maxLength returns how many tokens an example may have: as asked, or what the model has positions for, at most
// 1024.
func maxLength(asked int, c *model.Config) (int, error) {
	const most = 1024
	switch {
	case asked < 0:
		return 0, fmt.Errorf("hone: max_length is %d; expected a positive number, or 0 for as much as the model can", asked)
	case asked == 0:
		return min(most, c.MaxPositions), nil
	case asked > c.MaxPositions && c.Rope == nil:
		return 0, fmt.Errorf("hone: max_length is %d, but the model has %d positions", asked, c.MaxPositions)
	}
	return asked, nil
}
