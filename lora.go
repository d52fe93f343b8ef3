package hone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/hone-ml/hone/lora"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// LoraOptions are the part of a FineTune that trains an adapter, by the names of PEFT's and TRL's arguments. Zero
// means PEFT's default.
type LoraOptions struct {
	Lora              bool     `help:"Train a LoRA adapter and leave the model's own weights as they are: less memory, small files. output_dir then holds an adapter in PEFT's layout."`
	LoraR             int      `help:"Rank of the adapter." default:"8" placeholder:"N"`
	LoraAlpha         float64  `help:"The adapter is scaled by lora_alpha/lora_r." default:"8" placeholder:"X"`
	LoraDropout       float64  `help:"Dropout of what the adapter reads." default:"0" placeholder:"X"`
	LoraTargetModules []string `help:"Layers that get an adapter: the ends of their names, all-linear, or a regular expression. If not given, c_attn of GPT-2, q_proj and v_proj of others." placeholder:"NAME,…"`
	LoraModulesToSave []string `help:"Modules to train whole and save with the adapter, such as lm_head." placeholder:"NAME,…"`
	LoraBias          string   `help:"Biases to train too: none, all or lora_only." default:"none" placeholder:"WHICH"`
	UseRslora         bool     `help:"Scale by lora_alpha/√lora_r, for high ranks."`
	BaseDtype         string   `help:"How the model's own weights are held beside an adapter: auto leaves them as the file has them, float32, bfloat16, or rounded to int8 or int4, which an adapter learns to live with." default:"auto" placeholder:"TYPE"`
	UseDora           bool     `help:"DoRA: learn the length of each output's weights apart from their direction. Often better at low ranks, and slower."`
}

// config returns what the options ask for, on the base model of that name.
func (o *LoraOptions) config(base, revision string) lora.Config {
	c := lora.Defaults()
	c.BaseModel = base
	if revision != "" {
		c.Revision = &revision
	}
	if o.LoraR != 0 {
		c.R = o.LoraR
	}
	if o.LoraAlpha != 0 {
		c.Alpha = o.LoraAlpha
	}
	if o.LoraBias != "" {
		c.Bias = o.LoraBias
	}
	c.Dropout, c.UseRSLoRA, c.UseDoRA, c.ModulesToSave = o.LoraDropout, o.UseRslora, o.UseDora, o.LoraModulesToSave
	c.TargetModules.List = o.LoraTargetModules
	if t := o.LoraTargetModules; len(t) == 1 && (strings.EqualFold(t[0], lora.AllLinear) || strings.ContainsAny(t[0], `\*+?()[]|^$`)) {
		c.TargetModules = lora.Names{Regex: t[0]}
	}
	return c
}

// baseDtype returns how weights that are not trained are held; "" if they are.
func (o *LoraOptions) baseDtype() string {
	if !o.Lora {
		return ""
	}
	return cmp.Or(o.BaseDtype, model.Auto)
}

// checkLora returns an error for options that contradict each other or what stands in output_dir.
func (f *FineTune) checkLora() error {
	c := f.LoraOptions.config("", "")
	if !f.Lora {
		d := lora.Defaults()
		if c.R != d.R || c.Alpha != d.Alpha || c.Bias != d.Bias || c.Dropout != 0 || c.UseRSLoRA || c.UseDoRA || f.LoraTargetModules != nil || f.LoraModulesToSave != nil || f.BaseDtype != "" && f.BaseDtype != model.Auto {
			return errors.New("hone: there are settings of an adapter, but no --lora: add it, or leave them out")
		}
		if lora.Is(f.OutputDir) {
			return fmt.Errorf("hone: output_dir %s holds an adapter, which a whole model can't stand beside; choose another", f.OutputDir)
		}
		return nil
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("hone: %w", err)
	}
	if dtype := f.baseDtype(); dtype != model.Auto {
		if _, err := compute.ParseStorage(dtype); err != nil {
			return fmt.Errorf("hone: base_dtype: %w, or %s", err, model.Auto)
		}
	}
	if f.FromScratch != "" {
		return errors.New("hone: --lora needs a trained model to adapt: give --model instead of --from_scratch")
	}
	if _, err := os.Stat(filepath.Join(f.OutputDir, "config.json")); err == nil {
		return fmt.Errorf("hone: output_dir %s holds a whole model, which an adapter can't stand beside; choose another", f.OutputDir)
	}
	return nil
}

// bf16 reports whether weights are held in bfloat16 while they are trained.
func (f *FineTune) bf16() bool { return f.Dtype == compute.BFloat16.String() }

// checkDtype returns an error for a type that weights can't be trained in.
func (f *FineTune) checkDtype() error {
	switch f.Dtype {
	case "", compute.Float32.String():
	case compute.BFloat16.String():
		if f.Lora {
			return errors.New("hone: dtype bfloat16 is for training all weights, but with --lora they are not trained: give --base_dtype bfloat16 instead")
		}
	default:
		return fmt.Errorf("hone: dtype is %q, but weights are trained in float32 or bfloat16", f.Dtype)
	}
	return nil
}

// attach adds the adapter that is to be trained.
func (j *Job) attach() (err error) {
	if !j.Lora {
		return nil
	}
	name := j.FineTune.Model
	if !onHub(name) { // PEFT looks for it from wherever it is started
		if name, err = filepath.Abs(j.Base); err != nil {
			return fmt.Errorf("hone: %w", err)
		}
	}
	j.Adapter, err = lora.Attach(j.Model, j.LoraOptions.config(name, j.ModelRevision), uint64(j.Seed))
	return err
}

// baseDir returns the folder of the base model of the adapter in dir.
func baseDir(ctx context.Context, h *hub.Client, dir string) (string, error) {
	c, err := lora.LoadConfig(dir)
	if err != nil {
		return "", err
	}
	const remedy = "base_model_name_or_path in its " + lora.ConfigFile + " has to name a whole model: a folder or a name on the Hub"
	if c.BaseModel == "" {
		return "", fmt.Errorf("hone: the adapter in %s does not say what it belongs to: %s", dir, remedy)
	}
	revision := ""
	if c.Revision != nil {
		revision = *c.Revision
	}
	base, err := findModel(ctx, h, c.BaseModel, revision)
	if err != nil {
		return "", fmt.Errorf("hone: the base model of the adapter in %s: %w; %s", dir, err, remedy)
	}
	if lora.Is(base) {
		return "", fmt.Errorf("hone: the adapter in %s belongs to %s, which is an adapter itself: %s", dir, base, remedy)
	}
	return base, nil
}

// An opened model is read from two folders if it is an adapter, else from one.
type opened struct{ dir, base string }

// open finds what belongs to the model in dir. What is in the cache is not asked for on the network.
func open(dir string) (opened, error) {
	if !lora.Is(dir) {
		return opened{dir, dir}, nil
	}
	h, err := hub.New()
	if err != nil {
		return opened{}, err
	}
	cache := &hub.Client{Cache: h.Cache, Offline: true}
	base, err := baseDir(context.Background(), cache, dir)
	if errors.Is(err, hub.ErrOffline) {
		base, err = baseDir(context.Background(), h, dir)
	}
	return opened{dir, base}, err
}

// model loads the weights, with the adapter, nil if there is none, on them.
func (o opened) model() (*model.Model, *lora.Adapter, error) {
	return o.adapt(model.Load(o.base))
}

// adapt loads the adapter, if there is one, onto the weights.
func (o opened) adapt(m *model.Model, err error) (*model.Model, *lora.Adapter, error) {
	if err != nil || o.base == o.dir {
		return m, nil, err
	}
	a, err := lora.Load(o.dir, m)
	return m, a, err
}

// frozen loads the weights as the file has them, where it has them if possible, and prepares an adapter on them for use on
// d, not for training.
func (o opened) frozen(d compute.Device) (*model.Model, error) {
	m, a, err := o.adapt(model.LoadFrozen(o.base, model.Auto))
	if a != nil && err == nil {
		a.Freeze(d)
	}
	return m, err
}

// tokenizer loads the tokenizer: the adapter's, or its base model's if it brings none.
func (o opened) tokenizer() (*tokenizer.Tokenizer, error) { return tokenizer.Load(o.vocabulary()) }

// vocabulary is the folder of the tokenizer.
func (o opened) vocabulary() string {
	for _, file := range []string{"tokenizer.json", "vocab.json"} {
		if _, err := os.Stat(filepath.Join(o.dir, file)); err == nil {
			return o.dir
		}
	}
	return o.base
}

// OpenWhole loads the model in dir and its tokenizer. Of an adapter it makes a whole model, merged with its base.
func OpenWhole(ctx context.Context, h *hub.Client, dir string) (*model.Model, *tokenizer.Tokenizer, error) {
	o := opened{dir, dir}
	if lora.Is(dir) {
		var err error
		if o.base, err = baseDir(ctx, h, dir); err != nil {
			return nil, nil, err
		}
	}
	tok, err := o.tokenizer()
	if err != nil {
		return nil, nil, err
	}
	m, a, err := o.model()
	if err == nil && a != nil {
		err = a.Merge()
	}
	return m, tok, err
}

// Merge adds the adapter in dir to the weights of its base model and writes a whole model, with the tokenizer and
// what makes it a classifier, to output.
func Merge(ctx context.Context, h *hub.Client, dir, output string) error {
	if !lora.Is(dir) {
		return fmt.Errorf("hone: %s is no adapter: it has no %s", dir, lora.ConfigFile)
	}
	if lora.Is(output) {
		return fmt.Errorf("hone: output_dir %s holds an adapter, which a whole model can't stand beside; choose another", output)
	}
	m, tok, err := OpenWhole(ctx, h, dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o777); err != nil {
		return fmt.Errorf("hone: %w", err)
	}
	if err := m.Save(output); err != nil {
		return err
	}
	if err := tok.Save(output); err != nil {
		return err
	}
	return copyFile(output, dir, collate.VerbalizerFile)
}

// copyFile copies a small file between folders, if it is there.
func copyFile(to, from, name string) error {
	b, err := os.ReadFile(filepath.Join(from, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hone: %w", err)
	}
	return disk.WriteFile(filepath.Join(to, name), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
