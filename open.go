package hone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/dataset"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/lora"
)

// ModelDir returns the folder of a model: name itself if there is such a folder, else the Hub's model of that
// name, downloaded into the cache unless it is there. If it is an adapter, its base model is there too.
func ModelDir(ctx context.Context, h *hub.Client, name, revision string) (string, error) {
	dir, err := findModel(ctx, h, name, revision)
	if err == nil && lora.Is(dir) {
		_, err = baseDir(ctx, h, dir)
	}
	return dir, err
}

// findModel returns the folder of a model or of an adapter.
func findModel(ctx context.Context, h *hub.Client, name, revision string) (string, error) {
	if dir, ok, err := here(h, hub.Model, name); ok || err != nil {
		if strings.EqualFold(filepath.Ext(dir), ".gguf") {
			err = fmt.Errorf("hone: %s is a GGUF file; turn it into a folder first: hone import %s DIR", dir, dir)
		}
		return dir, err
	}
	dir, err := h.Model(ctx, hub.Repo{ID: name, Revision: revision})
	if err != nil && !strings.Contains(name, "/") {
		err = fmt.Errorf("%w (there is no folder %s here, so it was taken for a name on the Hub)", err, name)
	}
	return dir, err
}

// LoadDataset reads a data set: name itself if there is such a file or folder, else the Hub's of that name.
func LoadDataset(ctx context.Context, h *hub.Client, name, revision string, o dataset.Options) (dataset.Dict, error) {
	path, ok, err := here(h, hub.Dataset, name)
	if err != nil {
		return nil, err
	}
	if !ok && isFile(name) {
		return nil, fmt.Errorf("hone: there is no file %s", name)
	}
	if !ok {
		if path, err = h.Dataset(ctx, hub.Repo{ID: name, Revision: revision}, o.Config); err != nil {
			return nil, err
		}
	}
	return dataset.Load(path, o)
}

// here is local, but for names that the program carries, which are never paths: a folder of that name is ./name.
func here(h *hub.Client, kind hub.Kind, name string) (path string, ok bool, err error) {
	if h.Carries(kind, name) {
		return "", false, nil
	}
	return local(name)
}

// local tells whether name is a path. A name that can only be one, but isn't there, is an error, so that a typing
// mistake is not looked up on the Hub.
func local(name string) (path string, ok bool, err error) {
	if name == "" {
		return "", false, errors.New("hone: an empty name: give a folder or a name on the Hub")
	}
	path = name
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", false, fmt.Errorf("hone: %w", err)
		}
		path = filepath.Join(home, rest)
	}
	_, err = os.Stat(path)
	switch {
	case err == nil:
		return path, true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, fmt.Errorf("hone: %w", err)
	case path != name || filepath.IsAbs(name) || strings.HasPrefix(name, ".") || strings.Count(filepath.ToSlash(name), "/") > 1 || strings.ContainsRune(name, '\\'):
		return "", false, fmt.Errorf("hone: there is no file or folder %s", path)
	}
	return "", false, nil
}

// isFile reports whether name can only be that of a data file.
func isFile(name string) bool {
	switch filepath.Ext(name) {
	case ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gz", ".zst":
		return true
	}
	return false
}

// TokenizerDir returns the folder of a tokenizer: name itself if there is such a folder, else the Hub's model of
// that name, of which only the tokenizer's files are downloaded.
func TokenizerDir(ctx context.Context, h *hub.Client, name string) (string, error) {
	if dir, ok, err := here(h, hub.Model, name); ok || err != nil {
		return dir, err
	}
	return h.Snapshot(ctx, hub.Repo{ID: name}, hub.Match("tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template*", "config.json"))
}

// onHub reports whether name is a name on the Hub and not a path.
func onHub(name string) bool {
	_, isPath, err := local(name)
	return !isPath && err == nil
}
