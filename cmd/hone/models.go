package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hone-ml/hone/hub"
)

type modelsCommand struct {
	Json bool `help:"Print a JSON object of each, a line each."`
}

// A held model or data set is what hone models prints as JSON.
type held struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Dir      string    `json:"dir"`
}

func (c modelsCommand) Run(a *app) error {
	h, err := newHub()
	if err != nil {
		return err
	}
	list, err := h.Cached()
	if err != nil {
		return err
	}
	var total int64
	for _, m := range list {
		total += m.Bytes
		if c.Json {
			err = json.NewEncoder(a.stdout).Encode(held{string(m.Repo.Kind), m.Repo.ID, m.Bytes, m.Modified, m.Dir})
		} else {
			_, err = fmt.Fprintf(a.stdout, "%-8s %-44s %9s  %s\n", kindName(m.Repo.Kind), m.Repo.ID, size(m.Bytes), m.Modified.Format(time.DateOnly))
		}
		if err != nil {
			return err
		}
	}
	switch {
	case c.Json:
	case len(list) == 0:
		a.say("The cache, %s, is empty: hone pull NAME fills it. Models that you trained: hone runs.", h.Cache)
	default:
		a.say("%s in %s. hone rm NAME removes one; hone runs lists what you trained.", size(total), h.Cache)
	}
	return nil
}

func kindName(k hub.Kind) string {
	if k == hub.Dataset {
		return "data set"
	}
	return string(k)
}
