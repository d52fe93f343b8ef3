package export

import (
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/hone-ml/hone/chat"
	"github.com/hone-ml/hone/tokenizer"
)

// Modelfile returns Ollama's description of the GGUF file called file: FROM, TEMPLATE in Go's template language, what
// ends an answer, and SYSTEM where the chat template speaks for itself. A note, which may be "", tells people what could
// not be carried over. It has to be called before GGUF, which lets go of the model.
func Modelfile(file string, src *Source) (text, note string) {
	f := &modelfile{from: file}
	tok := src.Tokenizer
	jinja := tok.Config().ChatTemplate()
	switch {
	case src.Verbalizer != nil:
		f.classifier(src)
	case jinja != "":
		d, err := dialogue(tok, jinja)
		if err != nil {
			note = fmt.Sprintf("the chat template can't be written in Ollama's language (%v): the Modelfile has none, Ollama takes the one in the GGUF file", err)
			break
		}
		f.template, f.system = d.ollama(), d.system
		f.stop(strings.TrimSpace(d.assistant[1]), tok)
	default:
		f.template = "{{ .Prompt }}"
	}
	if id := tok.EOS(); id >= 0 {
		f.stop(tok.IDToToken(id), tok)
	}
	return f.String(), note
}

// A modelfile is one to be.
type modelfile struct {
	from, template, system string
	parameters             []string
}

func (f *modelfile) parameter(name string, v any) {
	line := fmt.Sprintf("PARAMETER %s %v", name, v)
	if !slices.Contains(f.parameters, line) {
		f.parameters = append(f.parameters, line)
	}
}

// stop ends answers at text, if that begins with a token that text of people can't contain.
func (f *modelfile) stop(text string, tok *tokenizer.Tokenizer) {
	for a := range tok.AddedTokens() {
		if a.Special && strings.HasPrefix(text, a.Content) && !strings.Contains(a.Content, `"`) {
			f.parameter("stop", `"`+a.Content+`"`)
			return
		}
	}
}

// classifier lets the model say the label word behind a text, as hone does.
func (f *modelfile) classifier(src *Source) {
	v, tok := src.Verbalizer, src.Tokenizer
	before, after, _ := strings.Cut(strings.TrimSuffix(v.Template, "{label}"), "{text}")
	named := strings.NewReplacer("{bos}", tok.IDToToken(tok.BOS()), "{eos}", tok.IDToToken(tok.EOS()))
	f.template = escape(named.Replace(before)) + "{{ .Prompt }}" + escape(strings.TrimRight(named.Replace(after), " "))
	longest := 1
	for _, w := range v.Words() {
		longest = max(longest, len(w))
	}
	f.parameter("num_predict", longest)
	f.parameter("temperature", 0)
}

func (f *modelfile) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "FROM ./%s\n", f.from)
	if f.template != "" {
		fmt.Fprintf(&b, "TEMPLATE \"\"\"%s\"\"\"\n", f.template)
	}
	if f.system != "" {
		fmt.Fprintf(&b, "SYSTEM \"\"\"%s\"\"\"\n", f.system)
	}
	for _, p := range f.parameters {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

// escape makes text stand for itself in Go's template language.
func escape(text string) string { return strings.ReplaceAll(text, "{{", `{{ "{{" }}`) }

// A turns is how a chat template writes conversations: what stands before and behind each role's words.
type turns struct {
	start           string // before the first turn
	system1         [2]string
	user, assistant [2]string
	system          string // what the template itself says as system where nobody does
}

// dialogue finds out how a Jinja template writes conversations by letting it write some, and checks what it found on
// others. Templates that do more than put words around turns are an error.
func dialogue(tok *tokenizer.Tokenizer, jinja string) (*turns, error) {
	t, err := chat.Parse(jinja)
	if err != nil {
		return nil, err
	}
	render := func(prompt bool, turns ...string) (string, error) {
		var messages []chat.Message
		for i := 0; i < len(turns); i += 2 {
			messages = append(messages, chat.Message{Role: turns[i], Content: turns[i+1]})
		}
		text, err := t.Render(messages, chat.Options{AddGenerationPrompt: prompt, SpecialTokens: tok.Config().SpecialTokens})
		return text, err
	}
	d := &turns{}
	if err := d.find(render); err != nil {
		return nil, err
	}
	if err := d.verify(render); err != nil {
		return nil, err
	}
	if e, err := tok.Encode("", tokenizer.Options{}); err == nil && len(e.IDs) > 0 && e.IDs[0] == tok.BOS() {
		d.start = strings.TrimPrefix(d.start, tok.IDToToken(tok.BOS())) // llama.cpp puts it there
	}
	return d, nil
}

// Words that no template has of itself.
const wordA, wordB, wordC, wordS = "Quokka", "Numbat", "Bilby", "Dunnart"

// find takes a conversation apart.
func (d *turns) find(render func(bool, ...string) (string, error)) error {
	whole, err := render(true, "system", wordS, "user", wordA, "assistant", wordB, "user", wordC)
	if err != nil {
		return err
	}
	var parts [5]string // before, between and behind the words
	rest := whole
	for i, word := range []string{wordS, wordA, wordB, wordC} {
		var ok bool
		if parts[i], rest, ok = strings.Cut(rest, word); !ok {
			return fmt.Errorf("it does not write each turn in its order")
		}
	}
	parts[4] = rest
	// parts[2] is the end of the user's turn and the beginning of the assistant's, parts[4] the same.
	if parts[2] != parts[4] {
		return fmt.Errorf("it writes the last turn otherwise than earlier ones")
	}
	closed, err := render(false, "system", wordS, "user", wordA)
	if err != nil {
		return err
	}
	_, end, _ := strings.Cut(closed, wordA)
	opening, ok := strings.CutPrefix(parts[2], end)
	if !ok {
		return fmt.Errorf("the prompt for an answer is no turn")
	}
	d.user[1], d.assistant[0] = end, opening
	full, err := render(false, "system", wordS, "user", wordA, "assistant", wordB)
	if err != nil {
		return err
	}
	_, d.assistant[1], _ = strings.Cut(full, wordB)
	if d.user[0], ok = strings.CutPrefix(parts[3], d.assistant[1]); !ok {
		return fmt.Errorf("it writes something between an answer and the next question")
	}
	if d.system1[1], ok = strings.CutSuffix(parts[1], d.user[0]); !ok {
		return fmt.Errorf("it writes the first question otherwise than later ones")
	}
	return d.opening(render, parts[0])
}

// opening finds what stands before the first turn, and what the template says as system of its own accord.
func (d *turns) opening(render func(bool, ...string) (string, error), before string) error {
	alone, err := render(false, "user", wordA)
	if err != nil {
		return err
	}
	head, _, _ := strings.Cut(alone, wordA)
	head, ok := strings.CutSuffix(head, d.user[0])
	if !ok {
		return fmt.Errorf("it writes the first question otherwise without a system message")
	}
	if strings.HasPrefix(before, head) && !strings.HasPrefix(head, before) || head == "" {
		d.start, d.system1[0] = head, before[len(head):]
		return nil
	}
	words, ok := strings.CutPrefix(head, before) // as SmolLM2 and Qwen2 have
	if d.system, ok = strings.CutSuffix(words, d.system1[1]); !ok || d.system == "" || strings.Contains(d.system, `"""`) {
		return fmt.Errorf("it begins otherwise without a system message")
	}
	d.system1[0] = before
	return nil
}

// ollama returns the template in Ollama's words.
func (d *turns) ollama() string {
	role := func(name string, around [2]string) string {
		return `eq .Role "` + name + `" }}` + escape(around[0]) + "{{ .Content }}" + escape(around[1]) + "{{ "
	}
	return escape(d.start) + "{{ range .Messages }}{{ if " + role("system", d.system1) + "else if " + role("user", d.user) + "else if " +
		role("assistant", d.assistant) + "end }}{{ end }}" + escape(d.assistant[0])
}

// verify runs the template as Ollama does and compares.
func (d *turns) verify(render func(bool, ...string) (string, error)) error {
	text := d.ollama()
	if strings.Contains(text, `"""`) {
		return fmt.Errorf("it has three quotes in a row")
	}
	t, err := template.New("").Parse(text)
	if err != nil {
		return err
	}
	for _, turns := range [][]string{
		{"user", "Hi {{ there }}"}, {"system", "Be brief.", "user", "Why?"},
		{"user", "a", "assistant", "b c\nd", "user", "e"}, {"system", "s", "user", "a", "assistant", "b", "user", "c", "assistant", "d", "user", "e"},
	} {
		want, err := render(true, turns...)
		if err != nil {
			return err
		}
		type message struct{ Role, Content string }
		var messages []message
		if d.system != "" && turns[0] != "system" {
			messages = append(messages, message{"system", d.system})
		}
		for i := 0; i < len(turns); i += 2 {
			messages = append(messages, message{turns[i], turns[i+1]})
		}
		var got strings.Builder
		if err := t.Execute(&got, map[string]any{"Messages": messages}); err != nil {
			return err
		}
		if got.String() != want {
			return fmt.Errorf("of a conversation it makes %q, which would be %q", want, got.String())
		}
	}
	return nil
}
