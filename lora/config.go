package lora

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/hone-ml/hone/internal/disk"
)

// ConfigFile is the name of the file that makes a folder an adapter.
const ConfigFile = "adapter_config.json"

// A Config is adapter_config.json, by PEFT's names. Start from Defaults.
type Config struct {
	R                 int      `json:"r"`
	Alpha             float64  `json:"lora_alpha"`
	Dropout           float64  `json:"lora_dropout"` // of what the adapters read
	TargetModules     Names    `json:"target_modules"`
	ExcludeModules    Names    `json:"exclude_modules"`
	LayersToTransform Layers   `json:"layers_to_transform"` // nil for all
	ModulesToSave     []string `json:"modules_to_save"`     // trained whole and saved with the adapter
	Bias              string   `json:"bias"`                // none, all or lora_only
	UseRSLoRA         bool     `json:"use_rslora"`          // scale by α/√r instead of α/r
	UseDoRA           bool     `json:"use_dora"`            // learn the length of each output's weights apart from their direction
	RankPattern       Pattern  `json:"rank_pattern"`
	AlphaPattern      Pattern  `json:"alpha_pattern"`
	InitWeights       Init     `json:"init_lora_weights"`
	FanInFanOut       bool     `json:"fan_in_fan_out"` // weights are [in, out], as GPT-2's are; Attach sets it
	BaseModel         string   `json:"base_model_name_or_path"`
	Revision          *string  `json:"revision"`
	TaskType          string   `json:"task_type"`
	InferenceMode     bool     `json:"inference_mode"`
	PeftType          string   `json:"peft_type"`

	raw map[string]json.RawMessage // the file as it was read, so that nothing is lost on saving
}

// Defaults returns PEFT's LoraConfig() for a causal language model. Targets are chosen by architecture.
func Defaults() Config {
	return Config{R: 8, Alpha: 8, Bias: "none", InitWeights: "true", TaskType: "CAUSAL_LM", PeftType: "LORA"}
}

// maxConfigBytes bounds adapter_config.json; real ones have about a KiB.
const maxConfigBytes = 1 << 20

// Is reports whether dir is the folder of an adapter.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ConfigFile))
	return err == nil
}

// LoadConfig reads dir/adapter_config.json.
func LoadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, ConfigFile)
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, fmt.Errorf("lora: %w", err)
	}
	if info.Size() > maxConfigBytes {
		return Config{}, fmt.Errorf("lora: %s has %d bytes; an adapter_config.json has about a thousand", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("lora: %w", err)
	}
	c, err := ParseConfig(b)
	if err != nil {
		return Config{}, fmt.Errorf("lora: %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads the bytes of an adapter_config.json and checks that hone can do what they ask for.
func ParseConfig(b []byte) (Config, error) {
	c := Defaults()
	if err := json.Unmarshal(b, &c.raw); err != nil {
		return Config{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if c.raw == nil {
		return Config{}, errors.New("not a JSON object: null")
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return Config{}, err
	}
	for _, name := range unsupported {
		if v, ok := c.raw[name]; ok && !slices.Contains([]string{"null", "false", "{}", "[]"}, string(v)) {
			return Config{}, fmt.Errorf("%s is %s, which is not supported; hone reads plain, rank-stabilized and weight-decomposed LoRA", name, v)
		}
	}
	return c, c.Check()
}

// unsupported are entries that change what an adapter computes.
var unsupported = []string{"use_qalora", "lora_bias", "layer_replication", "layers_pattern", "target_parameters",
	"trainable_token_indices", "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "velora_config", "use_bdlora"}

// Check refuses values that no adapter has.
func (c *Config) Check() error {
	const most = 1 << 16
	switch {
	case c.PeftType != "LORA":
		return fmt.Errorf("peft_type is %q; hone reads LORA", c.PeftType)
	case c.R < 1 || c.R > most:
		return fmt.Errorf("r is %d; expected 1 to %d, such as 8", c.R, most)
	case math.IsNaN(c.Alpha) || math.IsInf(c.Alpha, 0):
		return fmt.Errorf("lora_alpha is %g; expected a number such as 16", c.Alpha)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return fmt.Errorf("lora_dropout is %g; expected 0 to less than 1", c.Dropout)
	case !slices.Contains([]string{"none", "all", "lora_only"}, c.Bias):
		return fmt.Errorf("bias is %q; expected none, all or lora_only", c.Bias)
	case c.TargetModules.Regex != "" && c.LayersToTransform != nil:
		return errors.New("layers_to_transform needs target_modules as a list, not as a regular expression")
	}
	for _, r := range c.RankPattern {
		if r.Value != math.Trunc(r.Value) || r.Value < 1 || r.Value > most {
			return fmt.Errorf("rank_pattern makes %s %g; expected 1 to %d", r.Module, r.Value, most)
		}
	}
	for _, p := range []Names{c.TargetModules, c.ExcludeModules, {List: c.ModulesToSave}} {
		if err := p.check(); err != nil {
			return err
		}
	}
	if err := c.RankPattern.check(); err != nil {
		return err
	}
	if err := c.AlphaPattern.check(); err != nil {
		return err
	}
	return c.InitWeights.check()
}

// same returns an error unless o means the same adapter as c, wherever and on whatever it was trained.
func (c *Config) same(o *Config) error {
	mine, err := entries(c)
	if err != nil {
		return err
	}
	theirs, err := entries(o)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(mine)) {
		switch name {
		case "base_model_name_or_path", "revision", "inference_mode", "init_lora_weights", "task_type":
		default:
			if !bytes.Equal(mine[name], theirs[name]) {
				return fmt.Errorf("%s is %s there, but %s now; use the same settings", name, theirs[name], mine[name])
			}
		}
	}
	return nil
}

// JSON returns adapter_config.json in PEFT's formatting: what was read, with what has changed since.
func (c *Config) JSON() ([]byte, error) {
	now, err := entries(c)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(c.raw)
	if all == nil {
		all = map[string]json.RawMessage{"auto_mapping": json.RawMessage("null")}
	} else if was, err := c.unchanged(); err == nil {
		maps.DeleteFunc(now, func(name string, v json.RawMessage) bool { return bytes.Equal(v, was[name]) })
	}
	maps.Copy(all, now)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(all); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// unchanged returns the entries as they would be written had nothing changed since they were read.
func (c *Config) unchanged() (map[string]json.RawMessage, error) {
	b, err := json.Marshal(c.raw)
	if err != nil {
		return nil, err
	}
	was, err := ParseConfig(b)
	if err != nil {
		return nil, err
	}
	return entries(&was)
}

// entries returns the fields of c by name.
func entries(c *Config) (m map[string]json.RawMessage, err error) {
	b, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return m, err
}

// save writes the file into dir.
func (c *Config) save(dir string) error {
	b, err := c.JSON()
	if err != nil {
		return fmt.Errorf("lora: %s: %w", ConfigFile, err)
	}
	return disk.WriteFile(filepath.Join(dir, ConfigFile), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
