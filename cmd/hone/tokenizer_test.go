package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/tokenizer"
)

// A command line of `hone tokenizer train`, what it must print and what it leaves.
func TestTokenizerTrain(t *testing.T) {
	work := filepath.Join("testdata", "work")
	packed := filepath.Join(t.TempDir(), "poem.txt.gz")
	poem, err := os.ReadFile(filepath.Join(work, "poem.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(poem)
	z.Close()
	if err := os.WriteFile(packed, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		args  string
		says  string
		roles [3]string // eos, bos, pad
		one   string    // a text that is one token now
	}{
		{"text", "--files poem.txt --vocab_size 280", "280 tokens from", [3]string{"<|endoftext|>", "<|endoftext|>"}, ""},
		{"line ends", "--files " + packed + " --pattern [a-z]+\\n?", "100 B of text", [3]string{"<|endoftext|>", "<|endoftext|>"}, "hill\n"},
		{"csv", "--files reviews.csv,reviews --vocab_size 400", "400 tokens from", [3]string{"<|endoftext|>", "<|endoftext|>"}, ""},
		{"chats", "--files chats.jsonl --vocab_size 270 --special_tokens <s>,</s> --bos_token <s> --eos_token </s> --pad_token <pad>", "270 tokens from", [3]string{"</s>", "<s>", "<pad>"}, "<pad>"},
		{"exhausted", "--files poem.txt --min_frequency 10000", "fewer than --vocab_size 30000", [3]string{"<|endoftext|>", "<|endoftext|>"}, ""},
		{"bounded", "--files poem.txt --vocab_size 260 --max_words 3", "rare words were forgotten", [3]string{"<|endoftext|>", "<|endoftext|>"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tok")
			args := []string{"tokenizer", "train", "--output_dir", dir}
			for _, arg := range strings.Fields(c.args) {
				if !strings.HasPrefix(arg, "--") {
					arg = inFolder(work, arg)
				}
				args = append(args, arg)
			}
			var out, errs bytes.Buffer
			if code := run(context.Background(), args, nil, &out, &errs); code != 0 || !strings.Contains(errs.String(), c.says) {
				t.Fatalf("exit code %d, want %q in\n%s", code, c.says, errs.String())
			}
			tok, err := tokenizer.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := tok.Config().SpecialTokens
			if roles := [3]string{got["eos_token"], got["bos_token"], got["pad_token"]}; roles != c.roles {
				t.Errorf("roles %q, want %q", roles, c.roles)
			}
			if ids := tok.Append(nil, c.one); c.one != "" && len(ids) != 1 {
				t.Errorf("%q is %v", c.one, ids)
			}
			errs.Reset()
			if code := run(context.Background(), args, nil, &out, &errs); code != 1 || !strings.Contains(errs.String(), "already") {
				t.Errorf("again: exit code %d\n%s", code, errs.String())
			}
		})
	}
}

// inFolder puts the files of a list that are in dir there.
func inFolder(dir, list string) string {
	names := strings.Split(list, ",")
	for i, name := range names {
		if name != "" && exists(filepath.Join(dir, name)) {
			names[i] = filepath.Join(dir, name)
		}
	}
	return strings.Join(names, ",")
}
