// Package convert turns GGUF files, the format of llama.cpp, into folders in Hugging Face layout: config.json,
// model.safetensors, tokenizer.json, tokenizer_config.json with the chat template, and generation_config.json. hone
// and transformers load them. WriteGGUF goes the other way, by the same table of tensors. What the names and keys mean
// stands in gguf/NAMES.md.
package convert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
	"github.com/hone-ml/hone/tokenizer"
)

// A Source is an open GGUF file whose metadata and tensors are those of a model that hone knows.
type Source struct {
	Name         string            // general.name, or ""
	Config       *model.Config     // without the type of the weights
	Types        string            // of the tensors, for people
	Dtype        safetensors.Dtype // what Write writes unless told otherwise: F16 or BF16 if all matrices are, else F32
	Tokenizer    string            // for people: kind and size
	BOS, EOS     string            // tokens, or ""
	ChatTemplate string            // or ""

	path    string
	f       *gguf.File
	tensors []tensor
	config  map[string]any
	vocab   *vocabulary
}

// Open reads a GGUF file's metadata and checks that its tensors fit them. It refuses, saying why, what hone could
// not compute as llama.cpp does: other architectures, mixtures of experts, unknown tensors, scalings or tokenizers.
func Open(path string) (*Source, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	s := &Source{path: path, f: f}
	if err := s.read(); err != nil {
		f.Close()
		return nil, s.wrap(err)
	}
	return s, nil
}

// Close closes the file.
func (s *Source) Close() error { return s.f.Close() }

// wrap names the file, unless the error does.
func (s *Source) wrap(err error) error {
	if strings.Contains(err.Error(), s.path) {
		return fmt.Errorf("convert: %w", err)
	}
	return fmt.Errorf("convert: %s: %w", s.path, err)
}

func (s *Source) read() error {
	arch, err := architecture(s.f)
	if err != nil {
		return err
	}
	if s.config, err = config(s.f, arch); err != nil {
		return err
	}
	b, err := encode(s.config)
	if err != nil {
		return err
	}
	if s.Config, err = model.ParseConfig(b); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	s.tensors = tensors(s.Config)
	if err := match(s.f, s.tensors, arch); err != nil {
		return err
	}
	s.Types, s.Dtype = types(s.f), dtypeOf(s.f, s.tensors)
	if s.vocab, err = readVocabulary(s.f, arch, s.Config.VocabSize, s.Config.MaxPositions); err != nil {
		return err
	}
	s.Tokenizer, s.ChatTemplate = s.vocab.title, s.vocab.template
	s.BOS, s.EOS = s.vocab.roleTexts["bos_token"], s.vocab.roleTexts["eos_token"]
	if s.f.Has("general.name") {
		s.Name, err = s.f.String("general.name")
	}
	return err
}

// Bytes returns how much Write writes, nearly.
func (s *Source) Bytes(dtype safetensors.Dtype) int64 {
	n := s.Config.NumParams() * int64(dtype.Bits()/8)
	for _, b := range s.vocab.files {
		n += int64(len(b))
	}
	return n + 1<<20
}

// Options are the settings of Write.
type Options struct {
	Dtype    safetensors.Dtype       // F32, BF16 or F16
	Replace  bool                    // a model that is in the folder already
	Progress func(done, total int64) // weights; may be nil
}

// Write writes the folder dir, which appears whole or not at all. A folder that is there must be empty, or hold
// nothing but a model and o.Replace be set.
func (s *Source) Write(ctx context.Context, dir string, o Options) error {
	name, ok := map[safetensors.Dtype]string{safetensors.F32: "float32", safetensors.BF16: "bfloat16", safetensors.F16: "float16"}[o.Dtype]
	if !ok {
		return fmt.Errorf("convert: weights can't be written as %v; float32, bfloat16 and float16 are possible", o.Dtype)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if err := vacant(dir, o.Replace); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if err := disk.Need(dir, s.Bytes(o.Dtype)); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	files, err := s.files(name)
	if err != nil {
		return s.wrap(err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	c := &copier{ctx: ctx, f: s.f, total: s.Config.NumParams(), progress: o.Progress}
	err = disk.WriteDir(dir, func(tmp string) error { return s.fill(tmp, files, c, o.Dtype) })
	if c.fault != nil {
		return s.wrap(c.fault)
	}
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	return nil
}

// fill writes the small files, then, if they make sense, the weights.
func (s *Source) fill(dir string, files map[string][]byte, c *copier, dtype safetensors.Dtype) error {
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			return err
		}
	}
	if _, err := tokenizer.LoadFS(os.DirFS(dir)); err != nil {
		c.fault = fmt.Errorf("the tokenizer makes no sense: %w", err)
		return c.fault
	}
	var list []safetensors.Tensor
	for _, t := range s.tensors {
		list = append(list, c.tensor(t, dtype))
	}
	return safetensors.WriteDir(dir, list, map[string]string{"format": "pt"}, 0)
}

// files returns the small files of the folder.
func (s *Source) files(dtype string) (map[string][]byte, error) {
	// null in config.json, lest a missing id be taken for GPT-2's own
	roles := map[string]any{"bos_token_id": nil, "eos_token_id": nil, "pad_token_id": nil}
	if s.vocab.bos >= 0 {
		roles["bos_token_id"] = s.vocab.bos
	}
	if s.vocab.pad >= 0 {
		roles["pad_token_id"] = s.vocab.pad
	}
	if len(s.vocab.eos) == 1 {
		roles["eos_token_id"] = s.vocab.eos[0]
	} else if len(s.vocab.eos) > 1 {
		roles["eos_token_id"] = s.vocab.eos
	}
	generation := map[string]any{"_from_model_config": true}
	for key, id := range roles {
		s.config[key] = id
		if id != nil {
			generation[key] = id
		}
	}
	s.config["torch_dtype"] = dtype
	files := maps.Clone(s.vocab.files)
	var err, err2 error
	files["config.json"], err = encode(s.config)
	files["generation_config.json"], err2 = encode(generation)
	return files, errors.Join(err, err2)
}

// vacant reports whether dir may be written: it is not there or empty, or it is a model's folder, to be replaced.
func vacant(dir string, replace bool) error {
	if wd, err := os.Getwd(); err == nil && wd == dir {
		return fmt.Errorf("%s is the current folder, which can't be replaced; name a folder in it", dir)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) == 0:
		return nil
	case !replace:
		return fmt.Errorf("%s is not empty; name a new folder, or replace the model in it with --force", dir)
	}
	isModel := false
	for _, e := range entries {
		isModel = isModel || e.Name() == "config.json"
		if e.IsDir() || strings.HasSuffix(e.Name(), ".gguf") {
			return fmt.Errorf("%s has %s in it, which would be lost; name another folder", dir, e.Name())
		}
	}
	if !isModel {
		return fmt.Errorf("%s has files but no config.json: it is not a model's folder, so it is left alone; name another one", dir)
	}
	return nil
}
