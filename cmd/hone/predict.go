package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
)

// labelFlags make a classifier of a model that was not trained as one.
type labelFlags struct {
	Labels     []string `help:"Class names: asks a model that was not trained as a classifier (zero-shot)." placeholder:"NAME"`
	LabelWords []string `help:"What stands for each class in the template." placeholder:"WORD"`
	Template   string   `help:"Template with {text} and, at its end, {label}." placeholder:"TEXT"`
}

func (f labelFlags) verbalizer() collate.Verbalizer {
	return collate.Verbalizer{Template: f.Template, Labels: f.Labels, LabelWords: f.LabelWords}
}

type predictCommand struct {
	Texts []string `arg:"" optional:"" help:"Texts to classify; without any, each line of standard input is one."`
	Model string   `required:"" help:"A folder that hone train left, or a name on the Hub." placeholder:"DIR"`
	labelFlags
	dtypeFlag
	Json bool `help:"Print a JSON array of label and score for each text, a line each."`
}

func (c predictCommand) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
	s.close()
	if err != nil {
		return err
	}
	m, err := hone.OpenClassifier(dir, c.device(a), c.verbalizer())
	if err != nil {
		return err
	}
	if err := c.dtypeFlag.apply(m.Model); err != nil {
		return err
	}
	if len(c.Texts) > 0 {
		return c.predict(a, m, c.Texts)
	}
	if terminal(a.stdin) {
		a.say("Reading texts, one a line; end with Ctrl-D.")
	}
	return lines(a.stdin, 256, func(texts []string) error { return c.predict(a, m, texts) })
}

func (c predictCommand) predict(a *app, m *hone.Classifier, texts []string) error {
	all, err := m.Predict(a.ctx, texts...)
	if err != nil {
		return err
	}
	for i, scores := range all {
		if c.Json {
			if err := json.NewEncoder(a.stdout).Encode(scores); err != nil {
				return err
			}
			continue
		}
		if len(c.Texts) != 1 {
			fmt.Fprintf(a.stdout, "%-8s %.3f  %s\n", scores[0].Label, scores[0].Score, shorten(texts[i], 80))
			continue
		}
		for _, s := range scores {
			fmt.Fprintf(a.stdout, "%-12s %.3f  %s\n", s.Label, s.Score, strings.Repeat("█", int(s.Score*40+0.5)))
		}
	}
	return nil
}

// lines reads r and calls f with up to n lines at a time; what is there is not kept waiting for more.
func lines(r io.Reader, n int, f func([]string) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	var batch []string
	for number := 1; ; number++ {
		line, err := in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			batch = append(batch, line)
		}
		if len(batch) == n || len(batch) > 0 && (err != nil || in.Buffered() == 0) {
			if err := f(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("standard input, line %d: %w", number, err)
		}
	}
}

// shorten cuts text to n characters for a table.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	r := []rune(text)
	return string(r[:n-1]) + "…"
}
