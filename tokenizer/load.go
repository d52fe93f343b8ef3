package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// maxFile bounds each file of a tokenizer; the largest known are below 40 MB.
const maxFile = 1 << 27

// files is what a tokenizer was loaded from, kept so that Save gives back what it does not know.
type files struct {
	tokenizer object            // tokenizer.json
	config    object            // tokenizer_config.json
	verbatim  map[string][]byte // other files that Save copies
	changed   bool              // tokens were added to those of tokenizer.json
}

// Load reads the tokenizer of a model folder: tokenizer.json, or vocab.json and merges.txt; and, where they exist,
// tokenizer_config.json, special_tokens_map.json, added_tokens.json and chat_template.jinja.
//
// Everything follows the files: where transformers 5 builds a pipeline from tokenizer_class and leaves that of
// tokenizer.json aside, Load does what tokenizer.json says.
func Load(dir string) (*Tokenizer, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("tokenizer: %s is not a folder", dir)
	}
	t, err := LoadFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, dir)
	}
	return t, nil
}

// LoadFS is Load for a folder in any file system, such as a map of files in memory.
func LoadFS(dir fs.FS) (*Tokenizer, error) {
	l := loader{dir: dir}
	t, err := l.load()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

type loader struct{ dir fs.FS }

// read returns the content of a file, or nil if there is none.
func (l *loader) read(name string) ([]byte, error) {
	f, err := l.dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d MB", name, maxFile>>20)
	}
	return b, err
}

// readAll returns the contents of files, by name.
func (l *loader) readAll(names ...string) (map[string][]byte, error) {
	in := map[string][]byte{}
	for _, name := range names {
		b, err := l.read(name)
		if err != nil {
			return nil, err
		}
		in[name] = b
	}
	return in, nil
}

// small are the files of a tokenizer without its vocabulary.
var small = []string{"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"}

// LoadConfig reads what Load's Tokenizer has as its Config, but for the defaults of old tokenizers without
// tokenizer_config.json, and no vocabulary, which takes a hundred times as long.
func LoadConfig(dir string) (Config, error) {
	l := loader{dir: os.DirFS(dir)}
	in, err := l.readAll(small...)
	if err == nil {
		var s *settings
		if s, err = l.settings(in, nil, map[string][]byte{}); err == nil {
			return s.Config, nil
		}
	}
	return Config{}, fmt.Errorf("tokenizer: %w (in %s)", err, dir)
}

// settings reads the small files, and puts the templates among those into verbatim.
func (l *loader) settings(in map[string][]byte, defaults map[string]rawJSON, verbatim map[string][]byte) (*settings, error) {
	s, err := parseSettings(in["tokenizer_config.json"], in["special_tokens_map.json"], in["added_tokens.json"], defaults)
	if err != nil {
		return nil, err
	}
	if b := in["chat_template.jinja"]; b != nil {
		s.ChatTemplates["default"] = string(b)
		verbatim["chat_template.jinja"] = b
	}
	return s, l.moreTemplates(s, verbatim)
}

func (l *loader) load() (*Tokenizer, error) {
	in, err := l.readAll(slices.Concat(small, []string{"tokenizer.json", "vocab.json", "merges.txt", "config.json"})...)
	if err != nil {
		return nil, err
	}
	var defaults map[string]rawJSON
	verbatim := map[string][]byte{}
	legacy := in["tokenizer.json"] == nil
	var class string
	if legacy {
		if in["vocab.json"] == nil || in["merges.txt"] == nil {
			return nil, errors.New("there is neither a tokenizer.json nor vocab.json with merges.txt; other kinds (tokenizer.model, vocab.txt) are not supported")
		}
		if class, err = legacyClass(in["tokenizer_config.json"], in["config.json"]); err != nil {
			return nil, err
		}
		defaults = legacyDefaults[class]
		verbatim["vocab.json"], verbatim["merges.txt"] = in["vocab.json"], in["merges.txt"]
	}
	s, err := l.settings(in, defaults, verbatim)
	if err != nil {
		return nil, err
	}
	if legacy {
		if in["tokenizer.json"], err = legacyJSON(class, in["vocab.json"], in["merges.txt"], s); err != nil {
			return nil, err
		}
	}
	f := files{verbatim: verbatim}
	if f.tokenizer, err = parseObject(in["tokenizer.json"]); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	if b := in["tokenizer_config.json"]; b != nil {
		if f.config, err = parseObject(b); err != nil {
			return nil, fmt.Errorf("tokenizer_config.json: %w", err)
		}
	} else if legacy {
		f.config = object{{"tokenizer_class", encode(class)}}
	}
	return build(f, s)
}

// moreTemplates reads the named templates of the folder additional_chat_templates.
func (l *loader) moreTemplates(s *settings, verbatim map[string][]byte) error {
	const folder = "additional_chat_templates"
	names, err := fs.Glob(l.dir, folder+"/*.jinja")
	if err != nil {
		return err
	}
	if len(names) > 64 {
		return fmt.Errorf("%s has %d files, more than 64", folder, len(names))
	}
	for _, name := range names {
		b, err := l.read(name)
		if err != nil {
			return err
		}
		s.ChatTemplates[strings.TrimSuffix(path.Base(name), ".jinja")] = string(b)
		verbatim[name] = b
	}
	return nil
}

// builder collects the pipeline while tokenizer.json is read.
type builder struct {
	stages    []stage
	byteLevel bool
}

// build makes the pipeline of f.tokenizer with the tokens that s adds to it.
func build(f files, s *settings) (*Tokenizer, error) {
	t := &Tokenizer{config: s.Config, files: f}
	if err := t.pipeline(f.tokenizer); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	var listed []AddedToken
	if raw := f.tokenizer.at("added_tokens"); !isNull(raw) {
		if err := json.Unmarshal(raw, &listed); err != nil {
			return nil, fmt.Errorf("tokenizer.json: added_tokens: %w", err)
		}
	}
	if err := t.setAdded(listed, s); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

func (t *Tokenizer) pipeline(o object) (err error) {
	var b builder
	if raw := o.at("normalizer"); !isNull(raw) {
		if t.norm, err = b.normalizer(raw, 0); err != nil {
			return err
		}
	}
	if raw := o.at("pre_tokenizer"); !isNull(raw) {
		if err := b.preTokenizer(raw, 0); err != nil {
			return err
		}
	}
	t.stages = b.stages
	t.scans = scanners(b.stages)
	if raw := o.at("post_processor"); !isNull(raw) {
		if err := parsePost(&t.post, raw, 0); err != nil {
			return err
		}
	}
	if raw := o.at("decoder"); !isNull(raw) {
		if t.dec, err = parseDecoder(raw, 0); err != nil {
			return err
		}
		var c struct{ Type string }
		t.byteLevel = json.Unmarshal(raw, &c) == nil && c.Type == "ByteLevel"
	}
	if isNull(o.at("model")) {
		return errors.New(`there is no "model"`)
	}
	if t.model, err = parseBPE(o.at("model"), b.byteLevel); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// scanners returns the stages as scanners, or nil if one is something else.
func scanners(stages []stage) (out []scanner) {
	for _, s := range stages {
		if s.scan == nil {
			return nil
		}
		out = append(out, s.scan)
	}
	return out
}

// setAdded indexes the added tokens: those listed in tokenizer.json, then those of s, in the order of transformers.
// A token that is new gets the next free id.
func (t *Tokenizer) setAdded(listed []AddedToken, s *settings) error {
	set := tokenSet{vocab: t.model.vocab, at: map[string]int{}, next: int32(t.model.vocab.n)}
	for _, a := range listed {
		set.put(a)
	}
	known := map[string]AddedToken{}
	for _, a := range s.decoder {
		a.Special = a.Special || slices.ContainsFunc(s.named, func(n AddedToken) bool { return n.Content == a.Content })
		known[a.Content] = a
		set.put(a)
	}
	for _, a := range s.named {
		if k, ok := known[a.Content]; ok {
			a = k
		} else if i, ok := set.at[a.Content]; ok {
			a = set.list[i]
		}
		a.Special = true
		set.put(a)
	}
	t.files.changed = !slices.Equal(listed, set.list)
	var err error
	t.added, err = newAdded(set.list, t.norm)
	return err
}

// A tokenSet is added tokens by content.
type tokenSet struct {
	vocab *vocab
	list  []AddedToken
	at    map[string]int
	next  int32
}

// put adds a token or changes the flags of the one with its content. Its id is the one that the vocabulary has.
func (s *tokenSet) put(a AddedToken) {
	if a.Content == "" {
		return
	}
	if i, ok := s.at[a.Content]; ok {
		a.ID = s.list[i].ID
		s.list[i] = a
		return
	}
	if a.ID = s.vocab.id(a.Content); a.ID < 0 {
		a.ID = s.next
	}
	s.next = max(s.next, a.ID+1)
	s.at[a.Content] = len(s.list)
	s.list = append(s.list, a)
}

// AddTokens returns a tokenizer that also knows tokens, as transformers' add_tokens does. Ids are assigned: a token of
// the vocabulary keeps its own, another gets the next free one, above all others. A model needs a row for each:
// compare VocabSize with its embedding. The given IDs are ignored.
func (t *Tokenizer) AddTokens(tokens ...AddedToken) (*Tokenizer, error) {
	return t.withAdded(tokens, t.config)
}

// AddSpecialTokens returns a tokenizer in which roles such as pad_token are played by the given tokens, which are
// added where they are new: AddSpecialTokens(map[string]string{"pad_token": "[PAD]"}).
func (t *Tokenizer) AddSpecialTokens(byRole map[string]string) (*Tokenizer, error) {
	config := t.config
	config.SpecialTokens = maps.Clone(t.config.SpecialTokens)
	if config.SpecialTokens == nil {
		config.SpecialTokens = map[string]string{}
	}
	var tokens []AddedToken
	for _, role := range roles {
		if token, ok := byRole[role]; ok {
			config.SpecialTokens[role] = token
			tokens = append(tokens, AddedToken{Content: token, Special: true})
		}
	}
	if len(tokens) != len(byRole) {
		return nil, fmt.Errorf("tokenizer: %v: special tokens are %v", slices.Sorted(maps.Keys(byRole)), roles)
	}
	return t.withAdded(tokens, config)
}

func (t *Tokenizer) withAdded(tokens []AddedToken, config Config) (*Tokenizer, error) {
	set := tokenSet{vocab: t.model.vocab, at: map[string]int{}, next: int32(t.model.vocab.n)}
	for i, a := range t.added.list {
		set.list, set.at[a.Content] = append(set.list, a), i
		set.next = max(set.next, a.ID+1)
	}
	for _, a := range tokens {
		set.put(a)
	}
	added, err := newAdded(set.list, t.norm)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	c := *t
	c.added, c.config, c.files.changed = added, config, true
	return &c, nil
}
