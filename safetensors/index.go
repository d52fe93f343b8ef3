package safetensors

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The names of transformers for a model's weights.
const (
	SingleFile = "model.safetensors"
	IndexFile  = "model.safetensors.index.json"
)

const maxShards = 10_000

// OpenDir opens the model's tensors in dir as one File: model.safetensors if it is there, else the shards that
// model.safetensors.index.json lists, else a complete set of shards without an index
// (model-00001-of-00001.safetensors, …), as a download of bare files leaves it.
func OpenDir(dir string) (*File, error) {
	single, index := filepath.Join(dir, SingleFile), filepath.Join(dir, IndexFile)
	if _, err := os.Stat(single); !errors.Is(err, fs.ErrNotExist) {
		return Open(single)
	}
	if _, err := os.Stat(index); !errors.Is(err, fs.ErrNotExist) {
		return OpenIndex(index)
	}
	shards, err := bareShards(dir)
	if err != nil {
		return nil, err
	}
	return openShards(dir, dir, shards, nil)
}

// bareShards returns the names of a complete set of shards in dir.
func bareShards(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	var names []string
	of := -1
	for _, e := range entries { // sorted by name
		if _, n, ok := parseShardName(e.Name()); ok {
			if of >= 0 && n != of {
				return nil, fmt.Errorf("safetensors: %s holds shards of several models (%s, %s) and no %s", dir, names[0], e.Name(), IndexFile)
			}
			names, of = append(names, e.Name()), n
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("safetensors: %s holds neither %s nor %s", dir, SingleFile, IndexFile)
	case len(names) != of:
		return nil, fmt.Errorf("safetensors: %s holds %d of %d shards and no %s; is the download complete?", dir, len(names), of, IndexFile)
	}
	return names, nil
}

func shardName(i, n int) string { return fmt.Sprintf("model-%05d-of-%05d.safetensors", i, n) }

// parseShardName undoes shardName.
func parseShardName(name string) (i, n int, ok bool) {
	if _, err := fmt.Sscanf(name, "model-%05d-of-%05d.safetensors", &i, &n); err != nil {
		return 0, 0, false
	}
	return i, n, i >= 1 && i <= n && shardName(i, n) == name
}

// OpenIndex opens the shards that the index file at path lists, as one File. Every tensor that the index lists
// must be in the shard that it names; a tensor that it doesn't list is taken from wherever it is.
func OpenIndex(path string) (*File, error) {
	weightMap, err := readIndex(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	shards := slices.Compact(slices.Sorted(maps.Values(weightMap)))
	return openShards(path, filepath.Dir(path), shards, weightMap)
}

func readIndex(path string) (map[string]string, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxHeader+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxHeader {
		return nil, fmt.Errorf("over the limit of %d bytes for an index", maxHeader)
	}
	return parseIndex(b)
}

// parseIndex returns the index's weight_map, from tensor to file, with file names that are safe to open.
func parseIndex(b []byte) (map[string]string, error) {
	var weights map[string]string
	shards := map[string]bool{}
	err := document(b, func(s *scanner) error {
		return s.object(func(key string) error {
			if key != "weight_map" {
				return s.skip(64)
			}
			if weights != nil {
				return s.errorf("weight_map stands twice")
			}
			weights = map[string]string{}
			return s.object(func(name string) error {
				file, err := s.str()
				if err != nil {
					return fmt.Errorf("weight_map: tensor %s: %w", quote(name), err)
				}
				if _, dup := weights[name]; dup {
					return fmt.Errorf("weight_map: two entries named %s", quote(name))
				}
				if !plainName(file) {
					return fmt.Errorf("weight_map: tensor %s: %s is not a plain name of a .safetensors file in the index's folder", quote(name), quote(file))
				}
				weights[name], shards[file] = file, true
				if len(shards) > maxShards {
					return fmt.Errorf("weight_map: more than %d files", maxShards)
				}
				return nil
			})
		})
	})
	if err == nil && len(weights) == 0 {
		err = errors.New("no weight_map, or an empty one")
	}
	return weights, err
}

// plainName reports whether name is a file right in the folder, on every system.
func plainName(name string) bool {
	return strings.HasSuffix(name, ".safetensors") && name[0] != '.' && len(name) < 256 &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune(`/\:`, r) }) &&
		filepath.IsLocal(name)
}

// openShards maps shards of dir and merges their tensors; weightMap, if any, decides between shards. path is
// what messages name.
func openShards(path, dir string, shards []string, weightMap map[string]string) (_ *File, err error) {
	f := &File{path: path, byName: map[string]int{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	where := map[string]string{}
	for i, shard := range shards {
		h, err := f.mapShard(filepath.Join(dir, shard))
		if err != nil {
			return nil, err
		}
		if i == 0 {
			f.meta = h.meta
		}
		for _, t := range h.tensors {
			if want, listed := weightMap[t.Name]; listed && want != shard {
				continue
			}
			if other, dup := where[t.Name]; dup {
				return nil, fmt.Errorf("safetensors: %s: tensor %s is both in %s and in %s", path, quote(t.Name), other, shard)
			}
			where[t.Name] = shard
			f.add(t, f.maps[i].Bytes()[h.size:])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(weightMap)) {
		if where[name] == "" {
			return nil, fmt.Errorf("safetensors: %s lists tensor %s in %s, which has none of that name", path, quote(name), weightMap[name])
		}
	}
	return f, nil
}
