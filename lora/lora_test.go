package lora

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// whatever fills every weight of a with numbers of its own, so that nothing stays as the base has it.
func whatever(a *Adapter) {
	for _, p := range a.params {
		for i := range p.W.Data {
			p.W.Data[i] += 0.1 * nn.Float(i%7-3)
		}
	}
}

// The same adapter is trained, saved, loaded, switched off and on, and merged: all that computes with it agrees.
func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		base string
		set  func(*Config)
	}{
		{"gpt2", func(c *Config) { c.ModulesToSave, c.Bias = []string{"wte"}, "lora_only" }},
		{"gpt2", func(c *Config) {
			c.ModulesToSave, c.TargetModules = []string{"mlp", "ln_f"}, Names{Regex: `.*\.attn\.c_.*`}
		}},
		{"gpt2", func(c *Config) { c.UseDoRA, c.Bias = true, "lora_only" }},
		{"qwen2", func(c *Config) { c.UseDoRA, c.InitWeights = true, "false" }},
		{"llama", func(c *Config) { c.ModulesToSave = []string{"lm_head", "embed_tokens", "norm"} }},
		{"llama-rope3", func(c *Config) { c.ModulesToSave = []string{"lm_head"} }}, // tied
		{"llama-rope3", func(c *Config) { c.ModulesToSave = []string{"embed_tokens"} }},
		{"llama-yarn", func(c *Config) { c.Bias, c.ExcludeModules.List = "all", []string{"layers.0.self_attn.q_proj"} }},
		{"qwen2", func(c *Config) { c.Bias, c.TargetModules.Regex = "lora_only", AllLinear }},
		{"qwen3", func(c *Config) {
			c.TargetModules.List, c.LayersToTransform = []string{"k_proj", "down_proj"}, Layers{1}
		}},
		{"mistral", func(c *Config) { c.InitWeights, c.RankPattern = "gaussian", Pattern{{"v_proj", 3}, {"layers.0.*", 2}} }},
	} {
		m := base(t, c.base)
		config := Defaults()
		c.set(&config)
		t.Run(fmt.Sprint(c.base, config.TargetModules, config.ModulesToSave, config.Bias), func(t *testing.T) {
			ex, _ := open(t, filepath.Join(fixtures.Dir(t, "gpt2"), "fixture.safetensors")).examples()
			plain := logits(m, ex)
			a, err := Attach(m, config, 1)
			if err != nil {
				t.Fatal(err)
			}
			whatever(a)
			dir := t.TempDir()
			if err := a.Save(dir); err != nil {
				t.Fatal(err)
			}
			if err := a.LoadWeights(dir); err != nil { // which rounds them to float32
				t.Fatal(err)
			}
			adapted := logits(m, ex)
			if slices.Equal(plain[0], adapted[0]) {
				t.Fatal("the adapter changes nothing")
			}
			a.Disable()
			if got := logits(m, ex); !slices.EqualFunc(got, plain, slices.Equal) {
				t.Error("disabled, the adapter is still there")
			}
			other := base(t, c.base)
			b, err := Load(dir, other)
			if err != nil {
				t.Fatal(err)
			}
			if got := logits(other, ex); !slices.EqualFunc(got, adapted, slices.Equal) {
				t.Error("loaded, the adapter computes something else")
			}
			if err := b.Merge(); err != nil {
				t.Fatal(err)
			}
			whole := t.TempDir()
			if err := other.Save(whole); err != nil {
				t.Fatal(err)
			}
			merged, err := model.Load(whole)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range logits(merged, ex) {
				within1e5(t, got, adapted[i])
			}
		})
	}
}

// within1e5 fails unless got is within 1e-5 of want, relative to the largest element.
func within1e5(t *testing.T, got, want []float32) {
	t.Helper()
	var top, diff float32
	for i, w := range want {
		top, diff = max(top, w, -w), max(diff, got[i]-w, w-got[i])
	}
	if !(diff <= 1e-5*top) {
		t.Errorf("merged logits differ by %g of %g", diff, top)
	}
}

func TestSet(t *testing.T) {
	m := base(t, "gpt2")
	ex, _ := open(t, filepath.Join(fixtures.Dir(t, "gpt2"), "fixture.safetensors")).examples()
	plain := logits(m, ex)
	s := NewSet(m)
	dirs := []string{fixtures.Dir(t, "lora-gpt2"), filepath.Join(fixtures.Dir(t, "lora-trainer/gpt2"), "end")}
	for i, name := range []string{"one", "two"} {
		if err := s.Load(name, dirs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if s.Active() != "" || !slices.EqualFunc(logits(m, ex), plain, slices.Equal) {
		t.Error("a loaded adapter is active before it is used")
	}
	for _, name := range []string{"two", "one", "two", "", "one"} {
		if err := s.Use(name); err != nil {
			t.Fatal(err)
		}
		want := plain
		if i := slices.Index(s.Names(), name); i >= 0 {
			alone := base(t, "gpt2")
			if _, err := Load(dirs[i], alone); err != nil {
				t.Fatal(err)
			}
			want = logits(alone, ex)
		}
		if !slices.EqualFunc(logits(m, ex), want, slices.Equal) {
			t.Errorf("%q computes something else than it does alone", name)
		}
	}
	if err := s.Use("three"); err == nil || !strings.Contains(err.Error(), `there is no adapter "three"; there are ["one" "two"]`) {
		t.Error(err)
	}
	if err := s.Load("one", dirs[0]); err == nil {
		t.Error("two adapters of one name")
	}
	if err := s.Load("three", fixtures.Dir(t, "lora-llama")); err == nil || s.Active() != "one" {
		t.Errorf("%v, active %q", err, s.Active())
	}
}

func TestAttachErrors(t *testing.T) {
	for _, c := range []struct {
		base string
		set  func(*Config)
		want string
	}{
		{"gpt2", func(c *Config) { c.R = 0 }, "r is 0"},
		{"gpt2", func(c *Config) { c.Dropout = 1 }, "lora_dropout is 1"},
		{"gpt2", func(c *Config) { c.Bias = "some" }, `bias is "some"`},
		{"gpt2", func(c *Config) { c.InitWeights = "pissa" }, `init_lora_weights is "pissa"`},
		{"gpt2", func(c *Config) { c.InitWeights = "eva" }, "true, false or gaussian"},
		{"gpt2", func(c *Config) { c.TargetModules.List = []string{"q_proj"} }, "chooses nothing of this gpt2 with 3 layers; its linear layers are c_attn, c_fc, c_proj"},
		{"gpt2", func(c *Config) { c.TargetModules.List = []string{"c_attn", "wte"} }, "chooses transformer.wte"},
		{"llama", func(c *Config) { c.TargetModules.Regex = ".*" }, "which can't have an adapter here"},
		{"llama", func(c *Config) { c.TargetModules.Regex = "(" }, "not a regular expression"},
		{"llama", func(c *Config) { c.TargetModules.Regex = "(?!a)b" }, "list the modules by name"},
		{"llama", func(c *Config) { c.ModulesToSave = []string{"score"} }, `modules_to_save has "score"`},
		{"llama", func(c *Config) { c.ModulesToSave = []string{"k_proj"} }, "choose all of q_proj, k_proj and v_proj, or none"},
		{"llama", func(c *Config) { c.ModulesToSave = []string{""} }, "an empty name"},
		{"qwen2", func(c *Config) { c.Bias = "lora_only" }, "choose all of q_proj, k_proj and v_proj, or none"},
		{"llama", func(c *Config) { c.LayersToTransform = Layers{3} }, "chooses nothing"},
	} {
		m := base(t, c.base)
		n := len(m.Params)
		config := Defaults()
		c.set(&config)
		if _, err := Attach(m, config, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
		if len(m.Params) != n {
			t.Errorf("%s: parameters were added all the same", c.want)
		}
	}
	m := base(t, "gpt2")
	c := Defaults()
	c.Bias = "all"
	if _, err := Attach(m, c, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(m, c, 1); err == nil || !strings.Contains(err.Error(), "disable that adapter first") {
		t.Errorf("a second adapter on the first one's weights: %v", err)
	}
	m, _ = load(t, "dora-gpt2")
	c = Defaults()
	c.UseDoRA = true
	if _, err := Attach(m, c, 1); err == nil || !strings.Contains(err.Error(), "another adapter with use_dora") {
		t.Errorf("a second length of the same weights: %v", err)
	}
}

func TestLoadWeightsErrors(t *testing.T) {
	_, a := load(t, "lora-gpt2")
	dir := t.TempDir()
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	if err := a.LoadWeights(dir); err != nil {
		t.Error(err)
	}
	a.Config.Alpha = 16
	if err := a.LoadWeights(dir); err == nil || !strings.Contains(err.Error(), "lora_alpha is 8 there, but 16 now") {
		t.Error(err)
	}
}

func TestLoadErrors(t *testing.T) {
	gpt2 := fixtures.Dir(t, "lora-gpt2")
	config, err := os.ReadFile(filepath.Join(gpt2, ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, old, new, base, want string
	}{
		{"rank", `"r": 4`, `"r": 8`, "gpt2", "lora_A.weight is [4 32], but r 8 on this model, which maps 32 to 96, makes it [8 32]"},
		{"targets", `"c_attn"`, `"c_proj"`, "gpt2", "lacks base_model.model.transformer.h.0.attn.c_proj.lora_A.weight"},
		{"more", `"c_attn"`, `"h.1.attn.c_attn"`, "gpt2", "there is no place in this model for base_model.model.transformer.h.0"},
		{"other", "", "", "llama", "chooses nothing of this llama"},
		{"dora", `"use_dora": false`, `"use_dora": true`, "gpt2", "lacks base_model.model.transformer.h.0.attn.c_attn.lora_magnitude_vector"},
		{"type", `"LORA"`, `"IA3"`, "gpt2", `peft_type is "IA3"`},
		{"huge", `"r": 4`, `"r": 65536`, "gpt2", "makes it [65536 32]"},
		{"huger", `"r": 4`, `"r": 1e9`, "gpt2", "r"},
		{"text", `{`, ``, "gpt2", "not a JSON object"},
	} {
		dir := t.TempDir()
		write := func(name string, b []byte) {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		weights, err := os.ReadFile(filepath.Join(gpt2, WeightsFile))
		if err != nil {
			t.Fatal(err)
		}
		write(WeightsFile, weights)
		write(ConfigFile, []byte(strings.Replace(string(config), c.old, c.new, 1)))
		m := base(t, c.base)
		n := len(m.Params)
		if _, err := Load(dir, m); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, expected one with %q and the folder", c.name, err, c.want)
		}
		if len(m.Params) != n {
			t.Errorf("%s: parameters were added all the same", c.name)
		}
	}
	dir := t.TempDir()
	if _, err := Load(dir, base(t, "gpt2")); err == nil || !strings.Contains(err.Error(), ConfigFile) {
		t.Error(err)
	}
	for name, b := range map[string][]byte{ConfigFile: config, "adapter_model.bin": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir, base(t, "gpt2")); err == nil || !strings.Contains(err.Error(), "can run code") {
		t.Error(err)
	}
	if err := safetensors.Write(filepath.Join(dir, WeightsFile), nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, base(t, "gpt2")); err == nil || !strings.Contains(err.Error(), "lacks") {
		t.Error(err)
	}
}

// Quantized weights keep the adapters on them and take new ones, but can't take them in.
func TestQuantized(t *testing.T) {
	m, a := load(t, "lora-gpt2")
	ex, _ := open(t, filepath.Join(fixtures.Dir(t, "lora-gpt2"), "fixture.safetensors")).examples()
	want := logits(m, ex)
	if err := m.Freeze("int8"); err != nil {
		t.Fatal(err)
	}
	var top, diff float32
	for i, got := range logits(m, ex) {
		for j, x := range got {
			top, diff = max(top, want[i][j]), max(diff, x-want[i][j], want[i][j]-x)
		}
	}
	if !(diff < 0.1*top) {
		t.Errorf("quantized logits differ by %g of %g", diff, top)
	}
	if a.Merge() == nil {
		t.Error("an adapter can't be merged into integers")
	}
	a.Disable()
	if _, err := Load(fixtures.Dir(t, "lora-gpt2"), m); err != nil {
		t.Error(err)
	}
}

// A step on a frozen model costs no gradient but the adapter's, and none flows below the lowest adapter.
func TestPlanCountsWhatIsTrained(t *testing.T) {
	ex, _ := open(t, filepath.Join(fixtures.Dir(t, "gpt2"), "fixture.safetensors")).examples()
	var b collate.Batch
	collate.Pack(&b, ex)
	var flops [3]int64
	for layer := range flops {
		m := base(t, "gpt2")
		whole := m.Plan(&b, false, nil)
		c := Defaults()
		c.LayersToTransform = Layers{layer}
		a, err := Attach(m, c, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := m.Plan(&b, false, a.Trainable)
		if p.Gradients != 4*a.NumParams() || p.Gradients > whole.Gradients/20 {
			t.Errorf("layer %d: %d bytes of gradients for %d weights", layer, p.Gradients, a.NumParams())
		}
		if flops[layer] = p.FLOPs; p.FLOPs >= whole.FLOPs || layer > 0 && p.FLOPs >= flops[layer-1] {
			t.Errorf("layer %d: %d operations, of %d with everything trained, %v for layers below", layer, p.FLOPs, whole.FLOPs, flops[:layer])
		}
	}
}

// A removed adapter leaves nothing behind, and the active one stays.
func TestSetRemove(t *testing.T) {
	m := base(t, "gpt2")
	params := len(m.Params)
	s := NewSet(m)
	for _, name := range []string{"one", "two"} {
		if err := s.Load(name, fixtures.Dir(t, "lora-gpt2")); err != nil {
			t.Fatal(err)
		}
	}
	s.Use("two")
	if s.Remove("two") == nil || s.Remove("three") == nil {
		t.Error("the active adapter and one that isn't there can't be removed")
	}
	if err := s.Remove("one"); err != nil || !slices.Equal(s.Names(), []string{"two"}) {
		t.Errorf("%v, left are %q", err, s.Names())
	}
	s.Use("")
	if err := s.Remove("two"); err != nil || len(m.Params) != params {
		t.Errorf("%v, left are %d parameters of %d", err, len(m.Params), params)
	}
}
