package collate

import (
	"encoding/json"
	"fmt"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/tokenizer"
)

// A Dialogue encodes conversations in the model's chat template: the loss is on what the assistant says.
type Dialogue struct {
	Tokenizer *tokenizer.Tokenizer
	Template  *chat.Template
	MaxLength int // 0 means no limit; longer conversations lose their end
	// Borrowed says that the model has no template of its own and ChatML stands in.
	Borrowed bool
}

// NewDialogue prepares the template that came with the tokenizer.
func NewDialogue(tok *tokenizer.Tokenizer, maxLength int) (*Dialogue, error) {
	src := tok.Config().ChatTemplate()
	d := &Dialogue{Tokenizer: tok, MaxLength: maxLength, Borrowed: src == ""}
	if d.Borrowed {
		src = chat.ChatML
	}
	var err error
	if d.Template, err = chat.Parse(src); err != nil {
		return nil, fmt.Errorf("collate: the model's chat template: %w", err)
	}
	return d, nil
}

// Encode encodes the conversations that t finds in d's rows.
func (c *Dialogue) Encode(d *dataset.Dataset, t dataset.Task) ([]Example, Stats, error) {
	return encode(d.Len(), func(i int) ([]Example, bool, error) {
		row := d.Row(i)
		turns, err := t.Dialogue(row)
		if err != nil {
			return nil, false, err
		}
		e, cut, err := c.Example(messages(turns))
		if err != nil {
			return nil, false, fmt.Errorf("collate: %s: %w", row.Where(), err)
		}
		if !learns(e) {
			return nil, cut, nil
		}
		return []Example{e}, cut, nil
	})
}

// Example encodes one conversation. The text between the assistant's turns and the turns themselves are tokenized
// apart, since that is how the model meets them when it answers.
func (c *Dialogue) Example(messages []chat.Message) (e Example, cut bool, err error) {
	text, spans, err := c.Template.RenderSpans(messages, chat.Options{SpecialTokens: c.Tokenizer.Config().SpecialTokens})
	if err != nil {
		return e, false, err
	}
	at := 0
	add := func(to int, learn bool) {
		n := len(e.IDs)
		e.IDs = c.Tokenizer.Append(e.IDs, text[at:to])
		for _, id := range e.IDs[n:] {
			if !learn {
				id = Ignore
			}
			e.Labels = append(e.Labels, id)
		}
		at = to
	}
	for _, s := range spans {
		add(s.Start, false)
		add(s.End, true)
	}
	add(len(text), false)
	if c.MaxLength > 0 && len(e.IDs) > c.MaxLength {
		e.IDs, e.Labels, cut = e.IDs[:c.MaxLength], e.Labels[:c.MaxLength], true
	}
	return e, cut, nil
}

// learns reports whether e has a token to predict.
func learns(e Example) bool {
	for i, y := range e.Labels {
		if i > 0 && y != Ignore {
			return true
		}
	}
	return false
}

// messages turns a data set's messages into a template's, with all that they carry.
func messages(turns []dataset.Message) []chat.Message {
	out := make([]chat.Message, len(turns))
	for i, m := range turns {
		out[i] = chat.Message{Role: m.Role, Content: m.Content}
		if m.Extra == nil {
			continue
		}
		all := map[string]any{"role": m.Role, "content": m.Content}
		for k, v := range m.Extra {
			all[k] = v
		}
		if raw, err := json.Marshal(all); err == nil {
			out[i].Raw = raw
		}
	}
	return out
}
