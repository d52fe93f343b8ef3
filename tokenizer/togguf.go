package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// GGUF returns the vocabulary as the metadata of a GGUF file of a model with so many rows of embeddings: what
// GGUF.JSON undoes. Ids that no token has are filled with unused ones. Only a tokenizer that llama.cpp can be told of is
// accepted: the error says what it has no name for.
func (t *Tokenizer) GGUF(rows int) (GGUF, error) {
	g := GGUF{BOS: t.BOS(), EOS: t.EOS(), Unknown: t.UNK()}
	err := g.split(t)
	if err == nil {
		err = g.surroundings(t)
	}
	if err == nil {
		err = g.list(t, rows)
	}
	if err == nil {
		err = g.order(t)
	}
	if err != nil {
		return GGUF{}, fmt.Errorf("tokenizer: llama.cpp can't be told of this tokenizer: %w", err)
	}
	return g, nil
}

// A step is one entry of a normalizer or of a pre_tokenizer, Sequences undone.
type step struct {
	Type           string
	Normalizers    []rawJSON
	PreTokenizers  []rawJSON `json:"pretokenizers"`
	AddPrefixSpace *bool     `json:"add_prefix_space"`
	UseRegex       *bool     `json:"use_regex"`
	Individual     bool      `json:"individual_digits"`
	Pattern        struct{ String, Regex string }
	Behavior       behavior
	Invert         bool
	Prepend        string
	Content        string
	Replacement    string
	Scheme         string `json:"prepend_scheme"`
	Split          *bool
}

func steps(raw []byte) (list []step, err error) {
	if isNull(raw) {
		return nil, nil
	}
	var s step
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Type != "Sequence" {
		return []step{s}, nil
	}
	for _, raw := range append(s.Normalizers, s.PreTokenizers...) {
		more, err := steps(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// split finds the names under which llama.cpp knows how t cuts text up.
func (g *GGUF) split(t *Tokenizer) error {
	norm, err := steps(t.files.tokenizer.at("normalizer"))
	if err != nil {
		return err
	}
	pre, err := steps(t.files.tokenizer.at("pre_tokenizer"))
	if err != nil {
		return err
	}
	if !t.model.byteLevel {
		return g.sentences(t, norm, pre)
	}
	g.Model = "gpt2"
	if g.Pre = preName(pre); g.Pre == "" {
		return errors.New("it knows GPT-2's, SmolLM's, Llama 3's and Qwen2's patterns of splitting text, not this pre_tokenizer")
	}
	if plain := len(norm) == 0; !plain && !(g.Pre == "qwen2" && len(norm) == 1 && norm[0].Type == "NFC") {
		return fmt.Errorf("there is no normalizer with the splitting pattern %s, but here is %q", g.Pre, norm[0].Type)
	}
	return nil
}

// preName returns the name of a byte-level pre_tokenizer, or "".
func preName(pre []step) string {
	n := len(pre)
	if n == 0 || n > 2 {
		return ""
	}
	on := func(b *bool) bool { return b == nil || *b }
	last := pre[n-1]
	if last.Type != "ByteLevel" || on(last.AddPrefixSpace) {
		return ""
	}
	switch first := pre[0]; {
	case n == 1 && on(last.UseRegex):
		return "gpt-2"
	case n == 1:
		return ""
	case first.Type == "Digits" && first.Individual && on(last.UseRegex):
		return "smollm"
	case first.Type != "Split" || first.Behavior != isolated && !(first.Behavior == removed && first.Invert) || on(last.UseRegex):
		return ""
	case first.Pattern.Regex == patternLlama3:
		return "llama-bpe"
	case first.Pattern.Regex == patternQwen2:
		return "qwen2"
	}
	return ""
}

// sentences is split for SentencePiece's kind: spaces become ▁ and nothing else cuts text.
func (g *GGUF) sentences(t *Tokenizer, norm, pre []step) error {
	g.Model = "llama"
	if !t.model.byteFallback {
		return errors.New("a vocabulary without bytes has no kind there: it knows byte-level BPE and SentencePiece's with byte_fallback")
	}
	spaces := false
	for _, s := range norm {
		switch {
		case s.Type == "Prepend" && s.Prepend == "▁":
			g.AddSpacePrefix = true
		case s.Type == "Replace" && s.Pattern.String == " " && s.Content == "▁":
			spaces = true
		default:
			return fmt.Errorf("there is no normalizer %q", s.Type)
		}
	}
	for _, s := range pre {
		if s.Type != "Metaspace" || s.Replacement != "▁" || s.Split == nil || *s.Split {
			return fmt.Errorf("SentencePiece cuts text at nothing, but here a pre_tokenizer %q does", s.Type)
		}
		spaces = true
		g.AddSpacePrefix = s.Scheme != "never" && (s.Scheme != "" || s.AddPrefixSpace == nil || *s.AddPrefixSpace)
	}
	if !spaces {
		return errors.New("SentencePiece writes spaces as ▁, this tokenizer does not")
	}
	return nil
}

// surroundings finds out whether bos and eos are put around each text; llama.cpp knows no other tokens there.
func (g *GGUF) surroundings(t *Tokenizer) error {
	before := true
	for _, p := range t.post.single {
		if p.seq >= 0 {
			before = false
			continue
		}
		for _, id := range p.ids {
			switch {
			case before && id == g.BOS && !g.AddBOS:
				g.AddBOS = true
			case !before && id == g.EOS && !g.AddEOS:
				g.AddEOS = true
			default:
				return fmt.Errorf("it puts bos before and eos behind a text, but the post_processor puts %q there", clip(t.IDToToken(id)))
			}
		}
	}
	return nil
}

var bytePiece = regexp.MustCompile(`^<0x[0-9A-F]{2}>$`)

// list fills in tokens and types.
func (g *GGUF) list(t *Tokenizer, rows int) error {
	if last := t.MaxID(); int(last) >= rows {
		return fmt.Errorf("token %d, %q, has no row among the %d of the embedding: the tokenizer belongs to another model", last, clip(t.IDToToken(last)), rows)
	}
	for id := range int32(rows) {
		text, kind := fmt.Sprintf("[PAD%d]", id), int64(ggufUnused)
		if a, _, ok := t.added.at(id); ok {
			text, kind = g.added1(a)
		} else if token, ok := t.model.vocab.token(id); ok {
			text, kind = token, ggufNormal
			switch {
			case g.Model == "llama" && bytePiece.MatchString(token):
				kind = ggufByte
			case g.Model == "llama" && id == g.Unknown:
				kind = ggufUnknown
			}
		}
		g.Tokens, g.Types = append(g.Tokens, text), append(g.Types, kind)
	}
	return nil
}

// added1 returns text and type of an added token. What looks like a control token is one to llama.cpp's converter,
// whatever its flags say.
func (g *GGUF) added1(a AddedToken) (string, int64) {
	controls := strings.HasPrefix(a.Content, "<|") && strings.HasSuffix(a.Content, "|>")
	switch {
	case g.Model == "llama" && a.ID == g.Unknown:
		return a.Content, ggufUnknown
	case a.Special || controls:
		return a.Content, ggufControl
	case g.Model == "llama":
		return strings.ReplaceAll(a.Content, "▁", " "), ggufUser
	}
	return a.Content, ggufUser
}

// order fills in what decides which tokens are merged first.
func (g *GGUF) order(t *Tokenizer) error {
	model, err := fields(t.files.tokenizer.at("model"))
	if err != nil {
		return err
	}
	merges, err := parseMerges(model.at("merges"))
	if err != nil {
		return err
	}
	if g.Model == "llama" {
		return g.score(merges)
	}
	for _, m := range merges {
		g.Merges = append(g.Merges, strings.ReplaceAll(m[0], " ", "Ġ")+" "+strings.ReplaceAll(m[1], " ", "Ġ"))
	}
	if t.model.ignoreMerges != (g.Pre == "llama-bpe") {
		if token := t.model.unreachable(); token != "" {
			return fmt.Errorf("it decides by the pattern (%s) whether a word that is a token needs merges, and token %q is not what its merges give", g.Pre, clip(token))
		}
	}
	return nil
}

// unreachable returns a token that merging its own bytes does not give, or "".
func (m *bpe) unreachable() string {
	var word []byte
	for id := range int32(len(m.vocab.at)) {
		token, ok := m.vocab.token(id)
		if !ok {
			continue
		}
		word = appendUnmapped(word[:0], token)
		if string(appendMapped(nil, string(word))) != token {
			continue // such as <|endoftext|>: no word of text is this
		}
		s := m.merged(string(word))
		whole := len(s.id) == 1 && s.id[0] == id
		m.release(s)
		if !whole {
			return token
		}
	}
	return ""
}

// score gives each token the score that orders merges as they stand: minus the rank of the first that makes it. It is an
// error if SentencePiece, which merges whatever two tokens make a third, would merge others.
func (g *GGUF) score(merges [][2]string) error {
	rank := make(map[string]int, len(merges))
	listed := make(map[[2]string]bool, len(merges))
	for i, m := range merges {
		listed[m] = true
		whole := m[0] + m[1]
		if _, ok := rank[whole]; !ok {
			rank[whole] = i
		} else if merges[i-1][0]+merges[i-1][1] != whole {
			return fmt.Errorf("SentencePiece has one rank for each token, but %q is merged at rank %d and at rank %d", clip(whole), rank[whole], i)
		}
	}
	g.Scores = make([]float64, len(g.Tokens))
	for id, token := range g.Tokens {
		if r, ok := rank[token]; ok && g.Types[id] == ggufNormal {
			g.Scores[id] = -float64(r)
		} else if g.Types[id] == ggufNormal {
			g.Scores[id] = -float64(len(merges) + id) // a character: nothing is merged to it
		}
	}
	all, err := g.scoredMerges()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, func(m [2]string) bool { return !listed[m] }); i >= 0 {
		return fmt.Errorf("SentencePiece would merge %q and %q, this tokenizer does not", clip(all[i][0]), clip(all[i][1]))
	}
	if len(all) != len(listed) {
		return fmt.Errorf("SentencePiece knows %d merges in this vocabulary, the tokenizer %d", len(all), len(listed))
	}
	return nil
}
