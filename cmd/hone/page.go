package main

import (
	"context"
	"fmt"
	"regexp"

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
	h.Offline = true // what isn't here is downloaded by a job, not by an estimate
	config := page.Config{Bases: []page.Base{{Name: starter.Name, LearningRate: starter.LearningRate}}, Samples: starter.Samples(), Models: s.Models, Dir: cached(h), Hub: h, Device: hone.Device(a.flags.Threads)}
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

var onHub = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*$`)

// cached finds models of the Hub that were downloaded before. A path is no such name, so that the page can't be used to
// look around on the machine.
func cached(h *hub.Client) func(ctx context.Context, name string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		if !onHub.MatchString(name) {
			return "", fmt.Errorf("%.100q is no name of a model", name)
		}
		return h.Model(ctx, hub.Repo{ID: name})
	}
}
