package dataset

import (
	"fmt"
	"strings"
	"testing"
)

func TestInfer(t *testing.T) {
	for _, c := range []struct {
		row  string
		want Task
		why  string
	}{
		{`{"text": "a", "label": 0}`, Task{Kind: Classification, Text: "text", Label: "label"}, `text from column "text" (by their names), label from column "label", 1 classes`},
		{`{"Review": "a", "Sentiment": "good", "id": 3}`, Task{Kind: Classification, Text: "Review", Label: "Sentiment"}, "(good)"},
		{`{"body_of_it": "a", "label": true}`, Task{Kind: Classification, Text: "body_of_it", Label: "label"}, "the only column of text"},
		{`{"text": "a"}`, Task{Kind: LanguageModeling, Text: "text"}, "no column of labels"},
		{`{"lyrics": "a", "year": 1999}`, Task{Kind: LanguageModeling, Text: "lyrics"}, "only column of text"},
		{`{"prompt": "a", "completion": "b"}`, Task{Kind: PromptCompletion, Prompt: "prompt", Completion: "completion"}, "answered by"},
		{`{"instruction": "a", "input": "", "output": "b", "text": "c"}`, Task{Kind: PromptCompletion, Prompt: "instruction", Input: "input", Completion: "output"}, "Alpaca"},
		{`{"instruction": "a", "output": "b"}`, Task{Kind: PromptCompletion, Prompt: "instruction", Completion: "output"}, ""},
		{`{"question": "a", "answer": "b"}`, Task{Kind: PromptCompletion, Prompt: "question", Completion: "answer"}, ""},
		{`{"messages": [{"role": "user", "content": "x"}]}`, Task{Kind: Chat, Messages: "messages"}, "role/content"},
		{`{"conversations": [{"from": "human", "value": "x"}], "id": "1"}`, Task{Kind: Chat, Messages: "conversations"}, "ShareGPT"},
		{`{"prompt": [{"role": "user", "content": "x"}], "completion": [{"role": "assistant", "content": "y"}]}`, Task{Kind: Chat, Prompt: "prompt", Completion: "completion"}, "answered by those"},
		{`{"prompt": "p", "chosen": "a", "rejected": "b"}`, Task{Kind: Preference, Prompt: "prompt", Chosen: "chosen", Rejected: "rejected"}, "preference"},
	} {
		got, err := Infer(loadText(t, "a.jsonl", c.row), Task{})
		if err != nil {
			t.Errorf("%s: %v", c.row, err)
			continue
		}
		if !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: why %q, want %q", c.row, got.Why, c.why)
		}
		got.Why, got.Names = "", nil
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", c.row, got, c.want)
		}
	}
}

func TestInferWanted(t *testing.T) {
	d := loadText(t, "a.jsonl", `{"text": "a", "alt": "b", "label": 1, "other": 0}`+"\n"+`{"text": "c", "alt": "d", "label": 0, "other": 0}`)
	for _, c := range []struct{ want, got Task }{
		{Task{Text: "alt"}, Task{Kind: Classification, Text: "alt", Label: "label", Names: []string{"0", "1"}}},
		{Task{Label: "other"}, Task{Kind: Classification, Text: "text", Label: "other", Names: []string{"0"}}},
		{Task{Names: []string{"no", "yes"}}, Task{Kind: Classification, Text: "text", Label: "label", Names: []string{"no", "yes"}}},
		{Task{Kind: LanguageModeling}, Task{Kind: LanguageModeling, Text: "text"}},
		{Task{Prompt: "alt", Completion: "text"}, Task{Kind: PromptCompletion, Prompt: "alt", Completion: "text"}},
		{Task{Prompt: "text", Completion: "alt"}, Task{Kind: PromptCompletion, Prompt: "text", Completion: "alt"}},
	} {
		got, err := Infer(d, c.want)
		got.Why = ""
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.got) {
			t.Errorf("%+v: %+v (%v), want %+v", c.want, got, err, c.got)
		}
	}
}

func TestInferFaults(t *testing.T) {
	many := ""
	for i := range 50 {
		many += fmt.Sprintf("{\"text\": \"t\", \"label\": \"free text %d\"}\n", i)
	}
	for _, c := range []struct {
		text string
		want Task
		err  string
	}{
		{`{"a": 1, "b": 2}`, Task{}, "can't tell what to train on from the columns a (int64), b (int64)"},
		{`{"text": "x"}`, Task{Text: "txt"}, `no column "txt"; the columns are "text"`},
		{`{"text": "x"}`, Task{Kind: Classification}, "name them"},
		{`{"text": 1, "label": 1}`, Task{Text: "text"}, `split "train": column "text" is int64, not string`},
		{`{"text": "x", "label": 0}`, Task{Prompt: "text"}, "it needs a prompt and a completion column: name them"},
		{`{"text": "x"}`, Task{Kind: "ranking"}, `no task "ranking"`},
		{"{\"text\": \"x\", \"label\": 1}\n{\"text\": \"x\", \"label\": -1}\n", Task{}, `a.jsonl:2: column "label": found -1, expected a class id of 0 or more`},
		{"{\"text\": \"x\", \"label\": 1}\n\n{\"text\": \"x\", \"label\": null}\n", Task{}, `a.jsonl:3: column "label": found null, expected a label`},
		{"{\"text\": \"x\", \"label\": \"a\"}\n{\"text\": \"x\", \"label\": \" \"}\n", Task{}, `a.jsonl:2: column "label": found " ", expected a label`},
		{"{\"text\": \"x\", \"label\": 1}\n{\"text\": \"x\", \"label\": 0.5}\n", Task{}, `a.jsonl:2: column "label": found 0.5, expected a whole number`},
		{"{\"text\": \"x\", \"label\": 1}\n{\"text\": \"x\", \"label\": 2}\n", Task{Names: []string{"a", "b"}}, `a.jsonl:2: column "label": found 2, expected an id from 0 to 1 of 2 classes ("a", "b")`},
		{"{\"text\": \"x\", \"label\": \"c\"}\n", Task{Names: []string{"a", "b"}}, `a.jsonl:1: column "label": found "c", expected one of 2 classes ("a", "b")`},
		{`{"text": "x", "label": 0}`, Task{Names: []string{"a", "a"}}, `class name "a" twice`},
		{`{"premise": "x", "hypothesis": "y", "label": 0}`, Task{}, `columns "premise" and "hypothesis" hold two texts`},
		{many, Task{Label: "label"}, "too many for class labels"},
		{`{"messages": [{"role": "robot", "content": "x"}]}`, Task{}, `a.jsonl:1: column "messages": message 1: unknown role "robot"`},
		{`{"messages": []}`, Task{}, `a.jsonl:1: column "messages": found an empty list`},
		{`{"messages": [{"role": "user"}]}`, Task{}, `message 1: no content (role user)`},
		{`{"messages": [{"text": "x"}]}`, Task{}, `message 1: no role; it has the keys "text"`},
		{`{"messages": ["x"]}`, Task{}, `message 1: found a string, expected an object`},
	} {
		got, err := Infer(loadText(t, "a.jsonl", c.text), c.want)
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, error %v, want %q", clip(c.text, 80), got, err, c.err)
		}
	}
	// Free text called "label" is no label if something else fits.
	if got, err := Infer(loadText(t, "a.jsonl", many), Task{}); err != nil || got.Kind != LanguageModeling {
		t.Errorf("%+v %v", got, err)
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		labels, names, ids string
	}{
		{"1 0 2", "[0 1 2]", "[1 0 2]"},
		{"5 1 3", "[1 3 5]", "[2 0 1]"},
		{"10 9 9", "[9 10]", "[1 0 0]"},
		{"1.0 0.0", "[0 1]", "[1 0]"},
		{"true false", "[False True]", "[1 0]"},
		{`"pos" "neg" "pos"`, "[neg pos]", "[1 0 1]"},
		{`"1" "10" "2"`, "[1 10 2]", "[0 1 2]"},
	} {
		var text strings.Builder
		for i, l := range strings.Fields(c.labels) {
			fmt.Fprintf(&text, "{\"text\": \"t%d\", \"label\": %s}\n", i, l)
		}
		d := loadText(t, "a.jsonl", text.String())
		task, err := Infer(d, Task{})
		if err != nil {
			t.Errorf("%s: %v", c.labels, err)
			continue
		}
		ids, err := task.Labels(d[0].Dataset)
		if err != nil || fmt.Sprint(task.Names) != c.names || fmt.Sprint(ids) != c.ids {
			t.Errorf("%s: %v of %v (%v), want %s of %s", c.labels, ids, task.Names, err, c.ids, c.names)
		}
	}
}

// A split without labels, as benchmarks publish their test sets, is no fault until it is used.
func TestUnlabelledSplit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train.jsonl", "{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\", \"label\": 1}\n")
	write(t, dir, "test.jsonl", "{\"text\": \"c\", \"label\": -1}\n")
	d, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	task, err := Infer(d, Task{})
	if err != nil || len(task.Names) != 2 {
		t.Fatalf("%+v %v", task, err)
	}
	if _, err := task.Labels(d.Split("test")); err == nil || !strings.Contains(err.Error(), "test.jsonl:1") {
		t.Error(err)
	}
}

func TestDialogue(t *testing.T) {
	d := loadText(t, "a.jsonl", `{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "u"}], "name": null}, {"role": "assistant", "content": null, "tool_calls": [{"id": 7}]}, {"role": "tool", "content": "r", "name": "f"}]}`+
		"\n"+`{"messages": [{"from": "human", "value": "h"}, {"from": "gpt", "value": "g", "weight": 1}]}`)
	task, err := Infer(d, Task{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := task.Dialogue(d[0].Row(0))
	if err != nil {
		t.Fatal(err)
	}
	b, err := task.Dialogue(d[0].Row(1))
	if err != nil {
		t.Fatal(err)
	}
	want := "[{system s map[]} {user u map[content:[map[text:u type:text]]]} {assistant  map[tool_calls:[map[id:7]]]} {tool r map[name:f]}] [{user h map[]} {assistant g map[weight:1]}]"
	if got := fmt.Sprint(a, b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if text, err := task.Content(d[0].Row(1)); err != nil || text != "h\ng" {
		t.Errorf("%q %v", text, err)
	}
}
