package hub

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// A Choice picks the files to download from all files of a repo.
type Choice func(all []File) []File

// Match chooses the files whose path matches one of the patterns: those of Python's fnmatch, in which * and ?
// match any character, '/' too, and [...] one of a set. A pattern that ends in '/' stands for what is below.
func Match(patterns ...string) Choice {
	var res []*regexp.Regexp
	for _, p := range patterns {
		res = append(res, fnmatch(p))
	}
	return func(all []File) (chosen []File) {
		for _, f := range all {
			for _, re := range res {
				if re.MatchString(f.Path) {
					chosen = append(chosen, f)
					break
				}
			}
		}
		return chosen
	}
}

// fnmatch is a pattern as a regular expression that accepts the same paths.
func fnmatch(pattern string) *regexp.Regexp {
	if pattern = strings.ReplaceAll(pattern, `\`, "/"); strings.HasSuffix(pattern, "/") {
		pattern += "*"
	}
	var re strings.Builder
	re.WriteString(`(?s)^`)
	for i := 0; i < len(pattern); {
		n := 1
		switch pattern[i] {
		case '*':
			re.WriteString(`.*`)
		case '?':
			re.WriteString(`.`)
		case '[':
			var set string
			set, n = charSet(pattern[i:])
			re.WriteString(set)
		default:
			for i+n < len(pattern) && !strings.ContainsRune("*?[", rune(pattern[i+n])) {
				n++
			}
			re.WriteString(regexp.QuoteMeta(pattern[i : i+n]))
		}
		i += n
	}
	re.WriteString(`$`)
	compiled, err := regexp.Compile(re.String())
	if err != nil { // as [z-a], which matches nothing in Python either
		return regexp.MustCompile(`[^\x00-\x{10FFFF}]`)
	}
	return compiled
}

// charSet is the set that s begins with, as an expression, and its length; a '[' that nothing closes is itself.
func charSet(s string) (re string, n int) {
	end := strings.IndexByte(s[1:], ']')
	if end == 0 || end == 1 && s[1] == '!' { // a ']' in the first place is one of the set
		if next := strings.IndexByte(s[1+end+1:], ']'); next >= 0 {
			end += 1 + next
		} else {
			end = -1
		}
	}
	if end < 0 {
		return `\[`, 1
	}
	set := s[1 : 1+end]
	not := ""
	if strings.HasPrefix(set, "!") {
		set, not = set[1:], "^"
	}
	set = strings.NewReplacer(`\`, `\\`, `]`, `\]`, `[`, `\[`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(set)
	return "[" + not + set + "]", 1 + end + 1
}

// modelFiles are the files of a model that hone reads, less the weights.
var modelFiles = map[string]bool{
	"config.json": true, "generation_config.json": true,
	"tokenizer.json": true, "tokenizer_config.json": true, "tokenizer.model": true,
	"vocab.json": true, "vocab.txt": true, "merges.txt": true,
	"special_tokens_map.json": true, "added_tokens.json": true,
	"chat_template.jinja": true, "chat_template.json": true,
	"adapter_config.json": true,
}

// ModelFiles chooses what it takes to run a model or to train it on: configuration, tokenizer, chat templates and
// weights as safetensors. Of several forms of the weights it chooses the one that transformers would load:
// model.safetensors, else the shards with their index, else whatever safetensors there are, else a GGUF file if it
// is the only one. Weights in other formats, and what lies in folders, are left out.
func ModelFiles(all []File) (chosen []File) {
	for _, f := range all {
		if modelFiles[f.Path] || strings.HasPrefix(f.Path, "additional_chat_templates/") {
			chosen = append(chosen, f)
		}
	}
	return append(chosen, weights(all)...)
}

var (
	oneWeights  = regexp.MustCompile(`^model\.safetensors$`)
	shardIndex  = regexp.MustCompile(`^model\.safetensors\.index\.json$`)
	shards      = regexp.MustCompile(`^model(-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)$`)
	adapter     = regexp.MustCompile(`^adapter_model\.safetensors$`)
	safetensors = regexp.MustCompile(`^[^/]+\.safetensors(\.index\.json)?$`)
	ggufs       = regexp.MustCompile(`^[^/]+\.gguf$`)
)

func weights(all []File) []File {
	named := func(re *regexp.Regexp) (files []File) {
		for _, f := range all {
			if re.MatchString(f.Path) {
				files = append(files, f)
			}
		}
		return files
	}
	if one := named(oneWeights); len(one) > 0 {
		return append(one, named(adapter)...)
	}
	if len(named(shardIndex)) > 0 {
		return append(named(shards), named(adapter)...)
	}
	if any := named(safetensors); len(any) > 0 {
		return any
	}
	if gguf := named(ggufs); len(gguf) == 1 {
		return gguf
	}
	return nil
}

// Model downloads what ModelFiles chooses and returns the folder. A model without weights that hone can read is an
// error that says which it has. The repo's Kind need not be set.
func (c *Client) Model(ctx context.Context, repo Repo) (dir string, err error) {
	repo.Kind = Model
	var weightless []File
	dir, err = c.Snapshot(ctx, repo, func(all []File) []File {
		if len(weights(all)) == 0 {
			weightless = all
			return nil
		}
		return ModelFiles(all)
	})
	if weightless == nil || err == nil {
		return dir, err
	}
	found := Match("*.gguf")(weightless)
	if len(found) > 1 {
		return "", &problem{ErrNotFound, err, fmt.Sprintf("hub: %s has %d GGUF files: choose one: %s", repo, len(found), some(found))}
	}
	if found = Match("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "*/*.safetensors")(weightless); len(found) > 0 {
		return "", &problem{ErrNotFound, err, fmt.Sprintf("hub: %s has no weights as safetensors in its top folder, which hone needs; it has %s", repo, some(found))}
	}
	return "", err
}

// dataFormats maps the endings of data files that hone reads to their format.
var dataFormats = map[string]string{
	".parquet": "parquet", ".jsonl": "json", ".json": "json", ".ndjson": "json",
	".csv": "csv", ".tsv": "tsv", ".txt": "text",
}

// notData are files that are about the data, as in the reference's list.
var notData = map[string]bool{
	"config.json": true, "dataset_info.json": true, "dataset_infos.json": true, "dataset_dict.json": true,
}

// dataFormat is the format of a data file, "" for other files.
func dataFormat(name string) string {
	base := path.Base(name)
	if notData[base] || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return ""
	}
	ext := path.Ext(base)
	if ext == ".gz" || ext == ".zst" {
		ext = path.Ext(strings.TrimSuffix(base, ext))
	}
	return dataFormats[strings.ToLower(ext)]
}

// DatasetFiles chooses a data set's card (README.md, which may say what belongs to which split) and its data
// files: the Parquet ones if there are any, else those of the format that most files have. Of a repo without
// data that hone reads it chooses nothing.
func DatasetFiles(all []File) (chosen []File) {
	count := map[string]int{}
	for _, f := range all {
		if format := dataFormat(f.Path); format != "" {
			count[format]++
		}
	}
	best := ""
	for _, format := range []string{"parquet", "json", "csv", "tsv", "text"} {
		if count[format] > count[best] {
			best = format
		}
		if best == "parquet" {
			break
		}
	}
	if best == "" {
		return nil
	}
	for _, f := range all {
		if f.Path == "README.md" || dataFormat(f.Path) == best {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// parquetCopies is the revision at which the Hub keeps a Parquet copy of each data set.
const parquetCopies = "refs/convert/parquet"

// Dataset downloads a data set's files and returns their folder, for package dataset to read: what DatasetFiles
// chooses of the repo itself, or else the Parquet copy that the Hub makes of every data set, which is for old ones
// that are a script. config says which of several configurations is meant. Where those are folders, as always in
// the copy, only the one's is downloaded and returned: it holds nothing else, and no card. Where they aren't, or
// config is empty, it is the whole repo's folder, whose README.md may say what belongs to which. For the copy an
// empty config means the only one, or "default". The repo's Kind need not be set.
func (c *Client) Dataset(ctx context.Context, repo Repo, config string) (dir string, err error) {
	repo.Kind = Dataset
	if dir, err := c.unpack(repo); dir != "" || err != nil {
		return dir, err
	}
	own, ownErr := c.Info(ctx, repo)
	if ownErr != nil && !errors.Is(ownErr, ErrOffline) { // offline, the copy alone may be cached
		return "", ownErr
	}
	if within := below(config, DatasetFiles(own.Files)); len(within) > 0 {
		dir, err = c.Snapshot(ctx, repo, func(all []File) []File { return below(config, DatasetFiles(all)) })
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, filepath.FromSlash(config)), nil
	}
	if len(DatasetFiles(own.Files)) > 0 {
		return c.Snapshot(ctx, repo, DatasetFiles)
	}
	repo.Revision = parquetCopies
	var folder string
	var chooseErr error
	dir, err = c.Snapshot(ctx, repo, func(all []File) []File {
		var chosen []File
		chosen, folder, chooseErr = configFiles(all, config)
		return chosen
	})
	if chooseErr != nil {
		return "", fmt.Errorf("hub: %s: %w", repo, chooseErr)
	}
	switch {
	case ownErr != nil && errors.Is(err, ErrOffline):
		return "", ownErr
	case err != nil:
		return "", err
	}
	return filepath.Join(dir, folder), nil
}

// below are the files in a folder of the repo's; in no folder, if its name is empty, there are none.
func below(folder string, files []File) (within []File) {
	for _, f := range files {
		if folder != "" && strings.HasPrefix(f.Path, folder+"/") {
			within = append(within, f)
		}
	}
	return within
}

// configFiles chooses one configuration of a Parquet copy, whose files are CONFIG/SPLIT/NNNN.parquet.
func configFiles(all []File, config string) (chosen []File, folder string, err error) {
	configs := map[string][]File{}
	for _, f := range all {
		parts := strings.Split(f.Path, "/")
		if len(parts) == 3 && path.Ext(f.Path) == ".parquet" && checkPath(f.Path) == nil {
			configs[parts[0]] = append(configs[parts[0]], f)
		}
	}
	var names []string
	for name := range configs {
		names = append(names, name)
	}
	sort.Strings(names)
	switch {
	case config != "":
		folder = config
	case len(names) == 1:
		folder = names[0]
	default:
		folder = "default"
	}
	if chosen = configs[folder]; len(chosen) == 0 {
		return nil, "", fmt.Errorf("no configuration %q in its Parquet copy: name one of %s", folder, strings.Join(names, ", "))
	}
	for _, f := range chosen {
		if strings.HasPrefix(strings.Split(f.Path, "/")[1], "partial-") {
			return nil, "", fmt.Errorf("the Hub's Parquet copy of configuration %q is only a part of the data (%s)", folder, f.Path)
		}
	}
	return chosen, folder, nil
}
