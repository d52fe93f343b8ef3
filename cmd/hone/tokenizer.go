package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/tokenizer"
)

type tokenizerCommand struct {
	Train tokenizerTrainCommand `cmd:"" help:"Learn a byte-level BPE tokenizer from texts."`
}

type tokenizerTrainCommand struct {
	Files     []string `required:"" help:"Files with text (.txt, .jsonl, .json, .csv, .tsv, .parquet, alone or before .gz or .zst), folders with a data set, or data sets on the Hub." placeholder:"FILE,…"`
	OutputDir string   `required:"" help:"Folder for tokenizer.json and tokenizer_config.json." placeholder:"DIR"`

	VocabSize      int      `help:"Tokens in all, with the special tokens and the 256 bytes." default:"30000"`
	MinFrequency   int      `help:"Merge only pairs that occur at least so often." default:"0" placeholder:"N"`
	Pattern        string   `help:"How text is cut into words: gpt2, llama3, qwen2, or a regular expression." default:"gpt2"`
	SpecialTokens  []string `help:"Tokens with the first ids, in this order." default:"<|endoftext|>"`
	EosToken       string   `help:"Which token ends a text; the first special token if not given." placeholder:"TOKEN"`
	BosToken       string   `help:"Which token begins a text; the end token if not given." placeholder:"TOKEN"`
	PadToken       string   `help:"Which token fills up short rows; none if not given." placeholder:"TOKEN"`
	MaxTokenLength int      `help:"Learn only tokens of fewer bytes than this; 0 is any." default:"0" placeholder:"N"`
	MaxWords       int      `help:"Bound memory: forget rare words when there are more distinct ones than this; 0 is no bound." default:"0" placeholder:"N"`
	TextColumn     string   `help:"Column with the text; inferred if not given." placeholder:"NAME"`
}

func (c tokenizerTrainCommand) Run(a *app) error {
	if name := filepath.Join(c.OutputDir, "tokenizer.json"); exists(name) {
		return fmt.Errorf("there is a %s already: choose another --output_dir, or remove it", name)
	}
	texts, s, err := c.load(a)
	if err != nil {
		return err
	}
	defer s.close()
	roles := c.roles()
	t, err := tokenizer.Train(a.ctx, texts.all, tokenizer.TrainOptions{
		VocabSize: c.VocabSize, MinFrequency: c.MinFrequency, Pattern: c.Pattern, SpecialTokens: c.special(roles),
		MaxTokenLength: c.MaxTokenLength, MaxWords: c.MaxWords,
		Progress: func(p tokenizer.TrainProgress) { texts.show(s, p) },
	})
	if err == nil {
		err = texts.err
	}
	if err != nil {
		return err
	}
	if t, err = t.AddSpecialTokens(roles); err != nil {
		return err
	}
	if err := t.Save(c.OutputDir); err != nil {
		return err
	}
	s.end("merging")
	c.summary(s, t, texts)
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// roles says which tokens begin, end and fill up texts.
func (c tokenizerTrainCommand) roles() map[string]string {
	eos := c.EosToken
	if eos == "" && len(c.SpecialTokens) > 0 {
		eos = c.SpecialTokens[0]
	}
	bos := c.BosToken
	if bos == "" {
		bos = eos
	}
	roles := map[string]string{}
	for role, token := range map[string]string{"eos_token": eos, "bos_token": bos, "pad_token": c.PadToken} {
		if token != "" {
			roles[role] = token
		}
	}
	return roles
}

// special lists the special tokens as given, then those that have a role and were not listed.
func (c tokenizerTrainCommand) special(roles map[string]string) []string {
	list := slices.Clone(c.SpecialTokens)
	for _, role := range []string{"eos_token", "bos_token", "pad_token"} {
		if token, ok := roles[role]; ok && !slices.Contains(list, token) {
			list = append(list, token)
		}
	}
	return list
}

// A corpus is the texts of several data sets.
type corpus struct {
	parts []corpusPart
	rows  int
	done  int   // rows that were read
	err   error // a row that could not be read
	last  tokenizer.TrainProgress
}

type corpusPart struct {
	rows *dataset.Dataset
	task dataset.Task
	end  string // stands behind each row
}

// load reads the data sets.
func (c tokenizerTrainCommand) load(a *app) (*corpus, *screen, error) {
	h, s, err := a.hub()
	if err != nil {
		return nil, nil, err
	}
	out := new(corpus)
	for _, name := range c.Files {
		d, err := hone.LoadDataset(a.ctx, h, name, "", dataset.Options{})
		if err != nil {
			return nil, nil, err
		}
		if train := d.Split("train"); train != nil {
			d = dataset.Dict{{Name: "train", Dataset: train}} // a tokenizer is not to know the test texts
		}
		task, err := c.task(d)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, split := range d {
			out.parts = append(out.parts, corpusPart{split.Dataset, task, lineEnd(split.Dataset)})
			out.rows += split.Len()
		}
	}
	return out, s, nil
}

// task says where the text of d is: of chats and of prompts with completions all that is said.
func (c tokenizerTrainCommand) task(d dataset.Dict) (dataset.Task, error) {
	plain := dataset.Task{Kind: dataset.LanguageModeling, Text: c.TextColumn}
	if c.TextColumn == "" {
		if t, err := dataset.Infer(d, dataset.Task{}); err == nil {
			return t, nil
		}
		// labels that are missing or wrong don't matter here
	}
	return dataset.Infer(d, plain)
}

// lineEnd returns what the rows of a text file lost, its line ends: the reference learns them too.
func lineEnd(d *dataset.Dataset) string {
	if d.Len() == 0 {
		return ""
	}
	file := d.Where(0)
	if k := strings.LastIndexByte(file, ':'); k > 0 {
		file = file[:k]
	}
	for _, packed := range []string{".gz", ".zst"} {
		file = strings.TrimSuffix(file, packed)
	}
	if strings.HasSuffix(file, ".txt") {
		return "\n"
	}
	return ""
}

// all yields every text.
func (c *corpus) all(yield func(string) bool) {
	for _, p := range c.parts {
		for _, r := range p.rows.Rows() {
			text, err := p.task.Content(r)
			if err != nil {
				c.err = fmt.Errorf("%s: %w", r.Where(), err)
				return
			}
			c.done++
			if !yield(text + p.end) {
				return
			}
		}
	}
}

func (c *corpus) show(s *screen, p tokenizer.TrainProgress) {
	c.last = p
	if p.Tokens == 0 {
		s.bar("reading", c.done, c.rows, fmt.Sprintf("  %s, %d distinct words", disk.Size(uint64(p.Bytes)), p.Words))
		return
	}
	s.end("reading")
	s.bar("merging", p.Tokens, p.VocabSize, "")
}

// summary tells what came out and what to do with it.
func (c tokenizerTrainCommand) summary(s *screen, t *tokenizer.Tokenizer, texts *corpus) {
	p := texts.last
	s.line("%d tokens from %s of text with %d distinct words", t.VocabSize(), disk.Size(uint64(p.Bytes)), p.Words)
	if p.Tokens < p.VocabSize {
		s.line("  that is fewer than --vocab_size %d: no pair is left that occurs often enough", p.VocabSize)
	}
	if p.Forgotten > 0 {
		s.line("  rare words were forgotten %d times to stay below --max_words %d", p.Forgotten, c.MaxWords)
	}
	const enough = 1 << 20 // bytes of text
	bytes, tokens := 0, 0
	for text := range texts.all {
		bytes, tokens = bytes+len(text), tokens+len(t.AppendPlain(nil, text))
		if bytes > enough {
			break
		}
	}
	if tokens > 0 {
		s.line("a token stands for %.2f bytes of these texts", float64(bytes)/float64(tokens))
	}
	s.line("the tokenizer is in %s, in Hugging Face layout. Next:", filepath.Clean(c.OutputDir))
	s.line("  hone train --from_scratch config.json --tokenizer %s --dataset …", filepath.Clean(c.OutputDir))
}
