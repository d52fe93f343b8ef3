package generate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/tokenizer"
)

// A Pipeline continues texts and chats as transformers' pipeline("text-generation") does. Its Tokenizer must be
// set.
//
// Where neither the caller nor the model's generation_config.json says otherwise, it has the reference pipeline's
// own defaults: it samples, at temperature 0.7, up to 256 new tokens; fewer where the model has learned positions
// and they end before.
type Pipeline struct {
	Generator
	// Template renders a chat as the model was trained to read it; with prompt, up to where the assistant's next
	// message begins. Without it there are no chats.
	Template func(messages []Message, prompt bool) (string, error)
}

// A Message is one turn of a chat.
type Message = chat.Message

// Options are what a call of the pipeline takes beside its input.
type Options struct {
	Config
	StopSequence      Strings `json:"stop_sequence,omitzero"`        // the pipeline's name for stop_strings
	ReturnFullText    *bool   `json:"return_full_text,omitempty"`    // prompt and answer; true by default
	SkipSpecialTokens *bool   `json:"skip_special_tokens,omitempty"` // leave them out of the text; true by default
	AddSpecialTokens  *bool   `json:"add_special_tokens,omitempty"`  // put the tokenizer's around a text prompt; true by default
	// Emit, which may be nil, is called with each token as it comes: the reference's streamer.
	Emit                 func(*Sequence, Token) `json:"-"`
	ContinueFinalMessage *bool                  `json:"continue_final_message,omitempty"` // go on with the chat's last message; if it is the assistant's by default
}

// A Generated is one answer. In JSON it is {"generated_text": …} with the text or the messages.
type Generated struct {
	Text     string    // the answer to a text; for chats without return_full_text the new text
	Messages []Message // the chat with the assistant's turn
	Sequence *Sequence // tokens and why they ended
}

// MarshalJSON writes the reference's shape.
func (g Generated) MarshalJSON() ([]byte, error) {
	var v any = g.Text
	if g.Messages != nil {
		v = g.Messages
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // the caller's encoder decides
	err := e.Encode(map[string]any{"generated_text": v})
	return b.Bytes(), err
}

// Text continues one prompt and returns its answers, num_return_sequences of them.
func (p *Pipeline) Text(ctx context.Context, prompt string, o Options) ([]Generated, error) {
	return first(p.Texts(ctx, []string{prompt}, o))
}

// Texts continues each prompt.
func (p *Pipeline) Texts(ctx context.Context, prompts []string, o Options) ([][]Generated, error) {
	ids := make([][]int32, len(prompts))
	for i, text := range prompts {
		var err error
		if ids[i], err = p.TextPrompt(text, o); err != nil {
			return nil, of(i, len(prompts), err)
		}
	}
	return p.answer(ctx, ids, o, func(i int, text string) Generated {
		return Generated{Text: prompts[i] + text}
	})
}

// TextPrompt returns the tokens of a text as Text reads it. It doesn't use the Run, so that any number of goroutines
// may call it.
func (p *Pipeline) TextPrompt(text string, o Options) ([]int32, error) {
	if p.Tokenizer == nil {
		return nil, errNoTokenizer
	}
	e, err := p.Tokenizer.Encode(text, tokenizer.Options{NoSpecialTokens: !value(o.AddSpecialTokens, true)})
	if err != nil {
		return nil, err
	}
	return e.IDs, nil
}

// ChatPrompt returns the tokens of a chat as Chat reads it, up to where the model goes on. It doesn't use the Run, so
// that any number of goroutines may call it.
func (p *Pipeline) ChatPrompt(turns []Message, o Options) ([]int32, error) {
	if p.Tokenizer == nil {
		return nil, errNoTokenizer
	}
	text, err := p.render(turns, o)
	if err != nil {
		return nil, err
	}
	return p.Tokenizer.Append(nil, text), nil // templates write special tokens themselves
}

// Chat continues one chat and returns its answers.
func (p *Pipeline) Chat(ctx context.Context, messages []Message, o Options) ([]Generated, error) {
	return first(p.Chats(ctx, [][]Message{messages}, o))
}

// Chats continues each chat: with a message of the assistant, or with the rest of the last message where that is
// the assistant's own.
func (p *Pipeline) Chats(ctx context.Context, chats [][]Message, o Options) ([][]Generated, error) {
	ids := make([][]int32, len(chats))
	for i, turns := range chats {
		var err error
		if ids[i], err = p.ChatPrompt(turns, o); err != nil {
			return nil, of(i, len(chats), err)
		}
	}
	return p.answer(ctx, ids, o, func(i int, text string) Generated {
		turns := slices.Clone(chats[i])
		if o.continues(turns) {
			last := &turns[len(turns)-1]
			*last, _ = extended(*last, text) // render has tried it
		} else {
			turns = append(turns, Message{Role: "assistant", Content: text})
		}
		return Generated{Messages: turns}
	})
}

// Call takes any of the reference's inputs as JSON, a text, a chat, or a list of either, and returns what the
// reference does: []Generated for one input, [][]Generated for a list.
func (p *Pipeline) Call(ctx context.Context, input []byte, o Options) (any, error) {
	var text string
	var texts []string
	var turns []Message
	var chats [][]Message
	read := func(v any) bool { return json.Unmarshal(input, v) == nil }
	switch {
	case read(&text):
		return p.Text(ctx, text, o)
	case read(&texts):
		return p.Texts(ctx, texts, o)
	case read(&turns):
		return p.Chat(ctx, turns, o)
	case read(&chats):
		return p.Chats(ctx, chats, o)
	}
	return nil, fmt.Errorf("generate: the input is %.60s; expected a text, a list of messages with role and content, or a list of either", input)
}

var errNoTokenizer = errors.New("generate: a pipeline needs a tokenizer")

func first(all [][]Generated, err error) ([]Generated, error) {
	if len(all) == 0 {
		return nil, err
	}
	return all[0], err
}

// answer generates and decodes; full makes an answer of prompt i and its new text.
func (p *Pipeline) answer(ctx context.Context, prompts [][]int32, o Options, full func(i int, text string) Generated) ([][]Generated, error) {
	requests := make([]Request, len(prompts))
	for i, ids := range prompts {
		requests[i] = Request{Prompt: ids, Config: p.config(len(ids), o), Emit: o.Emit}
	}
	answers, err := p.Answer(ctx, requests)
	if err != nil {
		return nil, err
	}
	out := make([][]Generated, len(prompts))
	for i, all := range answers {
		for _, s := range all {
			text := p.Tokenizer.Decode(s.IDs(), value(o.SkipSpecialTokens, true))
			g := Generated{Text: text}
			if value(o.ReturnFullText, true) {
				g = full(i, text)
			}
			g.Sequence = s
			out[i] = append(out[i], g)
		}
	}
	return out, nil
}

// config lays the settings over the model's and those over the pipeline's, for a prompt of n tokens.
func (p *Pipeline) config(n int, o Options) Config {
	c := o.Config
	c.StopStrings = or(o.StopSequence, c.StopStrings)
	c = c.Or(p.Config)
	c.DoSample = cmp.Or(c.DoSample, new(true))
	if c.samples() {
		c.Temperature = cmp.Or(c.Temperature, new(0.7))
	}
	if c.MaxNewTokens == nil && c.MaxLength == nil {
		most := 256
		if left := p.Run.Config.MaxPositions - max(n, 1) + 1; p.Run.Wpe != nil && left > 0 {
			most = min(most, left)
		}
		c.MaxNewTokens = &most
	}
	return c
}

// continues reports whether the answer goes on with the last of turns.
func (o *Options) continues(turns []Message) bool {
	return value(o.ContinueFinalMessage, len(turns) > 0 && turns[len(turns)-1].Role == "assistant")
}

// endOfMessage marks where the last message ends in the rendered chat. It is what the reference uses, so that
// templates that look at the text see the same.
const endOfMessage = "CONTINUE_FINAL_MESSAGE_TAG "

// render returns the text of a chat up to where the model goes on.
func (p *Pipeline) render(turns []Message, o Options) (string, error) {
	if p.Template == nil {
		return "", errors.New("generate: a chat needs the model's chat template, and there is none: use a text prompt or an instruction-tuned model")
	}
	if len(turns) == 0 {
		return "", errors.New("generate: the chat has no messages")
	}
	for i, m := range turns {
		if m.Role == "" {
			return "", fmt.Errorf("generate: message %d of the chat has no role; expected system, user or assistant", i+1)
		}
	}
	if !o.continues(turns) {
		return p.Template(turns, true)
	}
	turns = slices.Clone(turns)
	last := &turns[len(turns)-1]
	content := strings.TrimSpace(last.Content)
	var err error
	if *last, err = extended(*last, endOfMessage); err != nil {
		return "", err
	}
	text, err := p.Template(turns, false)
	if err != nil {
		return "", err
	}
	i := strings.LastIndex(text, strings.TrimSpace(endOfMessage))
	if i < 0 || !strings.Contains(text, content) {
		return "", errors.New("generate: the chat template changes the last message, so that it can't be continued: set continue_final_message to false")
	}
	if strings.HasPrefix(text[i:], endOfMessage) {
		return text[:i], nil
	}
	return strings.TrimRightFunc(text[:i], unicode.IsSpace), nil // the template trims messages
}

// extended returns m with text behind its content.
func extended(m Message, text string) (Message, error) {
	m.Content += text
	if m.Raw == nil {
		return m, nil
	}
	var fields map[string]json.RawMessage
	var content string
	if err := json.Unmarshal(m.Raw, &fields); err != nil {
		return m, fmt.Errorf("generate: the last message of the chat: %w", err)
	}
	if json.Unmarshal(fields["content"], &content) != nil {
		return m, errors.New("generate: the content of the last message of the chat is not a text, so that it can't be continued: set continue_final_message to false")
	}
	var err error
	if fields["content"], err = json.Marshal(content + text); err != nil {
		return m, err
	}
	m.Raw, err = json.Marshal(fields)
	return m, err
}
