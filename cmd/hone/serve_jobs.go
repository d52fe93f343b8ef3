package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/jobs"
	"github.com/hone-ml/hone/serve"
)

// jobsFlags are the part of hone serve that fine-tunes.
type jobsFlags struct {
	JobsDir   string `help:"Folder of uploaded files and fine-tuning jobs (/v1/files, /v1/fine_tuning/jobs); \"none\" switches them off. If not given, hone's folder among the user's data, if no other server has it." placeholder:"DIR"`
	ModelsDir string `help:"Folder whose subfolders are models that jobs may start from, besides those served and those of the Hub." placeholder:"DIR"`
}

// mountJobs adds the routes of fine-tuning to s, and returns the jobs, nil if they are off, and what ends them in good order.
func (c serveCommand) mountJobs(a *app, s *serve.Server, served map[string]string) (m *jobs.Manager, end func() error, err error) {
	nothing := func() error { return nil }
	if c.JobsDir == "none" {
		return nil, nothing, nil
	}
	dir, chosen := c.JobsDir, c.JobsDir != ""
	if !chosen {
		if dir, err = dataDir("jobs"); err != nil {
			a.say("Fine-tuning jobs are off: %v. --jobs_dir names a folder for them.", err)
			return nil, nothing, nil
		}
	}
	m, err = c.openJobs(a, s, served, dir)
	if err != nil && !chosen {
		a.say("Fine-tuning jobs are off: %s. --jobs_dir names another folder for them.", strings.TrimPrefix(err.Error(), "jobs: "))
		return nil, nothing, nil
	}
	if err != nil {
		return nil, nil, err
	}
	h := m.Handler()
	for _, path := range []string{"/v1/files", "/v1/files/", "/v1/fine_tuning/"} {
		s.Mount(path, h)
	}
	a.say("Fine-tuning jobs are in %s.", dir)

	closed := make(chan error, 1)
	ctx, stop := context.WithCancel(a.ctx)
	go func() {
		<-ctx.Done() // at once, so that those who follow a job are let go
		late, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		closed <- m.Close(late)
	}()
	return m, func() error { stop(); return <-closed }, nil
}

func (c serveCommand) openJobs(a *app, s *serve.Server, served map[string]string, dir string) (*jobs.Manager, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o := jobs.Options{
		Worker: []string{self, "train", "--quiet"},
		Model:  func(name string) (string, error) { return c.baseModel(name, served, a.flags.Offline) },
		Done:   s.Offer,
		Gone:   s.Remove,
		Log:    slog.New(slog.NewTextHandler(a.stderr, nil)),
	}
	if a.flags.Offline {
		o.Worker = append(o.Worker, "--offline")
	}
	if n := a.flags.Threads; n > 0 {
		o.Worker = append(o.Worker, "--threads", strconv.Itoa(n))
	}
	return jobs.Open(dir, o)
}

// baseModel returns what hone train takes for the model that a job names: one that is served, a folder of
// --models_dir, or one of the Hub, which offline must have been pulled.
func (c serveCommand) baseModel(name string, served map[string]string, offline bool) (string, error) {
	if dir := served[name]; dir != "" {
		return dir, nil
	}
	id, err := jobs.HubName(name)
	if err != nil {
		return "", err
	}
	if dir, err := c.ownModel(name); dir != "" || err != nil {
		return dir, err
	}
	h, err := newHub()
	if err != nil {
		return "", err
	}
	if offline || h.Offline {
		h.Offline = true
		if _, err := h.Model(context.Background(), hub.Repo{ID: id}); err != nil {
			return "", errNoModel(name)
		}
	}
	return id, nil
}

func errNoModel(name string) error {
	return fmt.Errorf("model %s is neither served nor among the models that were pulled, and this server is offline", name)
}

// ownModel returns the folder of that name in --models_dir, "" if there is none. The name is one that HubName takes: no path.
func (c serveCommand) ownModel(name string) (string, error) {
	if c.ModelsDir == "" || strings.Contains(name, "/") {
		return "", nil
	}
	dir, err := filepath.Abs(filepath.Join(c.ModelsDir, name))
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", nil
	}
	return dir, nil
}

// ownModels lists the models in --models_dir, by the name that a job may give.
func (c serveCommand) ownModels() (names []string) {
	if c.ModelsDir == "" {
		return nil
	}
	found, _ := filepath.Glob(filepath.Join(c.ModelsDir, "*", "config.json"))
	for _, f := range found {
		if name, err := jobs.HubName(filepath.Base(filepath.Dir(f))); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// dataDir is a folder of hone's among the user's data, where the system keeps such.
func dataDir(name string) (string, error) {
	variable, below := "XDG_DATA_HOME", ".local/share"
	switch runtime.GOOS {
	case "windows":
		variable, below = "LocalAppData", "AppData/Local"
	case "darwin":
		variable, below = "", "Library/Application Support"
	}
	if dir := os.Getenv(variable); variable != "" && filepath.IsAbs(dir) {
		return filepath.Join(dir, "hone", name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home folder")
	}
	return filepath.Join(home, filepath.FromSlash(below), "hone", name), nil
}
