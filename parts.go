package hone

import (
	"errors"
	"io/fs"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/generate"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// Parts are what a model's folder has beside the weights. They never change, so that any number of goroutines may
// use them.
type Parts struct {
	Dir  string
	Base string // the folder of the weights: Dir, or that of an adapter's base model

	Config     *model.Config
	Tokenizer  *tokenizer.Tokenizer
	Generation generate.Config
	// ChatTemplate is the source of the chat template, "" if the model has none; Template renders it, as
	// generate.Pipeline wants it.
	ChatTemplate string
	Template     func(messages []generate.Message, prompt bool) (string, error)
	// Verbalizer makes a classifier of the model; nil if it wasn't trained as one.
	Verbalizer *collate.Verbalizer
}

// OpenParts reads the folder of a model or of an adapter, whose base model is looked for as its training named it.
func OpenParts(dir string) (*Parts, error) {
	o, err := open(dir)
	if err != nil {
		return nil, err
	}
	p := &Parts{Dir: o.dir, Base: o.base}
	if p.Config, err = model.LoadConfig(o.base); err != nil {
		return nil, err
	}
	if p.Tokenizer, err = o.tokenizer(); err != nil {
		return nil, err
	}
	if p.Generation, err = generate.Load(o.base, p.Config); err != nil {
		return nil, err
	}
	if p.ChatTemplate = p.Tokenizer.Config().ChatTemplate(); p.ChatTemplate != "" {
		t, err := chat.Parse(p.ChatTemplate)
		if err != nil {
			return nil, err
		}
		special := p.Tokenizer.Config().SpecialTokens
		p.Template = func(messages []generate.Message, prompt bool) (string, error) {
			return t.Render(messages, chat.Options{AddGenerationPrompt: prompt, SpecialTokens: special})
		}
	}
	p.Verbalizer, err = collate.LoadVerbalizer(dir, p.Tokenizer)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil && p.Verbalizer.MaxLength == 0 {
		p.Verbalizer.MaxLength, err = maxLength(0, p.Config)
	}
	return p, err
}
