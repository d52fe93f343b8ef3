package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadme does what the READMEs say: every line of a fenced sh block that begins with hone is run, in order and in
// one folder, with a Hub on loopback that has a tiny gpt2 and a tiny rotten_tomatoes. A yaml block is run.yaml, a json
// block some rows of tickets.jsonl, a jsonl block of answers.jsonl.
func TestReadme(t *testing.T) {
	hub := newFakeHub(t)
	var first []string
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", name))
			if errors.Is(err, fs.ErrNotExist) {
				t.Skipf("there is no %s yet", name)
			}
			if err != nil {
				t.Fatal(err)
			}
			commands := runReadme(t, hub, string(text))
			if len(commands) == 0 {
				t.Errorf("%s has no command in a block marked sh", name)
			}
			if first == nil {
				first = commands
			} else if !slices.Equal(commands, first) {
				t.Errorf("%s and README.md have different commands:\n%s\nand\n%s", name, strings.Join(commands, "\n"), strings.Join(first, "\n"))
			}
		})
	}
}

// runReadme runs the commands of text and returns them.
func runReadme(t *testing.T, hub *fakeHub, text string) (commands []string) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var server *serverProcess
	for _, b := range blocks(text) {
		switch b.kind {
		case "yaml":
			write("run.yaml", b.text)
		case "json":
			write("tickets.jsonl", strings.Repeat(b.text, 10))
		case "jsonl":
			write("answers.jsonl", strings.Repeat(b.text, 3))
		case "sh", "":
			for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
				line = strings.TrimSpace(line)
				args, err := words(line)
				if err != nil && b.kind == "sh" {
					t.Fatalf("%s: %v", line, err)
				}
				switch {
				case len(args) == 0 || strings.HasPrefix(line, "#"):
				case args[0] == "curl":
					server.curl(t, args)
				case len(args) > 1 && args[0] == "hone" && args[1] == "serve":
					commands = append(commands, line)
					server = startServer(t, dir, args[2:]...)
				case args[0] == "go":
					namesPackages(t, args)
				case args[0] != "hone" && b.kind == "sh":
					t.Errorf("%s: don't know how to try this", line)
				case args[0] == "hone":
					commands = append(commands, line)
					c := honeProcess(t, dir, args[1:]...)
					c.Env = append(c.Env, "HF_ENDPOINT="+hub.URL, "HF_HUB_OFFLINE=0")
					if out, err := c.CombinedOutput(); err != nil {
						t.Fatalf("%s: %v\n%s", line, err, out)
					}
				}
			}
		}
	}
	return commands
}

// A block is code in Markdown: fenced, of a kind, or indented, of none.
type block struct{ kind, text string }

// blocks returns the code of a Markdown text.
func blocks(text string) (all []block) {
	fenced, indented := false, false
	for line := range strings.Lines(text) {
		rest, fence := strings.CutPrefix(line, "```")
		code, indent := strings.CutPrefix(line, "    ")
		switch {
		case fence && !fenced:
			all = append(all, block{kind: strings.TrimSpace(rest)})
			fenced = true
		case fence:
			fenced = false
		case fenced:
			all[len(all)-1].text += line
		case indent && !indented:
			all = append(all, block{text: code})
		case indent:
			all[len(all)-1].text += code
		}
		indented = indent && !fenced && !fence
	}
	return all
}

// words splits a command line as a shell does, as far as the READMEs need it.
func words(line string) (args []string, err error) {
	var word strings.Builder
	inWord, quote := false, rune(0)
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' && inWord:
			args, inWord = append(args, word.String()), false
			word.Reset()
		case r == ' ':
		case strings.ContainsRune("|<>&;$`*", r):
			return nil, fmt.Errorf("%q needs a shell; a README's commands should work in any", r)
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %q is not closed", quote)
	}
	if inWord {
		args = append(args, word.String())
	}
	return args, nil
}

// namesPackages checks that the packages of a go command exist.
func namesPackages(t *testing.T, args []string) {
	t.Helper()
	for _, a := range args {
		path, ok := strings.CutPrefix(a, "github.com/hone-ml/hone")
		if !ok {
			path, ok = strings.CutPrefix(a, "./")
		}
		path, _, _ = strings.Cut(path, "@")
		path = strings.TrimSuffix(path, "...")
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(path))); err != nil {
			t.Errorf("%q: there is no package %s", args, a)
		}
	}
}
