package main

import (
	"fmt"

	"github.com/hone-ml/hone/hub"
)

type pullCommand struct {
	Names    []string `arg:"" help:"Models, by name on the Hub. Data sets follow --dataset."  optional:""`
	Dataset  []string `help:"Data sets, by name on the Hub." placeholder:"NAME"`
	Config   string   `help:"Which configuration of the data set, where it has several."`
	Revision string   `help:"A branch, tag or commit instead of the newest." placeholder:"REV"`
}

// Validate is called by kong.
func (c pullCommand) Validate() error {
	if len(c.Names)+len(c.Dataset) == 0 {
		return fmt.Errorf("name a model, as in \"hone pull gpt2\", or a data set, as in \"hone pull --dataset rotten_tomatoes\"")
	}
	return nil
}

func (c pullCommand) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	for _, name := range c.Names {
		dir, err := h.Model(a.ctx, hub.Repo{ID: name, Revision: c.Revision})
		if err != nil {
			return err
		}
		s.line("%s is in %s", name, dir)
	}
	for _, name := range c.Dataset {
		dir, err := h.Dataset(a.ctx, hub.Repo{ID: name, Revision: c.Revision}, c.Config)
		if err != nil {
			return err
		}
		s.line("data set %s is in %s", name, dir)
	}
	return nil
}
