// Package export writes a model for other programs, as a GGUF file for llama.cpp and what is built on it or as a folder
// of safetensors, and does not call it done before it has read the result again and found the same model in it.
//
// The result is written under a temporary name beside its own, loaded, and compared with the source: token ids of texts,
// logits, and the text that follows a prompt. Only then does it get its name. Where the comparison fails there is no
// file, and what was there before is as it was.
package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/convert"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
	"github.com/hone-ml/hone/tokenizer"
)

// A Source is what is exported: a whole model, adapters merged.
type Source struct {
	// Model is set to nil once it is written, to make room for what is read again.
	Model      *model.Model
	Tokenizer  *tokenizer.Tokenizer
	Verbalizer *collate.Verbalizer // of a classifier; nil otherwise
	Name       string              // for people
}

// Options are the settings of GGUF and Safetensors.
type Options struct {
	Device   compute.Device                        // to compute the comparison on
	Replace  bool                                  // a result that is there already
	Progress func(stage string, done, total int64) // may be nil
	mangle   func(*model.Model)                    // tests only: damages what is read again
}

func (o *Options) progress(stage string) func(done, total int64) {
	return func(done, total int64) {
		if o.Progress != nil {
			o.Progress(stage, done, total)
		}
	}
}

// GGUF writes the source to a GGUF file at path and returns how it compares with the source.
func GGUF(ctx context.Context, path string, src *Source, mix convert.Mix, o Options) (*Report, error) {
	if _, err := os.Lstat(path); err == nil && !o.Replace {
		return nil, fmt.Errorf("export: %s is there already: name another file, or replace it with --force", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("export: %w", err)
	}
	p, err := newProbe(ctx, src, o.Device)
	if err != nil {
		return nil, err
	}
	target := convert.Target{Name: src.Name, Mix: mix, Progress: o.progress("writing")}
	if v := src.Verbalizer; v != nil {
		if target.Verbalizer, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	var report *Report
	err = aside(path, func(tmp string) error {
		if err := convert.WriteGGUF(ctx, tmp, src.Model, src.Tokenizer, target); err != nil {
			return err
		}
		src.Model = nil
		m, tok, err := readGGUF(ctx, tmp)
		if err != nil {
			return fmt.Errorf("export: what was written can't be read again: %w", err)
		}
		report, err = p.compare(ctx, m, tok, tolerances[mix.Name], &o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return report, report.size(path)
}

func readGGUF(ctx context.Context, path string) (*model.Model, *tokenizer.Tokenizer, error) {
	s, err := convert.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	return s.Load(ctx)
}

// Safetensors writes the source as a folder in Hugging Face layout and returns how it compares with the source.
func Safetensors(ctx context.Context, dir string, src *Source, dtype safetensors.Dtype, o Options) (*Report, error) {
	name, ok := map[safetensors.Dtype]string{safetensors.F32: "f32", safetensors.F16: "f16", safetensors.BF16: "bf16"}[dtype]
	if !ok {
		return nil, fmt.Errorf("export: safetensors hold f32, f16 or bf16, not %v", dtype)
	}
	if err := vacant(dir, o.Replace); err != nil {
		return nil, err
	}
	if err := disk.Need(dir, src.Model.Config.NumParams()*int64(dtype.Bits()/8)); err != nil {
		return nil, err
	}
	p, err := newProbe(ctx, src, o.Device)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	var report *Report
	err = disk.WriteDir(dir, func(tmp string) error {
		if err := src.save(tmp, dtype); err != nil {
			return err
		}
		src.Model = nil
		m, err := model.Load(tmp)
		if err != nil {
			return fmt.Errorf("export: what was written can't be read again: %w", err)
		}
		tok, err := tokenizer.Load(tmp)
		if err != nil {
			return fmt.Errorf("export: what was written can't be read again: %w", err)
		}
		report, err = p.compare(ctx, m, tok, tolerances[name], &o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return report, report.size(dir)
}

// aside lets fn write a file in a folder beside path and then gives the file its name; on an error nothing changes.
func aside(path string, fn func(tmp string) error) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, filepath.Base(path))
	if err := fn(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// save writes the folder's files.
func (s *Source) save(dir string, dtype safetensors.Dtype) error {
	if err := s.Model.SaveAs(dir, dtype); err != nil {
		return err
	}
	if err := s.Tokenizer.Save(dir); err != nil {
		return err
	}
	if s.Verbalizer == nil {
		return nil
	}
	return s.Verbalizer.Save(dir)
}

// vacant refuses a folder that holds anything, but a model that is to be replaced.
func vacant(dir string, replace bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("export: %w", err)
	case len(entries) == 0:
		return nil
	case !replace:
		return fmt.Errorf("export: %s is not empty: name a new folder, or replace the model in it with --force", dir)
	}
	isModel := false
	for _, e := range entries {
		if e.IsDir() {
			return fmt.Errorf("export: %s has the folder %s in it, which would be lost: name another one", dir, e.Name())
		}
		isModel = isModel || e.Name() == "config.json"
	}
	if !isModel {
		return fmt.Errorf("export: %s has files but no config.json: it is no model, so it is left alone; name another folder", dir)
	}
	return nil
}
