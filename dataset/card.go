package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// card is what the YAML head of a data set's README.md says.
type card struct {
	configs []cardConfig
	infos   []cardInfo
}

type cardConfig struct {
	name      string
	isDefault bool
	dir       string
	splits    []cardSplit // nil: infer the splits below dir
}

type cardSplit struct {
	name     string
	patterns []string
}

type cardInfo struct {
	config string
	hints  hints
}

// hint is what a data set's metadata says of a column: class names, or the dtype.
type hint struct {
	names []string
	dtype string
}

type hints map[string]hint

// A README head larger than this is refused.
const maxCard = 4 << 20

// readCard reads the head of README.md in dir; a folder without one has an empty card.
func readCard(dir string) (card, error) {
	name := filepath.Join(dir, "README.md")
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return card{}, nil
	}
	if info.Size() > maxCard {
		return card{}, fmt.Errorf("%s: larger than %s", name, size(maxCard))
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return card{}, err
	}
	c, err := parseCard(text)
	if err != nil {
		return card{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// head returns the YAML between the two lines "---" at the top, nil if there is none.
func head(text []byte) []byte {
	s := strings.ReplaceAll(strings.TrimPrefix(string(text), "\uFEFF"), "\r\n", "\n")
	rest, ok := strings.CutPrefix(s, "---\n")
	if !ok {
		return nil
	}
	if end := strings.Index(rest+"\n", "\n---\n"); end >= 0 {
		return []byte("\n" + rest[:end+1]) // an empty line for "---": the parser's line numbers are the file's
	}
	return nil
}

func parseCard(text []byte) (c card, err error) {
	// The YAML parser is outside code that reads outside bytes.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the YAML head can't be read: %v", p)
		}
	}()
	yml := head(text)
	if yml == nil {
		return c, nil
	}
	if err := plainYAML(yml); err != nil {
		return c, err
	}
	var doc struct {
		Configs     []map[string]any `yaml:"configs"`
		DatasetInfo any              `yaml:"dataset_info"`
	}
	if err := yaml.Unmarshal(yml, &doc); err != nil {
		return c, fmt.Errorf("the YAML head can't be read: %s", yaml.FormatError(err, false, true))
	}
	for i, m := range doc.Configs {
		cfg, err := parseConfig(m)
		if err != nil {
			return c, fmt.Errorf("configs[%d]: %w", i, err)
		}
		c.configs = append(c.configs, cfg)
	}
	infos, ok := doc.DatasetInfo.([]any)
	if !ok && doc.DatasetInfo != nil {
		infos = []any{doc.DatasetInfo}
	}
	for i, v := range infos {
		m, ok := v.(map[string]any)
		if !ok {
			return c, fmt.Errorf("dataset_info: found %T, expected a mapping with features", v)
		}
		info := cardInfo{config: word(m["config_name"], "default")}
		if info.hints, err = yamlHints(m["features"]); err != nil {
			return c, fmt.Errorf("dataset_info[%d]: %w", i, err)
		}
		c.infos = append(c.infos, info)
	}
	return c, nil
}

var (
	yamlAnchor = regexp.MustCompile(`(?m)(^|[\s\[{,])&[A-Za-z0-9_]`)
	yamlAlias  = regexp.MustCompile(`(?m)(^|[\s\[{,])\*[A-Za-z0-9_]`)
)

// plainYAML refuses what a few lines of can cost gigabytes or the stack, and no data set card needs: aliases
// and deep nesting.
func plainYAML(yml []byte) error {
	if yamlAnchor.Match(yml) && yamlAlias.Match(yml) {
		return errors.New("YAML anchors and aliases are not supported in the head")
	}
	n := 0
	for line := range bytes.SplitSeq(yml, []byte{'\n'}) {
		n++
		indent := len(line) - len(bytes.TrimLeft(line, " -?"))
		if indent > 200 || bytes.Count(line, []byte("[")) > 200 || bytes.Count(line, []byte("{")) > 200 {
			return fmt.Errorf("line %d: nested too deeply", n)
		}
	}
	return nil
}

func word(v any, otherwise string) string {
	switch v := v.(type) {
	case nil:
		return otherwise
	case string:
		return v
	}
	return fmt.Sprint(v)
}

func parseConfig(m map[string]any) (cardConfig, error) {
	c := cardConfig{name: word(m["config_name"], ""), dir: word(m["data_dir"], "")}
	if c.name == "" {
		return c, fmt.Errorf("no config_name")
	}
	c.isDefault, _ = m["default"].(bool)
	if m["data_files"] == nil {
		return c, nil
	}
	var err error
	c.splits, err = parseDataFiles(m["data_files"])
	return c, err
}

// parseDataFiles reads the three forms of data_files: a pattern, a list of patterns, or a list of
// {split, path}. Without a split the files are train.
func parseDataFiles(v any) ([]cardSplit, error) {
	patterns := func(v any) ([]string, bool) {
		if s, ok := v.(string); ok {
			return []string{s}, true
		}
		l, ok := v.([]any)
		out := make([]string, len(l))
		for i := range l {
			s, isText := l[i].(string)
			out[i], ok = s, ok && isText
		}
		return out, ok && len(l) > 0
	}
	if p, ok := patterns(v); ok {
		return []cardSplit{{"train", p}}, nil
	}
	l, _ := v.([]any)
	var out []cardSplit
	for _, e := range l {
		m, _ := e.(map[string]any)
		name := word(m["split"], "")
		p, ok := patterns(m["path"])
		if !ok || !splitName.MatchString(name) {
			return nil, fmt.Errorf("data_files: found %v, expected {split: name, path: pattern or list of patterns}", e)
		}
		if slices.ContainsFunc(out, func(s cardSplit) bool { return s.name == name }) {
			return nil, fmt.Errorf("data_files: split %q twice", name)
		}
		out = append(out, cardSplit{name, p})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("data_files: found %v, expected a pattern, a list of patterns, or a list of {split, path}", v)
	}
	return out, nil
}

// config picks a configuration: the named one, else the only one, the one named default or the one that is
// marked as the default. A nil result means that the card has none.
func (c card) config(name string) (*cardConfig, error) {
	if len(c.configs) == 0 {
		return nil, nil
	}
	var names []string
	var found *cardConfig
	for i := range c.configs {
		cfg := &c.configs[i]
		names = append(names, cfg.name)
		if cfg.name == name || name == "" && (len(c.configs) == 1 || cfg.name == "default" || cfg.isDefault) {
			if found != nil {
				return nil, fmt.Errorf("README.md: two default configurations, %q and %q; name one", found.name, cfg.name)
			}
			found = cfg
		}
	}
	if found == nil && name == "" {
		return nil, fmt.Errorf("README.md: %d configurations and none is the default; name one of %s", len(names), list(names))
	}
	if found == nil {
		return nil, fmt.Errorf("README.md: no configuration %q; there are %s", name, list(names))
	}
	return found, nil
}

// resolve finds the files of a configuration among all files.
func (c *cardConfig) resolve(files []string) ([]splitFiles, error) {
	dir := path.Clean(filepath.ToSlash(c.dir))
	if c.splits == nil {
		below := files
		if dir != "." {
			below = slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !strings.HasPrefix(f, dir+"/") })
		}
		if len(below) == 0 {
			return nil, fmt.Errorf("README.md: configuration %q: no data files in %s", c.name, dir)
		}
		return inferBelow(dir, below)
	}
	var out []splitFiles
	for _, s := range c.splits {
		found, err := resolvePatterns(dir, s.patterns, files)
		if err != nil {
			return nil, fmt.Errorf("README.md: configuration %q, split %q: %w", c.name, s.name, err)
		}
		out = append(out, splitFiles{s.name, found})
	}
	return out, nil
}

// inferBelow infers splits from the names below dir, which its own name is not part of.
func inferBelow(dir string, files []string) ([]splitFiles, error) {
	if dir == "." {
		return inferSplits(files)
	}
	rel := make([]string, len(files))
	for i, f := range files {
		rel[i] = strings.TrimPrefix(f, dir+"/")
	}
	splits, err := inferSplits(rel)
	for _, s := range splits {
		for i := range s.files {
			s.files[i] = dir + "/" + s.files[i]
		}
	}
	return splits, err
}

func resolvePatterns(dir string, patterns, files []string) ([]string, error) {
	var out []string
	for _, p := range patterns {
		if strings.Contains(p, "://") {
			return nil, fmt.Errorf("%s: only files of the folder itself are read", p)
		}
		full := path.Join(dir, filepath.ToSlash(p))
		if path.IsAbs(p) || filepath.IsAbs(p) || full == ".." || strings.HasPrefix(full, "../") {
			return nil, fmt.Errorf("%s: the path leads out of the data set's folder", p)
		}
		found, err := match(full, files)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && !strings.ContainsAny(p, "*?[") {
			return nil, fmt.Errorf("no data file %s in the folder", p)
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no data file matches %s", list(patterns))
	}
	return unique(out), nil
}

// hintsFor is what dataset_info says for a configuration.
func (c card) hintsFor(config string) hints {
	for _, info := range c.infos {
		if info.config == config || len(c.infos) == 1 && config == "" {
			return info.hints
		}
	}
	if len(c.infos) == 1 && len(c.configs) <= 1 {
		return c.infos[0].hints
	}
	return nil
}

// yamlHints reads the features list of dataset_info: class labels are {dtype: {class_label: {names: …}}}.
func yamlHints(v any) (hints, error) {
	l, ok := v.([]any)
	if !ok {
		return nil, nil
	}
	h := hints{}
	for _, e := range l {
		m, _ := e.(map[string]any)
		name := word(m["name"], "")
		switch d := m["dtype"].(type) {
		case string:
			h[name] = hint{dtype: d}
		case map[string]any:
			label, ok := d["class_label"].(map[string]any)
			if !ok {
				continue
			}
			names, err := yamlNames(label["names"])
			if err != nil {
				return nil, fmt.Errorf("feature %q: %w", name, err)
			}
			h[name] = hint{names: names}
		}
	}
	return h, nil
}

// yamlNames reads class names: a list, or a mapping from each id, '0' up, to its name.
func yamlNames(v any) ([]string, error) {
	switch v := v.(type) {
	case []any:
		names := make([]string, len(v))
		for i := range v {
			names[i] = word(v[i], "")
		}
		return names, checkNames(names)
	case map[string]any:
		names := make([]string, len(v))
		for i := range names {
			name, ok := v[strconv.Itoa(i)]
			if !ok {
				return nil, fmt.Errorf("class_label has %d names but none for id %d", len(v), i)
			}
			names[i] = word(name, "")
		}
		return names, checkNames(names)
	case map[any]any:
		m := make(map[string]any, len(v))
		for k, name := range v {
			m[fmt.Sprint(k)] = name
		}
		return yamlNames(m)
	case nil:
		return nil, nil
	}
	return nil, fmt.Errorf("class_label names: found %T, expected a list", v)
}

// checkNames refuses empty and repeated class names.
func checkNames(names []string) error {
	seen := map[string]int{}
	for i, name := range names {
		if name == "" {
			return fmt.Errorf("class name %d is empty", i)
		}
		if k, ok := seen[name]; ok {
			return fmt.Errorf("class name %q twice, as %d and %d", name, k, i)
		}
		seen[name] = i
	}
	return nil
}

// parquetHints reads the key-value metadata "huggingface" that datasets writes into Parquet files.
func parquetHints(text string) (hints, error) {
	var doc struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("metadata huggingface: %w", err)
	}
	h := hints{}
	for name, raw := range doc.Info.Features {
		var f struct {
			Type       string   `json:"_type"`
			Dtype      any      `json:"dtype"`
			Names      []string `json:"names"`
			NumClasses int      `json:"num_classes"`
		}
		if json.Unmarshal(raw, &f) != nil {
			continue // a nested feature: a list or a mapping of features
		}
		if f.Type == "ClassLabel" {
			if f.Names == nil && f.NumClasses > 0 && f.NumClasses <= maxClasses {
				f.Names = numbers(f.NumClasses)
			}
			if err := checkNames(f.Names); err != nil {
				return nil, fmt.Errorf("metadata huggingface: feature %q: %w", name, err)
			}
			h[name] = hint{names: f.Names}
		} else if d, ok := f.Dtype.(string); ok {
			h[name] = hint{dtype: d}
		}
	}
	return h, nil
}

// numbers is "0", "1", … n-1 as names.
func numbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// list writes names for an error message.
func list(names []string) string {
	const most = 12
	shown := make([]string, 0, most)
	for i, n := range names {
		if i == most {
			return strings.Join(shown, ", ") + fmt.Sprintf(" and %d more", len(names)-most)
		}
		shown = append(shown, strconv.Quote(clip(n, 40)))
	}
	if len(shown) == 0 {
		return "none"
	}
	return strings.Join(shown, ", ")
}
