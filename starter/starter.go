// Package starter holds a small language model and a data set of film reviews, so that a first run needs nothing
// but the program. Only the binary imports it: it is some ten megabytes.
package starter

import (
	"bytes"
	"embed"
	"io/fs"

	"github.com/hone-ml/hone/hub"
)

// Name is what the model and the data set are asked for by.
const Name = "starter"

// LearningRate suits fine-tuning all of the model: a small model learns best with larger steps than the default.
const LearningRate = 5e-4

//go:embed model reviews
var files embed.FS

// Samples returns the training split of the data set as JSON lines, by name. Classes have their names, for a file alone
// has no card to tell them.
func Samples() map[string][]byte {
	rows, err := files.ReadFile("reviews/train.jsonl")
	if err != nil {
		panic(err) // the embed line above is wrong
	}
	rows = bytes.ReplaceAll(rows, []byte(`"label": 0}`), []byte(`"label": "neg"}`))
	rows = bytes.ReplaceAll(rows, []byte(`"label": 1}`), []byte(`"label": "pos"}`))
	return map[string][]byte{Name: rows}
}

// Repos returns the model and the data set as repos for hub.Client.Builtin.
func Repos() map[hub.Repo]fs.FS {
	sub := func(dir string) fs.FS {
		f, err := fs.Sub(files, dir)
		if err != nil {
			panic(err) // the embed line above is wrong
		}
		return f
	}
	return map[hub.Repo]fs.FS{
		{Kind: hub.Model, ID: Name}:   sub("model"),
		{Kind: hub.Dataset, ID: Name}: sub("reviews"),
	}
}
