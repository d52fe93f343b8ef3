package lora

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
)

// WeightsFile is the name of the file with an adapter's weights.
const WeightsFile = "adapter_model.safetensors"

// Save writes adapter_config.json and adapter_model.safetensors to dir, which must exist, so that PEFT loads them.
// Each file is written whole or not at all.
func (a *Adapter) Save(dir string) error {
	var all []safetensors.Tensor
	for _, t := range a.tensors {
		all = append(all, t.Entry(safetensors.F32))
	}
	if err := safetensors.Write(filepath.Join(dir, WeightsFile), all, map[string]string{"format": "pt"}); err != nil {
		return fmt.Errorf("lora: %w", err)
	}
	c := a.Config
	c.InferenceMode = true
	return c.save(dir)
}

// Load adds the adapter in dir, a folder of PEFT's, to m and enables it.
func Load(dir string, m *model.Model) (*Adapter, error) {
	c, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	c.fill(m)
	p, err := c.plan(m)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, filepath.Join(dir, ConfigFile))
	}
	f, err := openWeights(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := p.fits(f, c, m); err != nil { // before anything is allocated
		return nil, fmt.Errorf("lora: %s: %w", dir, err)
	}
	a := build(m, c, p)
	if err := a.read(f); err != nil {
		m.RemoveParams(a.params)
		return nil, fmt.Errorf("lora: %s: %w", dir, err)
	}
	a.Enable()
	return a, nil
}

// LoadWeights replaces the weights of a by those of the adapter in dir, such as a checkpoint of a's own training,
// which must have the same settings.
func (a *Adapter) LoadWeights(dir string) error {
	c, err := LoadConfig(dir)
	if err != nil {
		return err
	}
	c.fill(a.model)
	if err := a.Config.same(&c); err != nil {
		return fmt.Errorf("lora: %s: %w", filepath.Join(dir, ConfigFile), err)
	}
	f, err := openWeights(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := a.read(f); err != nil {
		return fmt.Errorf("lora: %s: %w", dir, err)
	}
	return nil
}

func openWeights(dir string) (*safetensors.File, error) {
	path := filepath.Join(dir, WeightsFile)
	f, err := safetensors.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, e := os.Stat(filepath.Join(dir, "adapter_model.bin")); e == nil {
			return nil, fmt.Errorf("lora: %s has its weights in adapter_model.bin, a format that can run code when read; convert it to %s", dir, WeightsFile)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lora: %w", err)
	}
	return f, nil
}

// fits returns an error unless the adapters in f have the sizes that c and m ask for.
func (p *plan) fits(f *safetensors.File, c Config, m *model.Model) error {
	for _, t := range p.targets {
		in, out := t.module.Linear.W.W.Cols, t.module.Hi-t.module.Lo
		type want struct {
			suffix string
			shape  []int
		}
		wants := []want{{".lora_A.weight", []int{t.r, in}}, {".lora_B.weight", []int{out, t.r}}}
		if c.UseDoRA {
			wants = append(wants, want{".lora_magnitude_vector", []int{out}})
		}
		for _, x := range wants {
			name := prefix + t.module.Name + x.suffix
			info, ok := f.Info(name)
			if !ok {
				return fmt.Errorf("%s lacks %s, which target_modules %s asks for in a %s with %d layers: the adapter belongs to another model%s", WeightsFile, name, c.TargetModules, m.Config.ModelType, m.Config.Layers, c.base())
			}
			if !slices.Equal(info.Shape, x.shape) {
				return fmt.Errorf("%s is %v, but r %d on this model, which maps %d to %d, makes it %v: the adapter belongs to another model%s", name, info.Shape, t.r, in, out, x.shape, c.base())
			}
		}
	}
	return nil
}

// base tells people what the adapter was trained on.
func (c *Config) base() string {
	if c.BaseModel == "" {
		return ""
	}
	return ", " + c.BaseModel
}

// read fills all weights from f, which must have no others.
func (a *Adapter) read(f *safetensors.File) error {
	used := map[string]bool{}
	for _, t := range a.tensors {
		name := t.Name
		if _, ok := f.Info(name); !ok {
			name = strings.Replace(name, ".base_layer.", ".", 1) // as earlier releases call it
		}
		if err := t.Read(f, name); err != nil {
			return err
		}
		used[name] = true
	}
	for _, name := range f.Names() {
		// With bias all PEFT saves the biases of modules_to_save three times.
		again := strings.Contains(name, ".modules_to_save.") || strings.Contains(name, ".original_module.")
		if !used[name] && !again {
			return fmt.Errorf("there is no place in this model for %s: the adapter belongs to another model%s", name, a.Config.base())
		}
	}
	return nil
}
