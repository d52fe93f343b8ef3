package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/page"
	"github.com/hone-ml/hone/serve"
)

// A runPage shows one run in the browser while it trains, and its model when that is done.
type runPage struct {
	live   *page.Live
	server *serve.Server
	url    string
	dir    string // of the events file, if it is the page's own
	model  string // folder of the model
}

// withPage does what train does with a page beside it, on loopback and any free port.
func (c trainCommand) withPage(a *app, k *kong.Context, train func(trainCommand, *app) error) error {
	p := &runPage{model: c.OutputDir}
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	if c.EventsFile == "" {
		var err error
		if p.dir, err = os.MkdirTemp("", "hone-run-*"); err != nil {
			return err
		}
		defer os.RemoveAll(p.dir)
		c.EventsFile = filepath.Join(p.dir, "events.jsonl")
	}
	if err := p.open(a, c, k, stop); err != nil {
		return err
	}
	defer p.server.Close()
	a.say("Follow the run at %s", p.url)
	within := *a
	within.ctx = ctx // the page's button stops as Ctrl-C does
	err := train(c, &within)
	p.end(a, err)
	return err
}

func (p *runPage) open(a *app, c trainCommand, k *kong.Context, stop func()) (err error) {
	f, err := os.OpenFile(c.EventsFile, os.O_CREATE|os.O_APPEND, 0o666) // the page may ask before training begins
	if err != nil {
		return err
	}
	f.Close()
	name := filepath.Base(filepath.Clean(c.OutputDir))
	p.live = &page.Live{ID: "run", Name: name, Base: c.Model, Settings: given(k), Events: c.EventsFile, Stop: stop}
	device := hone.Device(a.flags.Threads)
	if p.server, err = serve.New(serve.Config{Device: device, Drain: time.Second}); err != nil {
		return err
	}
	p.server.Mount("/v1/fine_tuning/", p.live.Handler())
	mount(p.server, page.Config{Run: p.live.ID, Models: p.server.Models, Device: device})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.url = "http://" + l.Addr().String()
	go p.server.Serve(a.ctx, l)
	return nil
}

// given lists the flags that were set, by name.
func given(k *kong.Context) map[string]any {
	set := map[string]any{}
	for _, at := range k.Path {
		if f := at.Flag; f != nil && f.Name != "ui" && f.Name != "config" {
			set[f.Name] = f.Target.Interface()
		}
	}
	return set
}

// end tells the page how the run ended. When the model is ready the page stays, with the model to try, until Ctrl-C.
func (p *runPage) end(a *app, err error) {
	if err != nil {
		p.live.End("", err)
		if a.ctx.Err() == nil {
			time.Sleep(2 * time.Second) // until the page has heard of it
		}
		return
	}
	name := p.live.Name
	if bad := p.server.Add(a.ctx, name, p.model); bad != nil {
		a.say("the page can't serve the model: %v", bad)
		name = ""
	}
	p.live.End(name, nil)
	a.say("The page stays at %s, where the model can be tried; end with Ctrl-C.", p.url)
	<-a.ctx.Done()
}
