package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hone-ml/hone/convert"
	"github.com/hone-ml/hone/safetensors"
)

type importCommand struct {
	File  string `arg:"" help:"A GGUF file." placeholder:"MODEL.gguf"`
	Dir   string `arg:"" help:"The folder to write."`
	Dtype string `enum:",float32,bfloat16,float16" default:"" help:"Type of the written weights: float32, bfloat16 or float16; without it the file's own, or float32 where that is quantized." placeholder:"TYPE"`
	Force bool   `help:"Replace the model that is in the folder."`
}

func (c importCommand) Run(a *app) error {
	src, err := convert.Open(c.File)
	if err != nil {
		return err
	}
	defer src.Close()
	dtype := src.Dtype
	for _, d := range []safetensors.Dtype{safetensors.F32, safetensors.BF16, safetensors.F16} {
		if dtypeNames[d] == c.Dtype {
			dtype = d
		}
	}
	s := a.screen()
	defer s.close()
	describeSource(s, src, dtype)
	start := time.Now()
	err = src.Write(a.ctx, c.Dir, convert.Options{Dtype: dtype, Replace: c.Force, Progress: func(done, total int64) {
		s.bar("weights", int(done>>10), int(total>>10), "")
	}})
	s.end("weights")
	if err != nil {
		return err
	}
	dir := filepath.Clean(c.Dir)
	s.line("wrote %s in %s, in Hugging Face layout. Next:", dir, duration(time.Since(start)))
	chat := ""
	if src.ChatTemplate != "" {
		chat = "--chat "
	}
	s.line("  hone generate --model %s %s--prompt \"…\"", dir, chat)
	s.line("  hone train --model %s --dataset … --output_dir out", dir)
	return nil
}

var dtypeNames = map[safetensors.Dtype]string{safetensors.F32: "float32", safetensors.BF16: "bfloat16", safetensors.F16: "float16"}

// describeSource tells what stands in a GGUF file and what will become of it.
func describeSource(s *screen, src *convert.Source, dtype safetensors.Dtype) {
	c := src.Config
	name := ""
	if src.Name != "" {
		name = fmt.Sprintf("%.80q, ", src.Name)
	}
	s.line("model: %s%s, %s parameters, %d layers of width %d, reads %d tokens", name, c.ModelType, count(c.NumParams()), c.Layers, c.HiddenSize, c.MaxPositions)
	s.line("weights: %s; written as %s, %s", src.Types, dtypeNames[dtype], size(src.Bytes(dtype)))
	line := "tokenizer: " + src.Tokenizer
	for _, role := range [][2]string{{"bos", src.BOS}, {"eos", src.EOS}} {
		if role[1] != "" {
			line += fmt.Sprintf(", %s %q", role[0], role[1])
		}
	}
	s.line("%s", line)
	template := "none: --chat won't work, and training on chat messages needs a template of your own"
	if n := len(src.ChatTemplate); n > 0 {
		template = fmt.Sprintf("%d bytes", n)
	}
	s.line("chat template: %s", template)
}
