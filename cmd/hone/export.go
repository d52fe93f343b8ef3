package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/convert"
	"github.com/hone-ml/hone/export"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/safetensors"
)

type exportCommand struct {
	Model  string `required:"" help:"A folder that hone train left, an adapter, or a name on the Hub." placeholder:"DIR"`
	Output string `required:"" help:"The GGUF file, or the folder of safetensors, to write." placeholder:"FILE"`
	Format string `enum:",gguf,safetensors" default:"" help:"gguf, for llama.cpp, Ollama and what is built on them, or safetensors; without it gguf if the output ends in .gguf, else safetensors." placeholder:"FORMAT"`
	Type   string `help:"How weights are stored: f32, bf16 or f16, and in GGUF also q8_0, q4_K_M or q4_0. Without it q8_0 in GGUF, f32 in safetensors." placeholder:"TYPE"`
	Ollama bool   `help:"Write a Modelfile for Ollama beside the GGUF file, with the chat template or the classifier's."`
	Force  bool   `help:"Replace what is there."`
}

func (c exportCommand) Run(a *app) error {
	gguf := c.Format == "gguf" || c.Format == "" && strings.EqualFold(filepath.Ext(c.Output), ".gguf")
	if c.Type == "" {
		c.Type = map[bool]string{true: "q8_0", false: "f32"}[gguf]
	}
	mix, err := convert.ParseMix(c.Type)
	if err != nil {
		return err
	}
	if c.Ollama && !gguf {
		return errors.New("--ollama goes with a GGUF file: add --format gguf, or let the output end in .gguf")
	}
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
	if err != nil {
		return err
	}
	src := &export.Source{Name: modelName(c.Model)}
	if src.Model, src.Tokenizer, err = hone.OpenWhole(a.ctx, h, dir); err != nil {
		return err
	}
	if src.Verbalizer, err = collate.LoadVerbalizer(dir, src.Tokenizer); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.write(a, s, src, mix, gguf)
}

// write exports and tells what came of it.
func (c exportCommand) write(a *app, s *screen, src *export.Source, mix convert.Mix, gguf bool) error {
	start := time.Now()
	stage := "writing"
	o := export.Options{Device: hone.Device(a.flags.Threads), Replace: c.Force, Progress: func(now string, done, total int64) {
		if now != stage {
			s.end(stage)
			stage = now
		}
		s.bar(now, int(done), int(total), "")
	}}
	var report *export.Report
	var err error
	if gguf {
		if c.Ollama {
			if err := c.modelfile(s, src); err != nil {
				return err
			}
		}
		report, err = export.GGUF(a.ctx, c.Output, src, mix, o)
	} else {
		dtype, ok := map[string]safetensors.Dtype{"f32": safetensors.F32, "f16": safetensors.F16, "bf16": safetensors.BF16}[mix.Name]
		if !ok {
			return fmt.Errorf("safetensors hold f32, f16 or bf16, not %s: GGUF files can be quantized", mix.Name)
		}
		report, err = export.Safetensors(a.ctx, c.Output, src, dtype, o)
	}
	s.end(stage)
	if err != nil {
		return err
	}
	out := filepath.Clean(c.Output)
	s.line("wrote %s (%s, %s) in %s", out, mix.Name, size(report.Bytes), duration(time.Since(start)))
	s.line("read again and compared with the source: %v", report)
	if report.Text == report.Want {
		s.line("  %q goes on with %q in both", report.Prompt, report.Text)
	} else {
		s.line("  %q goes on with %q, in the source with %q", report.Prompt, report.Text, report.Want)
	}
	if c.Ollama {
		s.line("Next: ollama create %s -f %s", modelName(c.Model), filepath.Join(filepath.Dir(out), "Modelfile"))
	} else if strings.EqualFold(filepath.Ext(out), ".gguf") {
		s.line("Next: llama-cli -m %s, or the same export with --ollama for Ollama", out)
	}
	return nil
}

// modelName names a model for people: the last part of a folder or of a name on the Hub.
func modelName(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	return filepath.Base(name)
}

// modelfile writes the Modelfile beside the output, before the large file, lest that be in vain.
func (c exportCommand) modelfile(s *screen, src *export.Source) error {
	path := filepath.Join(filepath.Dir(c.Output), "Modelfile")
	if _, err := os.Lstat(path); err == nil && !c.Force {
		return fmt.Errorf("%s is there already: export into another folder, or replace it with --force", path)
	}
	text, note := export.Modelfile(filepath.Base(c.Output), src)
	if note != "" {
		s.line("%s", note)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return disk.WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}
