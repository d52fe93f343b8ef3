package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// A Kind is a kind of training.
type Kind string

const (
	Classification   Kind = "classification"    // text → one of the class names
	LanguageModeling Kind = "language-modeling" // text alone
	PromptCompletion Kind = "prompt-completion" // prompt → completion
	Chat             Kind = "chat"              // lists of messages with roles
	Preference       Kind = "preference"        // a chosen and a rejected answer
)

// A Task says what to train on: which column is what. Columns that the kind doesn't use are "".
type Task struct {
	Kind       Kind     `json:"kind"`
	Text       string   `json:"text,omitempty"`       // Classification, LanguageModeling
	Label      string   `json:"label,omitempty"`      // Classification
	Names      []string `json:"names,omitempty"`      // Classification: the class names, by id
	Prompt     string   `json:"prompt,omitempty"`     // PromptCompletion; may be a list of messages in Chat
	Input      string   `json:"input,omitempty"`      // PromptCompletion: Alpaca's input, put below the instruction
	Completion string   `json:"completion,omitempty"` // PromptCompletion; may be a list of messages in Chat
	Messages   string   `json:"messages,omitempty"`   // Chat
	Chosen     string   `json:"chosen,omitempty"`     // Preference
	Rejected   string   `json:"rejected,omitempty"`   // Preference
	// Why says in one sentence what Infer chose and why.
	Why string `json:"why,omitempty"`
}

// Names by which columns are recognised, the likeliest first.
var (
	textNames = []string{"text", "sentence", "review", "content", "comment", "document", "body", "message", "tweet",
		"utterance", "headline", "review_body", "review_text", "full_text", "description", "title", "question", "query", "input", "prompt"}
	labelNames = []string{"label", "labels", "class", "sentiment", "category", "target", "intent", "emotion", "topic",
		"label_text", "label_name", "rating", "stars"}
	chatNames = []string{"messages", "conversations", "conversation", "chat", "dialog", "dialogue"}
	pairNames = [][3]string{ // prompt, input below it, completion
		{"prompt", "", "completion"}, {"prompt", "", "response"}, {"instruction", "input", "output"},
		{"instruction", "context", "response"}, {"instruction", "", "output"}, {"instruction", "", "response"},
		{"instruction", "", "completion"}, {"instruction", "", "answer"}, {"question", "", "answer"},
		{"question", "", "response"}, {"query", "", "response"}, {"query", "", "answer"}, {"input", "", "output"},
		{"input", "", "target"}, {"source", "", "target"}, {"prompt", "", "output"}, {"prompt", "", "answer"},
	}
)

// Infer says what d is for, judged by the names and types of its columns. Columns, class names or a kind that
// want sets are taken as given. Class names come from want, else from the data set's metadata, else from the
// labels themselves: strings sorted, as datasets' class_encode_column does. Every label is checked; splits
// without any (null, or -1 throughout) do not count.
func Infer(d Dict, want Task) (Task, error) {
	t, err := infer(d, want)
	if err != nil {
		return Task{}, fmt.Errorf("dataset: %w", err)
	}
	return t, nil
}

func infer(d Dict, t Task) (Task, error) {
	if len(d) == 0 || d[0].Len() == 0 {
		return t, fmt.Errorf("no rows: nothing can be trained on")
	}
	ds := d[0].Dataset
	for _, name := range []string{t.Text, t.Label, t.Prompt, t.Input, t.Completion, t.Messages, t.Chosen, t.Rejected} {
		if name != "" && ds.find(name) == nil {
			return t, fmt.Errorf("no column %q; the columns are %s", name, list(ds.Columns()))
		}
	}
	if t.Kind == "" {
		t.Kind = kindOf(ds, t)
	}
	tries := map[Kind]func(*Task, Dict) (bool, error){
		Preference: (*Task).preference, Chat: (*Task).chat, Classification: (*Task).classification,
		PromptCompletion: (*Task).pair, LanguageModeling: (*Task).language,
	}
	order := []Kind{Preference, Chat, Classification, PromptCompletion, LanguageModeling}
	if t.Kind != "" {
		if tries[t.Kind] == nil {
			return t, fmt.Errorf("no task %q; there are %v", t.Kind, order)
		}
		order = []Kind{t.Kind}
	}
	for _, k := range order {
		try := t
		ok, err := tries[k](&try, d)
		if ok && err == nil {
			err = try.checkTexts(d)
		}
		if ok || err != nil {
			try.Kind = k
			return try, err
		}
	}
	return t, fmt.Errorf("can't tell what to train on from the columns %s; %s", describe(ds), needs(t.Kind))
}

// checkTexts makes sure that every split has the columns of text, and that they are text.
func (t *Task) checkTexts(d Dict) error {
	names := []string{t.Text, t.Prompt, t.Input, t.Completion}
	if t.Messages != "" || t.Chosen != "" || d[0].find(t.Prompt) != nil && d[0].find(t.Prompt).Type == Nested {
		return nil // lists of messages were checked as such
	}
	for _, s := range d {
		for _, name := range names {
			if name == "" {
				continue
			}
			if _, err := s.Strings(name); err != nil {
				return fmt.Errorf("split %q: %s", s.Name, trimPrefix(err))
			}
		}
	}
	return nil
}

// kindOf is the kind that the columns given by the caller settle, "" if they leave it open.
func kindOf(d *Dataset, t Task) Kind {
	nested := func(name string) bool { return name != "" && d.find(name).Type == Nested }
	switch {
	case t.Chosen != "" || t.Rejected != "":
		return Preference
	case t.Messages != "", nested(t.Prompt), nested(t.Completion):
		return Chat
	case t.Label != "" || t.Names != nil:
		return Classification
	case t.Prompt != "", t.Completion != "":
		return PromptCompletion
	}
	return ""
}

func needs(k Kind) string {
	switch k {
	case Classification:
		return "classification needs a text column and a label column: name them"
	case PromptCompletion:
		return "it needs a prompt and a completion column: name them"
	case Chat:
		return "chat needs a column of messages such as [{\"role\": \"user\", \"content\": \"…\"}]: name it"
	}
	return "name the text column, and the label column or the prompt and completion columns"
}

func describe(d *Dataset) string {
	parts := make([]string, len(d.cols))
	for i, c := range d.cols {
		parts[i] = fmt.Sprintf("%s (%s)", c.Name, c.Type)
	}
	return strings.Join(parts, ", ")
}

// pick returns the column given, else the first of names that d has with one of the types. Names are compared
// without case.
func pick(d *Dataset, given string, names []string, types ...Type) string {
	if given != "" {
		return given
	}
	for _, name := range names {
		for _, c := range d.cols {
			if strings.EqualFold(c.Name, name) && slices.Contains(types, c.Type) {
				return c.Name
			}
		}
	}
	return ""
}

// only returns the one column of the types but for those named, "" if there is none or more than one.
func only(d *Dataset, but string, types ...Type) string {
	found := ""
	for _, c := range d.cols {
		if c.Name != but && slices.Contains(types, c.Type) {
			if found != "" {
				return ""
			}
			found = c.Name
		}
	}
	return found
}

func (t *Task) preference(d Dict) (bool, error) {
	ds := d[0].Dataset
	t.Chosen = pick(ds, t.Chosen, []string{"chosen"}, String, Nested)
	t.Rejected = pick(ds, t.Rejected, []string{"rejected"}, String, Nested)
	t.Prompt = pick(ds, t.Prompt, []string{"prompt", "question"}, String, Nested)
	t.Why = fmt.Sprintf("preference: the better answer is %q, the worse %q", t.Chosen, t.Rejected)
	return t.Chosen != "" && t.Rejected != "", nil
}

func (t *Task) chat(d Dict) (bool, error) {
	ds := d[0].Dataset
	t.Messages = pick(ds, t.Messages, chatNames, Nested)
	if t.Messages == "" {
		p, c := pick(ds, t.Prompt, []string{"prompt"}, Nested), pick(ds, t.Completion, []string{"completion"}, Nested)
		if p == "" || c == "" || ds.find(p).Type != Nested || ds.find(c).Type != Nested {
			return false, nil
		}
		t.Prompt, t.Completion = p, c
		t.Why = fmt.Sprintf("chat: the messages of %q, answered by those of %q", p, c)
		return true, t.checkMessages(d)
	}
	form := "role/content"
	if strings.Contains(ds.find(t.Messages).sample(), `"from"`) {
		form = "from/value, the ShareGPT form, read as role/content"
	}
	t.Why = fmt.Sprintf("chat: the messages of column %q (%s)", t.Messages, form)
	return true, t.checkMessages(d)
}

// sample is the first value of a Nested column that is not null.
func (c *column) sample() string {
	for i := range c.strs {
		if !c.isNull(i) {
			return c.strs[i]
		}
	}
	return ""
}

func (t *Task) classification(d Dict) (bool, error) {
	ds := d[0].Dataset
	asked := t.Label != "" || t.Kind == Classification
	label := pick(ds, t.Label, labelNames, Label, Int, Bool, String, Float)
	if label == "" {
		label = only(ds, "", Label)
	}
	if label == "" {
		return false, nil
	}
	if err := t.twoTexts(ds); err != nil {
		return false, err
	}
	text := pick(ds, t.Text, slices.DeleteFunc(slices.Clone(textNames), func(n string) bool { return strings.EqualFold(n, label) }), String)
	chose := "by their names"
	if text == "" {
		text, chose = only(ds, label, String), "the only column of text"
	}
	if text == "" || text == label {
		return false, nil
	}
	names, how, err := classNames(d, label, t.Names)
	if err != nil {
		if _, many := err.(*tooMany); many && !asked {
			return false, nil // it is no label, then; another task may fit
		}
		return false, err
	}
	t.Text, t.Label, t.Names = text, label, names
	t.Why = fmt.Sprintf("classification: text from column %q (%s), label from column %q, %d classes (%s), named by %s",
		text, chose, label, len(names), clip(strings.Join(names, ", "), 80), how)
	return true, nil
}

// twoTexts refuses a data set with two texts for each label, one of which would be lost without a word.
func (t *Task) twoTexts(ds *Dataset) error {
	if t.Text != "" {
		return nil
	}
	for _, p := range [][2]string{{"sentence1", "sentence2"}, {"premise", "hypothesis"}, {"question1", "question2"}, {"text1", "text2"}} {
		if pick(ds, "", p[:1], String) != "" && pick(ds, "", p[1:], String) != "" {
			return fmt.Errorf("columns %q and %q hold two texts for one label; join them into one column, or name the text column", p[0], p[1])
		}
	}
	return nil
}

func (t *Task) pair(d Dict) (bool, error) {
	ds := d[0].Dataset
	given := t.Prompt != "" || t.Completion != ""
	for _, p := range pairNames {
		prompt := pick(ds, t.Prompt, p[:1], String)
		completion := pick(ds, t.Completion, p[2:], String)
		if prompt == "" || completion == "" || prompt == completion {
			continue
		}
		if !given && t.Input == "" && p[1] != "" {
			t.Input = pick(ds, "", p[1:2], String)
			if t.Input == "" {
				continue
			}
		}
		t.Prompt, t.Completion = prompt, completion
		t.Why = fmt.Sprintf("prompt and completion: column %q is answered by column %q", prompt, completion)
		if t.Input != "" {
			t.Why = fmt.Sprintf("prompt and completion in the Alpaca form: column %q with %q below it is answered by column %q", prompt, t.Input, completion)
		}
		return true, nil
	}
	return false, nil
}

func (t *Task) language(d Dict) (bool, error) {
	ds := d[0].Dataset
	chose := "by its name"
	text := pick(ds, t.Text, textNames, String)
	if text == "" {
		text, chose = only(ds, "", String), "the only column of text"
	}
	if text == "" {
		return false, nil
	}
	t.Text = text
	t.Why = fmt.Sprintf("language modelling: text from column %q (%s), no column of labels or answers", text, chose)
	return true, nil
}

// Content is all the text of a row that the task uses: what a model reads and writes.
func (t Task) Content(r Row) (string, error) {
	switch t.Kind {
	case PromptCompletion:
		p, c := t.Pair(r)
		return p + "\n" + c, nil
	case Chat:
		m, err := t.Dialogue(r)
		var b strings.Builder
		for i, x := range m {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(x.Content)
		}
		return b.String(), err
	case Preference:
		return r.Text(t.Chosen), nil
	}
	return r.Text(t.Text), nil
}

// Pair is the prompt and the completion of a row. Alpaca's input stands below its instruction, after an
// empty line.
func (t Task) Pair(r Row) (prompt, completion string) {
	prompt = r.Text(t.Prompt)
	if in := r.Text(t.Input); in != "" {
		prompt += "\n\n" + in
	}
	return prompt, r.Text(t.Completion)
}
