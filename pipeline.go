package hone

import (
	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// OpenPipeline loads the model in dir for generating text: transformers' pipeline("text-generation").
func OpenPipeline(dir string, d compute.Device) (*generate.Pipeline, error) {
	tok, err := tokenizer.Load(dir)
	if err != nil {
		return nil, err
	}
	m, err := model.Load(dir)
	if err != nil {
		return nil, err
	}
	config, err := generate.Load(dir, m.Config)
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
