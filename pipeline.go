package hone

import (
	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/generate"
)

// OpenPipeline loads the model in dir for generating text: transformers' pipeline("text-generation").
func OpenPipeline(dir string, d compute.Device) (*generate.Pipeline, error) {
	o, err := open(dir)
	if err != nil {
		return nil, err
	}
	tok, err := o.tokenizer()
	if err != nil {
		return nil, err
	}
	m, err := o.frozen(d)
	if err != nil {
		return nil, err
	}
	config, err := generate.Load(o.base, m.Config)
	if err != nil {
		return nil, err
	}
	p := &generate.Pipeline{Generator: generate.Generator{Run: m.NewRun(d), Tokenizer: tok, Config: config}}
	if src := tok.Config().ChatTemplate(); src != "" {
		t, err := chat.Parse(src)
		if err != nil {
			return nil, err
		}
		p.Template = func(messages []generate.Message, prompt bool) (string, error) {
			return t.Render(messages, chat.Options{AddGenerationPrompt: prompt, SpecialTokens: tok.Config().SpecialTokens})
		}
	}
	return p, nil
}
