package hone

import (
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/generate"
)

// OpenPipeline loads the model in dir for generating text: transformers' pipeline("text-generation").
func OpenPipeline(dir string, d compute.Device) (*generate.Pipeline, error) {
	p, err := OpenParts(dir)
	if err != nil {
		return nil, err
	}
	m, err := opened{p.Dir, p.Base}.frozen(d)
	if err != nil {
		return nil, err
	}
	return &generate.Pipeline{
		Generator: generate.Generator{Run: m.NewRun(d), Tokenizer: p.Tokenizer, Config: p.Generation},
		Template:  p.Template,
	}, nil
}
