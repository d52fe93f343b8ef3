package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/internal/disk"
)

// DefaultShardSize is the most bytes of tensors in one file when WriteDir is given 0.
const DefaultShardSize = 5_000_000_000

// WriteDir writes a model's tensors to dir, which must exist, as transformers does: to model.safetensors if
// they fit maxShard bytes, else to shards (model-00001-of-00002.safetensors, …) and then their index. Tensors
// fill shards in the order given; one that is larger than maxShard gets a shard of its own. A maxShard of 0
// means DefaultShardSize. Files of an earlier model that would be in the way are removed last.
//
// Every file is written whole or not at all. Replacing a sharded model in place is not one step, though: for
// that, fill a new folder through disk.WriteDir.
func WriteDir(dir string, tensors []Tensor, metadata map[string]string, maxShard int64) error {
	if maxShard < 0 {
		return fmt.Errorf("safetensors: a shard size of %d is negative", maxShard)
	}
	if maxShard == 0 {
		maxShard = DefaultShardSize
	}
	if err := checkTensors(tensors); err != nil {
		return fmt.Errorf("safetensors: %s: %w", dir, err)
	}
	shards, ix := split(tensors, maxShard)
	if err := disk.Need(dir, ix.Metadata.Size); err != nil {
		return err
	}
	keep := map[string]bool{}
	for i, shard := range shards {
		name := SingleFile
		if len(shards) > 1 {
			name = shardName(i+1, len(shards))
		}
		if err := Write(filepath.Join(dir, name), shard, metadata); err != nil {
			return err
		}
		keep[name] = true
		for _, t := range shard {
			ix.WeightMap[t.Name] = name
		}
	}
	if len(shards) > 1 {
		if err := ix.write(filepath.Join(dir, IndexFile)); err != nil {
			return err
		}
		keep[IndexFile] = true
	}
	return removeOther(dir, keep)
}

// index is the content of an index file. Fields stand in the order of their names.
type index struct {
	Metadata struct {
		Parameters int64 `json:"total_parameters"`
		Size       int64 `json:"total_size"`
	} `json:"metadata"`
	WeightMap map[string]string `json:"weight_map"`
}

func (ix *index) write(path string) error {
	return disk.WriteFile(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(ix)
	})
}

// split distributes tensors, which were checked, over shards as huggingface_hub does: a tensor over the limit
// takes the next number at once, before the shard that is being filled.
func split(tensors []Tensor, maxShard int64) (shards [][]Tensor, ix index) {
	ix.WeightMap = map[string]string{}
	var current []Tensor
	size := int64(0)
	for _, t := range tensors {
		bytes, _ := byteSize(t.Dtype, t.Shape)
		elems, _ := elements(t.Shape)
		n := int64(bytes)
		ix.Metadata.Size += n
		ix.Metadata.Parameters += int64(elems)
		if n > maxShard {
			shards = append(shards, []Tensor{t})
			continue
		}
		if size+n > maxShard {
			shards = append(shards, current)
			current, size = nil, 0
		}
		current, size = append(current, t), size+n
	}
	if len(current) > 0 || len(shards) == 0 {
		shards = append(shards, current)
	}
	return shards, ix
}

// removeOther removes a former model's files from dir but for those to keep. The single file goes first: OpenDir
// would prefer it to the new index.
func removeOther(dir string, keep map[string]bool) error {
	names := []string{SingleFile, IndexFile}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for _, e := range entries {
		if _, _, ok := parseShardName(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		if keep[name] {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("safetensors: %w", err)
		}
	}
	return nil
}
