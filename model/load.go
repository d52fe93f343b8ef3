package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// Load reads a model from a folder in Hugging Face layout: config.json and model.safetensors, in one file or in
// shards, in float32, float16 or bfloat16. Its weights are float32 in memory of their own.
func Load(dir string) (*Model, error) { return loadOwn(dir, false) }

// LoadBF16 is Load of weights that are rounded to bfloat16 and trained so: see HoldBF16.
func LoadBF16(dir string) (*Model, error) { return loadOwn(dir, true) }

func loadOwn(dir string, bf16 bool) (*Model, error) {
	m, f, err := openModel(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m.bf16 = bf16
	m.allocate()
	if m.Unused, err = m.read(f, dir); err != nil {
		return nil, err
	}
	return m, nil
}

// openModel builds the model that dir describes, without memory for its weights, and opens the file that has them.
func openModel(dir string) (*Model, *safetensors.File, error) {
	c, err := LoadConfig(dir)
	if err != nil {
		return nil, nil, err
	}
	f, err := openWeights(dir)
	if err != nil {
		return nil, nil, err
	}
	if err := holds(f, dir, c); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	m := build(c)
	if b, err := readSmall(filepath.Join(dir, "generation_config.json")); err == nil {
		m.files["generation_config.json"] = b
	}
	return m, f, nil
}

// LoadWeights replaces the weights of m by those in dir, which must be of the same architecture and sizes.
func (m *Model) LoadWeights(dir string) error {
	if m.frozen {
		return errFrozen
	}
	f, err := openWeights(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = m.read(f, dir)
	return err
}

func openWeights(dir string) (*safetensors.File, error) {
	f, err := safetensors.OpenDir(dir)
	if err == nil {
		return f, nil
	}
	for _, old := range []string{"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "model.ckpt.index"} {
		if _, e := os.Stat(filepath.Join(dir, old)); e == nil {
			return nil, fmt.Errorf("model: %s has its weights in %s only, a format that can run code when read; convert it to model.safetensors", dir, old)
		}
	}
	return nil, err
}

// holds refuses, before anything is allocated, a config that describes more weights than there are.
func holds(f *safetensors.File, dir string, c *Config) error {
	var n int64
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		n += int64(info.Elements())
	}
	if want := c.NumParams(); want > n {
		return fmt.Errorf("model: config.json in %s describes %d weights, but its safetensors files hold %d: they belong to different models", dir, want, n)
	}
	return nil
}

// read fills the parameters from f and returns the names that it had no use for.
func (m *Model) read(f *safetensors.File, dir string) (unused []string, err error) {
	names, unused, err := m.match(f, dir)
	if err != nil {
		return nil, err
	}
	var reads []func() error
	var scratch sync.Pool // see LoadFrozen
	for i, t := range m.tensors {
		reads = append(reads, func() error {
			defer f.Forget(names[i])
			return t.read(f, names[i], &scratch)
		})
	}
	err = parallel(reads)
	if m.bf16 {
		m.roundVectors()
	}
	return unused, err
}

// match finds the tensors of the table in f: their names there, and those that it has no use for.
func (m *Model) match(f *safetensors.File, dir string) (names, unused []string, err error) {
	used := map[string]bool{}
	var missing []string
	for _, t := range m.tensors {
		name := t.Name
		info, ok := f.Info(name)
		if !ok {
			name = t.baseName()
			info, ok = f.Info(name)
		}
		if !ok {
			missing = append(missing, t.Name)
			continue
		}
		used[name] = true
		names = append(names, name)
		if !slices.Equal(info.Shape, t.Shape()) {
			return nil, nil, fmt.Errorf("model: %s: tensor %s is %v, but config.json makes it %v", dir, name, info.Shape, t.Shape())
		}
	}
	if len(missing) > 0 {
		return nil, nil, fmt.Errorf("model: %s lacks %d tensors of a %s, such as %s", dir, len(missing), m.Config.ModelType, missing[0])
	}
	for _, name := range f.Names() {
		if !used[name] && !derived(name) {
			unused = append(unused, name)
		}
	}
	return names, unused, nil
}

// parallel runs each of work on one of the processors and returns what went wrong.
func parallel(work []func() error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, len(work))
	for range min(runtime.GOMAXPROCS(0), len(work)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(work); i = next.Add(1) - 1 {
				errs[i] = work[i]()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// derived reports whether a tensor holds nothing that the model does not compute: causal masks and rotary
// frequencies of old checkpoints, and the copy of a tied embedding.
func derived(name string) bool {
	for _, suffix := range []string{".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq", "lm_head.weight"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// read fills the tensor's part of its parameter.
func (t Tensor) read(f *safetensors.File, name string, scratch *sync.Pool) error {
	if t.P.Stored != nil {
		return t.readStored(f, name, scratch)
	}
	return t.readInto(t.View(t.P.W), f, name)
}

// readInto fills dst, which has the tensor's rows.
func (t Tensor) readInto(dst compute.Mat, f *safetensors.File, name string) error {
	if !t.Transpose {
		return readFloats(dst.Flat(), func(v []float32) error { return f.ReadFloat32(v, name) })
	}
	const rows = 64 // of the file at a time, so that writes to dst fill cache lines
	part := compute.NewMat(rows, dst.Rows)
	for lo := 0; lo < dst.Cols; lo += rows {
		n := min(rows, dst.Cols-lo)
		part := part.RowSpan(0, n)
		err := readFloats(part.Flat(), func(v []float32) error { return f.ReadFloat32Rows(v, name, lo, lo+n) })
		if err != nil {
			return err
		}
		transpose(dst.Span(lo, lo+n), part)
	}
	return nil
}

// transpose sets dst to srcᵀ, eight columns of src at a time: its rows are often a multiple of 4 KiB apart, where the nearest
// cache holds no more than a dozen of them at once.
func transpose(dst, src compute.Mat) {
	j := 0
	for ; j+8 <= src.Cols; j += 8 {
		d0, d1, d2, d3 := dst.Row(j), dst.Row(j+1), dst.Row(j+2), dst.Row(j+3)
		d4, d5, d6, d7 := dst.Row(j+4), dst.Row(j+5), dst.Row(j+6), dst.Row(j+7)
		for i := range src.Rows {
			s := (*[8]nn.Float)(src.Row(i)[j:])
			d0[i], d1[i], d2[i], d3[i] = s[0], s[1], s[2], s[3]
			d4[i], d5[i], d6[i], d7[i] = s[4], s[5], s[6], s[7]
		}
	}
	for ; j < src.Cols; j++ {
		for i, d := 0, dst.Row(j); i < src.Rows; i++ {
			d[i] = src.Row(i)[j]
		}
	}
}

// readFloats lets read fill dst, by way of float32 where dst is wider.
func readFloats(dst []nn.Float, read func([]float32) error) error {
	if v, ok := any(dst).([]float32); ok {
		return read(v)
	}
	v := make([]float32, len(dst))
	if err := read(v); err != nil {
		return err
	}
	for i, e := range v {
		dst[i] = nn.Float(e)
	}
	return nil
}

// readSmall reads a file of at most a few MiB.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxConfigBytes {
		return nil, fmt.Errorf("model: %s has %d bytes, far more than such a file needs", path, info.Size())
	}
	return os.ReadFile(path)
}

// Shapes returns the table of tensors of the model that the config.json in dir describes, none of which has memory.
func Shapes(dir string) ([]Tensor, error) {
	c, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	return build(c).tensors, nil
}
