// Package checkpoint keeps and finds the states of a training run: the folders checkpoint-N of Hugging Face's
// Trainer, with the model, the optimizer's moments, trainer_state.json and all that a run needs to go on.
//
// A checkpoint is written beside its place and renamed, so that a crash or a full disk never leaves half of one. Its
// last file, checkpoint.json, lists all others with their sizes: a folder that was copied in part is found out.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/optim"
)

// The files of a checkpoint besides the model's own.
const (
	stateFile     = "trainer_state.json"
	argsFile      = "training_args.json"
	optimizerFile = "optimizer.safetensors"
	positionFile  = "resume.json"
	manifestFile  = "checkpoint.json"
)

// Content is what a checkpoint holds.
type Content struct {
	Save      func(dir string) error // writes the model's files
	State     *State
	Args      any          // training_args.json
	Position  *Position    // nil, like Optimizer, if only the model is kept
	Optimizer *optim.AdamW // nil if only the model is kept
	Bytes     int64        // about how much room all that takes
}

// manifest is checkpoint.json.
type manifest struct {
	Step  int              `json:"step"`
	Files map[string]int64 `json:"files"`
}

// Dir returns the folder of the checkpoint of a step.
func Dir(output string, step int) string {
	return filepath.Join(output, "checkpoint-"+strconv.Itoa(step))
}

// Write writes the checkpoint of c.State.GlobalStep into output and returns its folder. It is whole on the device
// when Write returns nil; otherwise what was there before is untouched.
func Write(output string, c Content) (string, error) {
	dir := Dir(output, c.State.GlobalStep)
	if err := disk.Need(output, c.Bytes); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.MkdirAll(output, 0o777); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	err := disk.WriteDir(dir, func(tmp string) error {
		if err := c.Save(tmp); err != nil {
			return err
		}
		if c.Optimizer != nil {
			if err := writeOptimizer(filepath.Join(tmp, optimizerFile), c.Optimizer); err != nil {
				return err
			}
		}
		if c.Position != nil {
			if err := write(tmp, positionFile, append(Marshal(c.Position, 2), '\n')); err != nil {
				return err
			}
		}
		args, err := json.MarshalIndent(c.Args, "", "  ")
		if err != nil {
			return err
		}
		if err := errors.Join(write(tmp, argsFile, append(args, '\n')), write(tmp, stateFile, c.State.Bytes())); err != nil {
			return err
		}
		m, err := list(tmp, c.State.GlobalStep)
		if err != nil {
			return err
		}
		return write(tmp, manifestFile, append(Marshal(m, 2), '\n'))
	})
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return dir, nil
}

func write(dir, name string, b []byte) error { return os.WriteFile(filepath.Join(dir, name), b, 0o666) }

// list makes the manifest of dir.
func list(dir string, step int) (manifest, error) {
	m := manifest{step, map[string]int64{}}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		m.Files[filepath.ToSlash(name)] = info.Size()
		return err
	})
	return m, err
}

// Check returns an error unless the checkpoint is whole. One without a manifest, as transformers writes it, must
// have trainer_state.json, which comes last there.
func Check(dir string) error {
	b, err := readSmall(filepath.Join(dir, manifestFile), 16<<20)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, stateFile)); err != nil {
			return fmt.Errorf("checkpoint: %s is not a whole checkpoint: it has no %s", dir, stateFile)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("checkpoint: %s: %w", filepath.Join(dir, manifestFile), err)
	}
	for name, size := range m.Files {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("checkpoint: %s lists %q, which is not in its folder", filepath.Join(dir, manifestFile), name)
		}
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			return fmt.Errorf("checkpoint: %s is not whole: %w", dir, err)
		case info.Size() != size:
			return fmt.Errorf("checkpoint: %s is not whole: %s has %d bytes of %d", dir, name, info.Size(), size)
		}
	}
	return nil
}

var dirName = regexp.MustCompile(`^checkpoint-(\d{1,15})$`)

// Steps returns the steps of the checkpoints in output in increasing order, whole or not.
func Steps(output string) ([]int, error) {
	entries, err := os.ReadDir(output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var steps []int
	for _, e := range entries {
		if m := dirName.FindStringSubmatch(e.Name()); m != nil && e.IsDir() {
			n, _ := strconv.Atoi(m[1])
			if Dir("", n) == e.Name() {
				steps = append(steps, n)
			}
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// Last returns the folder of the last whole checkpoint in output, or "" if there is none.
func Last(output string) (string, error) {
	steps, err := Steps(output)
	for _, n := range slices.Backward(steps) {
		if dir := Dir(output, n); Check(dir) == nil {
			return dir, nil
		}
	}
	return "", err
}

// Rotate removes the oldest checkpoints in output until limit are left. That of step newest and best, a folder or
// "", stay. Steps beyond newest are of an earlier run, and go first.
func Rotate(output string, limit, newest int, best string) error {
	steps, err := Steps(output)
	if err != nil {
		return err
	}
	slices.SortStableFunc(steps, func(a, b int) int {
		if (a > newest) != (b > newest) {
			return b - a
		}
		return a - b
	})
	kept := func(n int) bool { return n == newest || best != "" && Dir(output, n) == filepath.Clean(best) }
	left := len(steps)
	for _, n := range steps {
		if left > limit && !kept(n) {
			if err := Remove(Dir(output, n)); err != nil {
				return err
			}
			left--
		}
	}
	return nil
}

// Remove deletes a checkpoint. One that could be removed only in part is not taken for a whole one.
func Remove(dir string) error {
	// Without its state a checkpoint is none, whoever wrote it.
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// Saved is a checkpoint that was found.
type Saved struct {
	Dir      string
	State    *State
	Args     json.RawMessage // training_args.json; nil if transformers wrote it
	Position *Position       // nil if transformers wrote it, or only the model was kept
}

// Load reads the small files of the checkpoint in dir.
func Load(dir string) (*Saved, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("checkpoint: no folder %s; give a folder checkpoint-N, or true for the last one", dir)
	}
	if err := Check(dir); err != nil {
		return nil, err
	}
	b, err := readSmall(filepath.Join(dir, stateFile), 1<<30)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	s := &Saved{Dir: dir}
	if s.State, err = ParseState(b); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", filepath.Join(dir, stateFile), err)
	}
	if err := s.State.check(); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", filepath.Join(dir, stateFile), err)
	}
	if b, err = readSmall(filepath.Join(dir, argsFile), 16<<20); err == nil {
		s.Args = b
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	b, err = readSmall(filepath.Join(dir, positionFile), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	s.Position = &Position{}
	if err := unmarshal(b, s.Position); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", filepath.Join(dir, positionFile), err)
	}
	if s.Position.Version != Version {
		return nil, fmt.Errorf("checkpoint: %s has version %d, and this program reads %d", filepath.Join(dir, positionFile), s.Position.Version, Version)
	}
	if err := s.Position.check(s.State); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", filepath.Join(dir, positionFile), err)
	}
	return s, nil
}

// readSmall reads a file that must not be larger than most.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return b, err
}
