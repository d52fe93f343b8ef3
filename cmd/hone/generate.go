package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/generate"
)

type generateCommand struct {
	Model  string   `required:"" help:"A folder in Hugging Face layout, such as one that hone train left, or a name on the Hub." placeholder:"DIR"`
	Prompt []string `help:"Text to continue; may be given several times. Without one, each line of standard input is a prompt." sep:"none" placeholder:"TEXT"`

	MaxNewTokens      *int     `help:"Most tokens to generate; 256 if neither this nor the model says otherwise." placeholder:"N"`
	MinNewTokens      *int     `help:"Fewest tokens to generate." placeholder:"N"`
	DoSample          *bool    `negatable:"" help:"Draw tokens at random (the default); --no-do_sample takes the likeliest."`
	Temperature       *float64 `help:"Below 1 safer, above 1 bolder; 0.7 if nothing says otherwise." placeholder:"X"`
	TopK              *int     `help:"Draw from so many likeliest tokens." placeholder:"N"`
	TopP              *float64 `help:"Draw from the likeliest tokens that have this probability together." placeholder:"X"`
	MinP              *float64 `help:"Draw from tokens at least this probable, relative to the likeliest." placeholder:"X"`
	RepetitionPenalty *float64 `help:"Above 1: repeat less." placeholder:"X"`
	NoRepeatNgramSize *int     `help:"Never repeat so many tokens in a row." placeholder:"N"`
	StopStrings       []string `name:"stop" help:"End when this text appears; may be given several times." sep:"none" placeholder:"TEXT"`
	Seed              *uint64  `help:"The same seed draws the same text." placeholder:"N"`
	NumReturn         *int     `name:"num_return_sequences" help:"Answers to each prompt." placeholder:"N"`
	Chat              bool     `help:"The prompt is a user's message: put it into the model's chat template."`
	FullText          bool     `name:"return_full_text" negatable:"" default:"true" help:"Print the prompt too."`
	dtypeFlag
	Json bool `help:"Print what transformers' text-generation pipeline returns, a line for each prompt."`
}

// config returns the settings. Temperature 0 means the likeliest token, as other tools have it.
func (c generateCommand) config() generate.Config {
	if c.Temperature != nil && *c.Temperature == 0 {
		c.Temperature, c.DoSample = nil, new(false)
	}
	return generate.Config{MaxNewTokens: c.MaxNewTokens, MinNewTokens: c.MinNewTokens, DoSample: c.DoSample, Temperature: c.Temperature,
		TopK: c.TopK, TopP: c.TopP, MinP: c.MinP, RepetitionPenalty: c.RepetitionPenalty, NoRepeatNgramSize: c.NoRepeatNgramSize,
		StopStrings: c.StopStrings, Seed: c.Seed, NumReturnSequences: c.NumReturn}
}

func (c generateCommand) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	dir, err := hone.ModelDir(a.ctx, h, c.Model, "")
	s.close()
	if err != nil {
		return err
	}
	p, err := hone.OpenPipeline(dir, c.device(a))
	if err != nil {
		return err
	}
	if err := c.dtypeFlag.apply(p.Run.Model); err != nil {
		return err
	}
	if len(c.Prompt) > 0 {
		return c.answer(a, p, c.Prompt)
	}
	if terminal(a.stdin) {
		a.say("Reading prompts, one a line; end with Ctrl-D.")
	}
	return lines(a.stdin, 16, func(prompts []string) error { return c.answer(a, p, prompts) })
}

// answer continues the prompts. A single answer is shown as it grows.
func (c generateCommand) answer(a *app, p *generate.Pipeline, prompts []string) error {
	for _, prompt := range prompts {
		streams := !c.Json && c.NumReturn == nil
		var emit func(*generate.Sequence, generate.Token)
		if streams {
			lead := prompt
			if !c.FullText || c.Chat {
				lead = ""
			}
			emit = func(_ *generate.Sequence, t generate.Token) {
				fmt.Fprint(a.stdout, a.safe(lead+t.Text))
				lead = ""
			}
		}
		answers, err := c.call(a, p, prompt, emit)
		if streams && (err == nil || a.ctx.Err() != nil) {
			fmt.Fprintln(a.stdout)
		}
		if err != nil {
			return err
		}
		switch {
		case c.Json:
			if err := json.NewEncoder(a.stdout).Encode(answers); err != nil {
				return err
			}
		case !streams:
			for _, g := range answers {
				fmt.Fprintln(a.stdout, a.safe(last(g)))
			}
		}
	}
	return nil
}

// safe takes control characters out of text that goes to a terminal, where a model could do mischief with them.
func (a *app) safe(text string) string {
	if !terminal(a.stdout) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// last returns the text of an answer, or the assistant's turn of a chat.
func last(g generate.Generated) string {
	if n := len(g.Messages); n > 0 {
		return g.Messages[n-1].Content
	}
	return g.Text
}

// call continues one prompt, as text or as a user's message.
func (c generateCommand) call(a *app, p *generate.Pipeline, prompt string, emit func(*generate.Sequence, generate.Token)) ([]generate.Generated, error) {
	full := c.FullText
	o := generate.Options{Config: c.config(), ReturnFullText: &full, Emit: emit}
	if c.Chat {
		return p.Chat(a.ctx, []generate.Message{{Role: "user", Content: prompt}}, o)
	}
	return p.Text(a.ctx, prompt, o)
}
