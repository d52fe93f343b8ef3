package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/jobs"
	"github.com/hone-ml/hone/page"
	"github.com/hone-ml/hone/serve"
	"github.com/hone-ml/hone/starter"
)

// mountPage adds the page for browsers to a server; m is its jobs, nil if it takes none.
func (c serveCommand) mountPage(a *app, s *serve.Server, m *jobs.Manager) error {
	h, err := newHub()
	if err != nil {
		return err
	}
	offline := a.flags.Offline || h.Offline
	h.Offline = true // what isn't here is downloaded by a job, not by an estimate
	config := page.Config{Bases: []page.Base{{Name: starter.Name, LearningRate: starter.LearningRate}}, Samples: starter.Samples(), Models: s.Models, Dir: c.baseDir(h, offline), Hub: h, Device: hone.Device(a.flags.Threads)}
	for _, name := range c.ownModels() {
		config.Bases = append(config.Bases, page.Base{Name: name})
	}
	if m != nil {
		config.Jobs, config.File = true, m.Path
	}
	mount(s, config)
	return nil
}

func mount(s *serve.Server, c page.Config) {
	p := page.Handler(c)
	s.Mount("/", p)
	s.Mount("/v1/hone/", p)
}

// baseDir finds the models that aren't served, where a job would: those of --models_dir, and those of the Hub that were
// downloaded before. A path is no such name, so that the page can't be used to look around on the machine.
func (c serveCommand) baseDir(h *hub.Client, offline bool) func(ctx context.Context, name string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		id, err := jobs.HubName(name)
		if err != nil {
			return "", err
		}
		if dir, err := c.ownModel(name); dir != "" || err != nil {
			return dir, err
		}
		dir, err := h.Model(ctx, hub.Repo{ID: id})
		switch {
		case errors.Is(err, hub.ErrOffline) && offline:
			return "", errNoModel(name)
		case errors.Is(err, hub.ErrOffline):
			return "", fmt.Errorf("model %s isn't on this machine yet: the job downloads it, and then there are estimates too", name)
		}
		return dir, err
	}
}
