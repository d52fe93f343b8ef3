package collate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/tokenizer"
)

// DefaultTemplate is the tutorial's: the text, the end-of-text token, the label word.
const DefaultTemplate = "{text}{eos}{label}"

// VerbalizerFile is where a trained classifier keeps its Verbalizer, beside config.json.
const VerbalizerFile = "verbalizer.json"

// A Verbalizer makes a classifier of a language model: it writes a text into a template whose last word is the
// label, so that the class is the word that the model would say next (Schick and Schütze, 2021).
type Verbalizer struct {
	// Template has {text} once, {label} at its end, and may have {bos} and {eos}.
	Template string `json:"template"`
	// Labels are the class names, by class id.
	Labels []string `json:"labels"`
	// LabelWords are what stands for each class; nil means the class names themselves.
	LabelWords []string `json:"label_words"`
	// MaxLength bounds prompt and label word together, in tokens. Longer texts lose their beginning.
	MaxLength int `json:"max_length"`

	tok   *tokenizer.Tokenizer
	parts []part
	words [][]int32
}

// A part of the template: fixed ids, or words around the text that are tokenized together with it.
type part struct {
	ids           []int32
	text          bool
	before, after string
}

// NewVerbalizer checks v and prepares it for a tokenizer.
func NewVerbalizer(tok *tokenizer.Tokenizer, v Verbalizer) (*Verbalizer, error) {
	if v.Template == "" {
		v.Template = DefaultTemplate
	}
	if v.LabelWords == nil {
		v.LabelWords = v.Labels
	}
	v.tok = tok
	if err := v.prepare(); err != nil {
		return nil, fmt.Errorf("collate: %w", err)
	}
	return &v, nil
}

func (v *Verbalizer) prepare() error {
	prompt, ok := strings.CutSuffix(v.Template, "{label}")
	switch {
	case !ok || strings.Contains(prompt, "{label}"):
		return fmt.Errorf("template %q must end with {label}: the label is what the model says next", v.Template)
	case strings.Count(prompt, "{text}") != 1:
		return fmt.Errorf("template %q must have {text} once", v.Template)
	case len(v.Labels) < 2:
		return fmt.Errorf("%d classes %q; a classifier needs at least 2", len(v.Labels), v.Labels)
	case len(v.LabelWords) != len(v.Labels):
		return fmt.Errorf("%d label words %q for %d classes %q", len(v.LabelWords), v.LabelWords, len(v.Labels), v.Labels)
	}
	// A space before the label belongs to the word, as tokenizers see it.
	trimmed := strings.TrimRight(prompt, " ")
	space := prompt[len(trimmed):]
	for i, w := range v.LabelWords {
		ids := v.tok.AppendPlain(nil, space+w)
		if len(ids) == 0 {
			return fmt.Errorf("label word %q of class %q has no tokens", w, v.Labels[i])
		}
		v.words = append(v.words, ids)
	}
	for i, a := range v.words {
		for j, b := range v.words {
			if i != j && len(a) <= len(b) && slices.Equal(a, b[:len(a)]) {
				return fmt.Errorf("label words %q and %q begin with the same tokens, so the model can't tell them apart: choose others", v.LabelWords[i], v.LabelWords[j])
			}
		}
	}
	var err error
	if v.parts, err = v.split(trimmed); err != nil {
		return err
	}
	if least := v.fixed() + 1; v.MaxLength > 0 && v.MaxLength < least {
		return fmt.Errorf("max_length %d leaves no room for the text: the template and the longest label word take %d tokens", v.MaxLength, least-1)
	}
	return nil
}

// split cuts the prompt at special tokens, which are ids of their own, so that ordinary words between them are
// tokenized together with the text that stands among them.
func (v *Verbalizer) split(prompt string) (parts []part, err error) {
	special := map[string]int32{}
	for name, id := range map[string]int32{"{bos}": v.tok.BOS(), "{eos}": v.tok.EOS()} {
		if id < 0 && strings.Contains(prompt, name) {
			return nil, fmt.Errorf("template %q has %s, but the tokenizer has no such token: write the token itself, or another separator", v.Template, name)
		}
		special[name] = id
	}
	for a := range v.tok.AddedTokens() {
		special[a.Content] = a.ID
	}
	if prefix := bosPrefix(v.tok); len(prefix) > 0 && !strings.HasPrefix(prompt, "{bos}") {
		parts = append(parts, part{ids: prefix})
	}
	for prompt != "" {
		at, token := len(prompt), ""
		for s := range special {
			if i := strings.Index(prompt, s); i >= 0 && (i < at || i == at && len(s) > len(token)) {
				at, token = i, s
			}
		}
		if at > 0 {
			parts = append(parts, v.segment(prompt[:at]))
		}
		if token != "" {
			parts = append(parts, part{ids: []int32{special[token]}})
		}
		prompt = prompt[at+len(token):]
	}
	return parts, nil
}

func (v *Verbalizer) segment(s string) part {
	before, after, ok := strings.Cut(s, "{text}")
	if !ok {
		return part{ids: v.tok.AppendPlain(nil, s)}
	}
	return part{text: true, before: before, after: after}
}

// fixed returns how many tokens the template and the longest label word take, text aside.
func (v *Verbalizer) fixed() (n int) {
	for _, p := range v.parts {
		n += len(p.ids)
		if p.text {
			n += len(v.tok.AppendPlain(nil, p.before)) + len(v.tok.AppendPlain(nil, p.after))
		}
	}
	longest := 0
	for _, w := range v.words {
		longest = max(longest, len(w))
	}
	return n + longest
}

// Words returns the token ids of each class's label word.
func (v *Verbalizer) Words() [][]int32 { return v.words }

// Prompt returns the ids that end where the label word begins. cut tells that the text was too long and lost
// its beginning. Tokens that control the model have no power in text: they are read as ordinary characters.
func (v *Verbalizer) Prompt(text string) (ids []int32, cut bool) {
	room := v.MaxLength
	if room > 0 {
		for _, w := range v.words {
			room = min(room, v.MaxLength-len(w))
		}
	}
	ids = v.prompt(text)
	for room > 0 && len(ids) > room && text != "" {
		text, cut = v.shorten(text, len(ids)-room), true
		ids = v.prompt(text)
	}
	return ids, cut
}

func (v *Verbalizer) prompt(text string) (ids []int32) {
	for _, p := range v.parts {
		if p.text {
			ids = v.tok.AppendPlain(ids, p.before+text+p.after)
		} else {
			ids = append(ids, p.ids...)
		}
	}
	return ids
}

// shorten drops the first n tokens of text.
func (v *Verbalizer) shorten(text string, n int) string {
	e, err := v.tok.Encode(text, tokenizer.Options{NoSpecialTokens: true, Plain: true})
	if err != nil {
		return ""
	}
	for ; n < len(e.Offsets); n++ {
		if at := e.Offsets[n][0]; at > 0 { // the tokens of one character, such as é, all begin at 0
			return text[at:]
		}
	}
	return ""
}

// Example returns the training example of a text of class label: loss on the label word alone.
func (v *Verbalizer) Example(text string, label int32) (e Example, cut bool) {
	e.IDs, cut = v.Prompt(text)
	e.IDs = append(e.IDs, v.words[label]...)
	e.Labels = make([]int32, len(e.IDs))
	n := len(e.IDs) - len(v.words[label])
	for i := range e.Labels {
		e.Labels[i] = Ignore
		if i >= n {
			e.Labels[i] = e.IDs[i]
		}
	}
	return e, cut
}

// Save writes the verbalizer into a model's folder.
func (v *Verbalizer) Save(dir string) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("collate: %w", err)
	}
	return disk.WriteFile(filepath.Join(dir, VerbalizerFile), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// LoadVerbalizer reads what Save wrote. The error is fs.ErrNotExist where the model is no classifier.
func LoadVerbalizer(dir string, tok *tokenizer.Tokenizer) (*Verbalizer, error) {
	v, err := readVerbalizer(dir)
	if err != nil {
		return nil, err
	}
	ready, err := NewVerbalizer(tok, v)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, filepath.Join(dir, VerbalizerFile))
	}
	return ready, nil
}

// Labels returns the class names of the classifier in dir. The error is fs.ErrNotExist where the model is none.
func Labels(dir string) ([]string, error) {
	v, err := readVerbalizer(dir)
	return v.Labels, err
}

func readVerbalizer(dir string) (v Verbalizer, err error) {
	path := filepath.Join(dir, VerbalizerFile)
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	const limit = 16 << 20
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && len(b) > limit {
		err = errors.New("is larger than 16 MiB")
	}
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		return v, fmt.Errorf("collate: %s: %w", path, err)
	}
	return v, nil
}

// bosPrefix returns the tokens that the tokenizer puts before a text, as Llama's beginning-of-text.
func bosPrefix(tok *tokenizer.Tokenizer) []int32 {
	e, err := tok.Encode("a", tokenizer.Options{})
	if err != nil {
		return nil
	}
	n := slices.Index(e.SpecialTokensMask, 0)
	return e.IDs[:max(n, 0)]
}
