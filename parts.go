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

// An Outline is what a model's small files tell of it.
type Outline struct {
	Dir  string
	Base string // the folder of the weights: Dir, or that of an adapter's base model

	Config       *model.Config
	ChatTemplate string   // its source; "" if the model has none
	Labels       []string // of a classifier; nil if the model is none
}

// OpenOutline reads what there is to say of the model or the adapter in dir, in a moment. The base model of an adapter is
// looked for as its training named it.
func OpenOutline(dir string) (*Outline, error) {
	o, err := open(dir)
	if err != nil {
		return nil, err
	}
	p := &Outline{Dir: o.dir, Base: o.base}
	if p.Config, err = model.LoadConfig(o.base); err != nil {
		return nil, err
	}
	c, err := tokenizer.LoadConfig(o.vocabulary())
	if err != nil {
		return nil, err
	}
	p.ChatTemplate = c.ChatTemplate()
	if p.Labels, err = collate.Labels(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return p, nil
}

// Parts are what a model's folder has beside the weights. They never change, so that any number of goroutines may
// use them.
type Parts struct {
	Outline
	Tokenizer  *tokenizer.Tokenizer
	Generation generate.Config
	// Template renders the chat template, as generate.Pipeline wants it; nil if the model has none.
	Template func(messages []generate.Message, prompt bool) (string, error)
	// Verbalizer makes a classifier of the model; nil if it wasn't trained as one.
	Verbalizer *collate.Verbalizer
}

// OpenParts reads the folder of a model or of an adapter, as OpenOutline does, and the tokenizer.
func OpenParts(dir string) (*Parts, error) {
	about, err := OpenOutline(dir)
	if err != nil {
		return nil, err
	}
	p := &Parts{Outline: *about}
	if p.Tokenizer, err = (opened{p.Dir, p.Base}).tokenizer(); err != nil {
		return nil, err
	}
	if p.Generation, err = generate.Load(p.Base, p.Config); err != nil {
		return nil, err
	}
	if p.ChatTemplate != "" {
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
