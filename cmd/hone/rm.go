package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hone-ml/hone/hub"
)

type rmCommand struct {
	Names   []string `arg:"" optional:"" help:"Folders of runs, and models in the cache by name on the Hub."`
	Dataset []string `help:"Data sets in the cache, by name on the Hub." placeholder:"NAME"`
	Yes     bool     `short:"y" help:"Don't ask."`
}

// Validate is called by kong.
func (c rmCommand) Validate() error {
	if len(c.Names)+len(c.Dataset) == 0 {
		return errors.New("name what to remove: hone runs and hone models list what there is")
	}
	return nil
}

// A victim is something to be removed.
type victim struct {
	what   string
	bytes  int64
	remove func() error
}

// Run finds everything before it removes anything.
func (c rmCommand) Run(a *app) error {
	h, err := newHub()
	if err != nil {
		return err
	}
	cached, err := h.Cached()
	if err != nil {
		return err
	}
	var victims []victim
	inCache := func(r hub.Repo) bool {
		for _, m := range cached {
			if m.Repo == r {
				victims = append(victims, victim{r.String() + " in the cache", m.Bytes, func() error { return h.Remove(r) }})
				return true
			}
		}
		return false
	}
	for _, name := range c.Names {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			if !inCache(hub.Repo{Kind: hub.Model, ID: name}) {
				return fmt.Errorf("there is neither a folder %s here nor a model of that name in the cache, %s", name, h.Cache)
			}
			continue
		}
		r, err := removable(name)
		if err != nil {
			return err
		}
		victims = append(victims, victim{"the run in " + name + ", " + r.Model + " " + r.result(), r.Bytes, func() error { return os.RemoveAll(name) }})
	}
	for _, name := range c.Dataset {
		if !inCache(hub.Repo{Kind: hub.Dataset, ID: name}) {
			return fmt.Errorf("there is no data set %s in the cache, %s", name, h.Cache)
		}
	}
	return c.removeAll(a, victims)
}

// removeAll asks and removes.
func (c rmCommand) removeAll(a *app, victims []victim) error {
	if !c.Yes && !terminal(a.stdin) {
		return errors.New("there is nobody to ask whether to remove it: add --yes")
	}
	answers := bufio.NewReader(a.stdin)
	for _, v := range victims {
		if !c.Yes {
			fmt.Fprintf(a.stderr, "Remove %s (%s)? [y/N] ", v.what, size(v.bytes))
			line, _ := answers.ReadString('\n')
			if s := strings.ToLower(strings.TrimSpace(line)); s != "y" && s != "yes" {
				a.say("left as it is")
				continue
			}
		}
		if err := v.remove(); err != nil {
			return err
		}
		a.say("removed %s, %s", v.what, size(v.bytes))
	}
	return nil
}
