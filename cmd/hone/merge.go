package main

import "github.com/hone-ml/hone"

type mergeCommand struct {
	Model     string `required:"" help:"An adapter: a folder that hone train --lora or PEFT left, or a name on the Hub." placeholder:"DIR"`
	OutputDir string `required:"" help:"Folder for the whole model." placeholder:"DIR"`
}

func (c mergeCommand) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
	if err != nil {
		return err
	}
	if err := hone.Merge(a.ctx, h, dir, c.OutputDir); err != nil {
		return err
	}
	s.line("the whole model is in %s, in Hugging Face layout", c.OutputDir)
	return nil
}
