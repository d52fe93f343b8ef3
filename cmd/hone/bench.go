//go:build !f64

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/internal/roofline"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

type benchCommand struct {
	Model  string `help:"Measure training and decoding of this model, a folder or a name on the Hub, and its tokenizer. Nothing is written." placeholder:"DIR" xor:"model"`
	Config string `help:"Measure a model of this config.json with random weights; GPT-2 124M without either." placeholder:"FILE" xor:"model"`
	Quick  bool   `help:"Take some seconds only."`
	Json   bool   `help:"Print JSON."`
}

// A benchReport is what --json prints.
type benchReport struct {
	Version    string            `json:"version"`
	OS         string            `json:"os"`
	Arch       string            `json:"arch"`
	Processors int               `json:"processors"`
	Parameters int64             `json:"parameters"`
	Results    []roofline.Result `json:"results"`
}

func (c benchCommand) Run(a *app) error {
	o := roofline.Options{Threads: a.flags.Threads, Quick: c.Quick}
	if err := c.load(a, &o); err != nil {
		return err
	}
	report := benchReport{hone.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), o.Model.NumParams(), nil}
	section := ""
	err := roofline.Run(a.ctx, o, func(r roofline.Result) {
		report.Results = append(report.Results, r)
		if c.Json {
			return
		}
		if s := fmt.Sprintf("%s, %s", r.Section, onThreads(r.Threads)); s != section {
			fmt.Fprintf(a.stdout, "%s\n", s)
			section = s
		}
		share := ""
		if r.Of != "" {
			share = fmt.Sprintf("%5.0f %% of %s", 100*r.Share, r.Of)
		}
		fmt.Fprintf(a.stdout, "  %-26s %12s %9.1f %-9s %s\n", r.Name, milliseconds(r.Seconds), r.Value, r.Unit, share)
	})
	if c.Json && err == nil {
		return json.NewEncoder(a.stdout).Encode(report)
	}
	return err
}

// load finds the model to measure.
func (c benchCommand) load(a *app, o *roofline.Options) error {
	if c.Model == "" {
		name, b := "GPT-2", []byte(`{"model_type": "gpt2"}`)
		if c.Config != "" {
			var err error
			name = c.Config
			if b, err = os.ReadFile(c.Config); err != nil {
				return err
			}
		}
		config, err := model.ParseConfig(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		o.Model, err = model.New(config, 1)
		return err
	}
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
	s.close()
	if err != nil {
		return err
	}
	if o.Model, err = model.Load(dir); err != nil {
		return err
	}
	if o.Tokenizer, err = tokenizer.Load(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func milliseconds(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f ms", 1000*seconds)
}

// onThreads is "1 thread" and "2 threads".
func onThreads(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}
