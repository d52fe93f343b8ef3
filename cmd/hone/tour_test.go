package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTour does what a newcomer does: hone train without arguments, in an empty folder and without network, and then
// a question to the model that came out.
func TestTour(t *testing.T) {
	dir := t.TempDir()
	c := honeProcess(t, dir, "train")
	began := time.Now()
	out, err := c.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		t.Fatalf("hone train: %v\n%s", err, out)
	}
	t.Logf("%s in %.1f s", lastMatch(`accuracy.*points`, string(out)), took.Seconds())
	if took > 2*time.Minute {
		t.Errorf("it took %v; expected less than two minutes", took)
	}
	m := regexp.MustCompile(`accuracy before training \S+; training changed it by ([+-][\d.]+) points`).FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("it doesn't tell what training changed:\n%s", out)
	}
	if gain, err := strconv.ParseFloat(m[1], 64); err != nil || gain < 25 {
		t.Errorf("accuracy rose by %s points; expected 25 or more", m[1])
	}
	for _, want := range []string{"95% interval", "training loss", "what it says about sentences of no data set", "hone predict --model my-first-model", "--dataset mine.jsonl"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it doesn't say %q:\n%s", want, out)
		}
	}
	for _, name := range []string{"model.safetensors", "config.json", "tokenizer.json", "verbalizer.json", "trainer_state.json", "README.md"} {
		if _, err := os.Stat(filepath.Join(dir, "my-first-model", name)); err != nil {
			t.Error(err)
		}
	}

	fastest := time.Hour
	for range 3 { // other tests may run at the same time
		began = time.Now()
		out, err = honeProcess(t, dir, "predict", "--model", "my-first-model", "--json", "An excellent film with a wonderful cast.").Output()
		fastest = min(fastest, time.Since(began))
	}
	var scores []struct {
		Label string
		Score float64
	}
	if err != nil || json.Unmarshal(out, &scores) != nil || len(scores) != 2 || scores[0].Label != "pos" {
		t.Errorf("hone predict: %v, %s; expected pos before neg", err, out)
	}
	t.Logf("hone predict answers in %v", fastest)
	if fastest > 300*time.Millisecond {
		t.Errorf("hone predict took %v; expected less than 0.3 s", fastest)
	}
}

// lastMatch is the last part of text that pattern matches.
func lastMatch(pattern, text string) string {
	all := regexp.MustCompile(pattern).FindAllString(text, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// TestStarterBesideData: what the program carries can be named one by one.
func TestStarterBesideData(t *testing.T) {
	dir := t.TempDir()
	data := strings.Repeat("{\"text\": \"the parcel never came\", \"label\": \"complaint\"}\n{\"text\": \"thank you, it works\", \"label\": \"praise\"}\n", 8)
	if err := os.WriteFile(filepath.Join(dir, "mine.jsonl"), []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"train", "--model", "starter", "--dataset", "mine.jsonl", "--max_steps", "2", "--output_dir", "out"},
		{"data", "check", "starter"},
		{"generate", "--model", "starter", "--prompt", "The film", "--max_new_tokens", "3"},
	} {
		if out, err := honeProcess(t, dir, args...).CombinedOutput(); err != nil {
			t.Errorf("hone %q: %v\n%s", args, err, out)
		}
	}
}
