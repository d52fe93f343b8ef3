// Package chat renders chat templates: the Jinja templates with which models turn a conversation into text.
//
// It gives the text that transformers' apply_chat_template gives. The interpreter is its own, for that subset of Jinja
// which transformers offers to templates, and it is a sandbox: a template sees the conversation and nothing else, and
// time, memory and nesting are bounded. Templates come with models, and models come from strangers.
package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ChatML is a template for models that come without one. Tell the user when you fall back to it: a model that was
// trained on another format answers worse.
const ChatML = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}" +
	"{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}" +
	"{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}" +
	"{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

// A Message is one turn of a conversation.
type Message struct {
	Role    string
	Content string
	// Raw is the whole message as a JSON object, for messages that have more than a role and a text: tool_calls,
	// lists of content parts. Where it is set, the template sees it alone, keys in their order.
	Raw json.RawMessage
}

// UnmarshalJSON reads {"role": …, "content": …} and keeps all of it in Raw.
func (m *Message) UnmarshalJSON(b []byte) error {
	var c struct {
		Role    string
		Content any
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	content, _ := c.Content.(string)
	*m = Message{Role: c.Role, Content: content, Raw: bytes.Clone(b)}
	return nil
}

// MarshalJSON writes Raw, or the role and the content.
func (m Message) MarshalJSON() ([]byte, error) {
	if m.Raw != nil {
		return m.Raw, nil
	}
	return json.Marshal(map[string]string{"role": m.Role, "content": m.Content})
}

// Options are what a template is given besides the messages. The zero value is apply_chat_template's default.
type Options struct {
	// AddGenerationPrompt ends the text with what begins the assistant's turn.
	AddGenerationPrompt bool
	Tools               json.RawMessage   // a list of tool descriptions; nil is None
	Documents           json.RawMessage   // a list of documents; nil is None
	SpecialTokens       map[string]string // bos_token, eos_token and so on
	// Vars are further variables of the template, such as enable_thinking: anything that encodes as JSON.
	Vars map[string]any
	// Now is what strftime_now tells; zero is the time of the call.
	Now time.Time
}

// A Span is a range of bytes of a rendered text.
type Span struct{ Start, End int }

// A Template is a parsed chat template. It never changes, so that any number of goroutines may render it.
type Template struct {
	src        string
	nodes      []node
	generation bool
}

const maxSource = 1 << 20

// Parse reads a template. Its errors are of type *Error.
func Parse(src string) (t *Template, err error) {
	if len(src) > maxSource {
		return nil, &Error{Line: 1, Col: 1, Msg: fmt.Sprintf("template of %d bytes is too long", len(src))}
	}
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	defer catch(src, &err)
	p := &parser{tokens: lex(src)}
	nodes, _ := p.body(0)
	return &Template{src: src, nodes: nodes, generation: p.generation}, nil
}

// catch turns the panic of a fault into an error.
func catch(src string, err *error) {
	switch e := recover().(type) {
	case nil:
	case *fault:
		*err = e.in(src)
	default:
		panic(e)
	}
}

// MarksGeneration reports whether the template says itself, with {% generation %}, what the assistant writes.
func (t *Template) MarksGeneration() bool { return t.generation }

// Render returns the text of a conversation. A template that refuses it, by raise_exception, gives an *Error whose
// Raised is set.
func (t *Template) Render(messages []Message, o Options) (string, error) {
	text, _, err := t.render(messages, o)
	return text, err
}

// RenderSpans returns the text of a conversation and where in it the assistant's turns stand, for training on those
// alone.
//
// A template with {% generation %} blocks says so itself. Of another one, each assistant's turn is what it adds to
// the text of all messages before it with the generation prompt. That only works where each text is the beginning of
// the next: a template that rewrites earlier turns is an error.
func (t *Template) RenderSpans(messages []Message, o Options) (string, []Span, error) {
	text, spans, err := t.render(messages, o)
	if err != nil || t.generation {
		return text, spans, err
	}
	for i, m := range messages {
		if m.Role != "assistant" {
			continue
		}
		o.AddGenerationPrompt = true
		before, err := t.Render(messages[:i], o)
		if err != nil {
			return "", nil, fmt.Errorf("chat: text before message %d: %w", i, err)
		}
		o.AddGenerationPrompt = false
		with, err := t.Render(messages[:i+1], o)
		if err != nil {
			return "", nil, fmt.Errorf("chat: text up to message %d: %w", i, err)
		}
		if !strings.HasPrefix(with, before) || !strings.HasPrefix(text, with) {
			return "", nil, fmt.Errorf("chat: the template writes the turns before message %d in another way once it is there, so that the assistant's part cannot be told apart: give it {%% generation %%} blocks", i)
		}
		spans = append(spans, Span{len(before), len(with)})
	}
	return text, spans, nil
}

func (t *Template) render(messages []Message, o Options) (text string, spans []Span, err error) {
	vars, err := o.variables(messages)
	if err != nil {
		return "", nil, err
	}
	defer catch(t.src, &err)
	r := &run{root: new(strings.Builder), now: o.Now}
	r.out = r.root
	if r.now.IsZero() {
		r.now = time.Now()
	}
	// the template's own names shadow the globals
	r.exec(t.nodes, &scope{vars: vars, up: &scope{vars: globals}})
	if r.misplaced != nil && t.generation {
		panic(r.misplaced)
	}
	return r.root.String(), r.spans, nil
}

// variables are the names that a template sees.
func (o Options) variables(messages []Message) (map[string]any, error) {
	conversation := &list{}
	for i, m := range messages {
		v, err := m.value()
		if err != nil {
			return nil, fmt.Errorf("chat: message %d: %w", i, err)
		}
		conversation.items = append(conversation.items, v)
	}
	vars := map[string]any{}
	for name, token := range o.SpecialTokens {
		vars[name] = token
	}
	for name, v := range o.Vars {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("chat: variable %s: %w", name, err)
		}
		if vars[name], err = parseJSON(b); err != nil {
			return nil, fmt.Errorf("chat: variable %s: %w", name, err)
		}
	}
	for name, raw := range map[string]json.RawMessage{"tools": o.Tools, "documents": o.Documents} {
		vars[name] = nil
		if len(raw) == 0 {
			continue
		}
		v, err := parseJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("chat: %s: %w", name, err)
		}
		vars[name] = v
	}
	vars["messages"] = conversation
	vars["add_generation_prompt"] = o.AddGenerationPrompt
	return vars, nil
}

// value is the message as the template sees it: without keys that are null, and with the reasoning under each of the
// names that templates look for.
func (m Message) value() (*dict, error) {
	d := newDict()
	if m.Raw == nil {
		d.set("role", m.Role)
		d.set("content", m.Content)
		return d, nil
	}
	v, err := parseJSON(m.Raw)
	if err != nil {
		return nil, err
	}
	raw, ok := v.(*dict)
	if !ok {
		return nil, fmt.Errorf("is %s and not an object", typeName(v))
	}
	var reasoning any
	for _, name := range []string{"reasoning_content", "thinking", "reasoning"} {
		if v, _ := raw.get(name); v != nil {
			reasoning = v
			break
		}
	}
	if reasoning != nil {
		d.set("thinking", reasoning)
	}
	for _, k := range raw.keys {
		if raw.m[k] != nil {
			d.set(k, raw.m[k])
		}
	}
	if reasoning != nil {
		d.set("reasoning_content", reasoning)
	}
	return d, nil
}

// globals are the functions that every template may call.
var globals = map[string]any{
	"raise_exception": &function{"raise_exception", func(r *run, args []any, _ map[string]any) any {
		msg := "the template refuses this conversation"
		if len(args) > 0 {
			msg = r.str(r.pos, args[0])
		}
		panic(&fault{pos: r.pos, msg: msg, raised: true})
	}},
	"strftime_now": &function{"strftime_now", func(r *run, args []any, named map[string]any) any {
		a := &arguments{r: r, pos: r.pos, what: "strftime_now", args: args, named: named}
		return r.strftime(a.str(0, "format", ""))
	}},
	"range": &function{"range", rangeGlobal},
	"namespace": &function{"namespace", func(r *run, args []any, named map[string]any) any {
		ns := &namespace{vars: map[string]any{}}
		for k, v := range dictGlobal(r, args, named).(*dict).m {
			name, ok := k.(string)
			if !ok || strings.HasPrefix(name, "_") {
				r.fail(r.pos, "a namespace cannot have the attribute %v", k)
			}
			ns.vars[name] = v
		}
		return ns
	}},
	"dict": &function{"dict", dictGlobal},
}

func dictGlobal(r *run, args []any, named map[string]any) any {
	d := newDict()
	for _, arg := range args {
		if from, ok := arg.(*dict); ok {
			for _, k := range from.keys {
				d.set(k, from.m[k])
			}
			continue
		}
		for _, pair := range r.items(r.pos, arg) {
			two := r.items(r.pos, pair)
			if len(two) != 2 || !hashable(two[0]) {
				r.fail(r.pos, "dict wants pairs of a key and a value")
			}
			d.set(two[0], two[1])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(named)) {
		d.set(k, named[k])
	}
	return d
}

func rangeGlobal(r *run, args []any, _ map[string]any) any {
	a := &arguments{r: r, pos: r.pos, what: "range", args: args}
	start, stop, step := 0, a.int(0, "stop", 0), 1
	if len(args) > 1 {
		start, stop, step = stop, a.int(1, "stop", 0), a.int(2, "step", 1)
	}
	if step == 0 {
		r.fail(r.pos, "range: step is zero")
	}
	if n := (stop - start) / step; n > maxRange {
		r.fail(r.pos, "range of %d numbers is longer than %d", n, maxRange)
	}
	out := &list{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		r.step(r.pos, 1)
		out.items = append(out.items, int64(i))
	}
	return out
}

// strftime formats the time as Python's strftime does in the C locale.
func (r *run) strftime(format string) string {
	layouts := map[byte]string{'d': "02", 'e': "_2", 'B': "January", 'b': "Jan", 'h': "Jan", 'Y': "2006", 'm': "01", 'y': "06",
		'H': "15", 'I': "03", 'M': "04", 'S': "05", 'A': "Monday", 'a': "Mon", 'p': "PM", 'j': "002", 'F': "2006-01-02",
		'T': "15:04:05", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'R': "15:04"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		c, short := format[i], false
		if c == '-' && i+1 < len(format) {
			i++
			c, short = format[i], true
		}
		layout, ok := layouts[c]
		switch {
		case c == '%':
			b.WriteByte('%')
			continue
		case c == 'f':
			fmt.Fprintf(&b, "%06d", r.now.Nanosecond()/1000)
			continue
		case !ok:
			r.fail(r.pos, "strftime_now: %%%c is not supported", c)
		}
		s := r.now.Format(layout)
		if short {
			if s = strings.TrimLeft(s, "0 "); s == "" {
				s = "0"
			}
		}
		b.WriteString(s)
	}
	return b.String()
}
