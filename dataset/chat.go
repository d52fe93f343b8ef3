package dataset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A Message is one turn of a conversation.
type Message struct {
	Role    string // "system", "developer", "user", "assistant" or "tool"
	Content string
	// Extra holds what else the message has (name, tool_calls, …), without nulls; nil if nothing. Where content
	// is a list of parts it is here under "content", and Content is the text of its text parts.
	Extra map[string]any
}

// roles maps the names of speakers in data sets to those of chat templates.
var roles = map[string]string{
	"system": "system", "developer": "developer",
	"user": "user", "human": "user", "prompter": "user",
	"assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant", "bing": "assistant", "bard": "assistant",
	"tool": "tool", "function": "tool", "observation": "tool", "ipython": "tool",
}

// Dialogue is the messages of a row. Messages in the ShareGPT form ({"from": "human", "value": …}) become
// role and content. An error names the place and the message.
func (t Task) Dialogue(r Row) ([]Message, error) {
	columns := []string{t.Messages}
	if t.Messages == "" {
		columns = []string{t.Prompt, t.Completion}
	}
	var out []Message
	for _, name := range columns {
		v := r.Value(name)
		turns, ok := v.([]any)
		if !ok || len(turns) == 0 {
			return nil, fmt.Errorf("dataset: %s: column %q: found %s, expected a list of messages", r.Where(), name, kindOfValue(v))
		}
		for i, turn := range turns {
			m, err := message(turn)
			if err != nil {
				return nil, fmt.Errorf("dataset: %s: column %q: message %d: %w", r.Where(), name, i+1, err)
			}
			out = append(out, m)
		}
	}
	return out, nil
}

func kindOfValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		if len(v) == 0 {
			return "an empty list"
		}
		return "a list"
	case map[string]any:
		return "an object"
	case string:
		return "a string"
	}
	return fmt.Sprint(v)
}

func message(v any) (Message, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return Message{}, fmt.Errorf("found %s, expected an object with role and content", kindOfValue(v))
	}
	roleKey, contentKey := "role", "content"
	if m["role"] == nil && m["from"] != nil {
		roleKey, contentKey = "from", "value"
	}
	speaker, ok := m[roleKey].(string)
	if !ok {
		return Message{}, fmt.Errorf("no %s; it has the keys %s", roleKey, list(slices.Sorted(maps.Keys(m))))
	}
	out := Message{Role: roles[speaker]}
	if out.Role == "" {
		return Message{}, fmt.Errorf("unknown %s %q; expected system, user, assistant or tool", roleKey, clip(speaker, 40))
	}
	for k, x := range m {
		if k == roleKey || k == contentKey || x == nil {
			continue
		}
		if out.Extra == nil {
			out.Extra = map[string]any{}
		}
		out.Extra[k] = x
	}
	switch c := m[contentKey].(type) {
	case string:
		out.Content = c
	case nil:
		if out.Extra["tool_calls"] == nil {
			return Message{}, fmt.Errorf("no %s (role %s)", contentKey, out.Role)
		}
	case []any:
		out.Content = textParts(c)
		if out.Extra == nil {
			out.Extra = map[string]any{}
		}
		out.Extra["content"] = c
	default:
		text, _ := json.Marshal(c)
		return Message{}, fmt.Errorf("%s is %s, expected a string", contentKey, clip(string(text), 40))
	}
	return out, nil
}

// textParts joins the texts of [{"type": "text", "text": …}, …].
func textParts(parts []any) string {
	var out string
	for _, p := range parts {
		if m, ok := p.(map[string]any); ok {
			if s, ok := m["text"].(string); ok {
				out += s
			}
		}
	}
	return out
}

// checkMessages reads every row's messages once, so that faults show before any compute.
func (t *Task) checkMessages(d Dict) error {
	for _, s := range d {
		for _, r := range s.Rows() {
			if _, err := t.Dialogue(r); err != nil {
				return fmt.Errorf("%s", trimPrefix(err))
			}
		}
	}
	return nil
}

// trimPrefix drops the package's name from an error that will get it again.
func trimPrefix(err error) string {
	const prefix = "dataset: "
	s := err.Error()
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}
