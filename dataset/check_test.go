package dataset

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train.jsonl", `{"text": "one two", "label": "a"}
{"text": "one two", "label": "b"}
{"text": "same", "label": "a"}
{"text": "same", "label": "a"}
{"text": "  ", "label": "a"}
{"text": "a b c d e f", "label": "a"}
{"text": "Right, now!", "label": "a"}
`)
	write(t, dir, "test.jsonl", `{"text": "right now", "label": "b"}
{"text": "same", "label": "b"}
{"text": "fresh", "label": "b"}
`)
	d, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	task, err := Infer(d, Task{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Check(d, task, CheckOptions{Tokens: func(s string) int { return len(strings.Fields(s)) }, MaxLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	train, test := r.Splits[0], r.Splits[1]
	if got := fmt.Sprintln(train.Rows, train.Labels, train.Truncated, train.Empty, train.Duplicates, train.Conflicts, train.Conflict, test.Labels); got !=
		"7 [{a 6 0.8571428571428571} {b 1 0.14285714285714285}] 1 1 2 1 train.jsonl:1 and train.jsonl:2 [{a 0 0} {b 3 1}]\n" {
		t.Error(got)
	}
	if l := train.Lengths; l.P50 != 2 || l.Max != 6 || l.Total != 14 || l.Mean != 2 {
		t.Errorf("%+v", l)
	}
	if got := fmt.Sprint(r.Leaks); got != "[{train test 1 2 test.jsonl:1}]" {
		t.Error(got)
	}
	text := r.String()
	for _, want := range []string{"classification: text from", "test: 1 row also in train, the first at test.jsonl:1", "test: 1 more row also in train but for case", `test: no row of class "a"`,
		"1 row without text", "longer than 4 tokens", "2 rows with the text of an earlier row", "1 text with different labels", "lengths in tokens, cut above 4", "####"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if b, err := json.Marshal(r); err != nil || !strings.Contains(string(b), `"type":"string"`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestMeasure(t *testing.T) {
	for n := range 300 {
		lengths := make([]int, n)
		for i := range lengths {
			lengths[i] = (i * 7919) % (n * n)
		}
		l := measure(lengths)
		sum := 0
		for i, b := range l.Histogram {
			sum += b.Count
			if b.To == 0 && i != len(l.Histogram)-1 {
				t.Fatalf("n %d: an open bin in the middle: %v", n, l.Histogram)
			}
		}
		if sum != n || len(l.Histogram) > 13 {
			t.Fatalf("n %d: bins %v", n, l.Histogram)
		}
	}
}

func TestHeldOut(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train.jsonl", `{"text": "one two", "label": "a"}
{"text": "three", "label": "b"}
`)
	d, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	task, err := Infer(d, Task{})
	if err != nil {
		t.Fatal(err)
	}
	for held, want := range map[bool]int{false: 1, true: 0} {
		r, err := Check(d, task, CheckOptions{HeldOut: held})
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(fmt.Sprint(r.Warnings), "only the split train"); n != want {
			t.Errorf("held out %v: %v", held, r.Warnings)
		}
	}
}
