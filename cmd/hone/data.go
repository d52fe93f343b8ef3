package main

import (
	"encoding/json"
	"log/slog"
	"unicode/utf8"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/internal/dial"
	"github.com/hone-ml/hone/starter"
	"github.com/hone-ml/hone/tokenizer"
)

type dataCommand struct {
	Check dataCheckCommand `cmd:"" help:"Check a data set before training: splits, balance, lengths, duplicates, leakage."`
}

type dataCheckCommand struct {
	Dataset string `arg:"" help:"A name on the Hub, or a local file or folder."`

	hone.Columns
	Model     string `help:"Count tokens as this model's tokenizer does; without it lengths are in characters."`
	MaxLength int    `help:"Count the rows that training with this max_length would cut." placeholder:"N"`
	Json      bool   `help:"Print the report as JSON."`
}

func (c dataCheckCommand) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	d, err := hone.LoadDataset(a.ctx, h, c.Dataset, c.DatasetRevision, c.Columns.Options())
	if err != nil {
		return err
	}
	task, err := dataset.Infer(d, c.Columns.Task())
	if err != nil {
		return err
	}
	o := dataset.CheckOptions{MaxLength: c.MaxLength}
	if c.Model != "" {
		dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
		if err != nil {
			return err
		}
		tok, err := tokenizer.Load(dir)
		if err != nil {
			return err
		}
		o.Tokens = func(text string) int { return len(tok.Append(nil, text)) }
	} else if c.MaxLength > 0 {
		o.Tokens = utf8.RuneCountInString
	}
	s.close()
	report, err := dataset.Check(d, task, o)
	if err != nil {
		return err
	}
	if c.Json {
		return json.NewEncoder(a.stdout).Encode(report)
	}
	_, err = report.WriteTo(a.stdout)
	return err
}

// newHub returns the Hub's client as the environment sets it, with what the program carries.
func newHub() (*hub.Client, error) {
	h, err := hub.New()
	if err == nil {
		h.Builtin = starter.Repos()
	}
	return h, err
}

// hub returns the Hub's client and the screen that shows its downloads.
func (a *app) hub() (*hub.Client, *screen, error) {
	h, err := newHub()
	if err != nil {
		return nil, nil, err
	}
	s := a.screen()
	if h.Offline = h.Offline || a.flags.Offline; h.Offline {
		dial.Forbid()
	}
	h.Progress = s.download
	h.Log = slog.New(hubLog{s})
	return h, s, nil
}
