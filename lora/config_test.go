package lora

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/internal/fixtures"
)

func TestConfigReads(t *testing.T) {
	c, err := ParseConfig([]byte(`{"peft_type": "LORA", "r": 16, "lora_alpha": 32.5, "lora_dropout": 0.05, "target_modules": ".*(q|v)_proj",
		"exclude_modules": ["lm_head"], "layers_to_transform": null, "init_lora_weights": "gaussian", "rank_pattern": {"z": 4, "a.b": 2},
		"use_rslora": true, "modules_to_save": ["embed_tokens"], "bias": "lora_only", "base_model_name_or_path": null, "someday": {"x": [1]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.R, want.Alpha, want.Dropout, want.TargetModules.Regex = 16, 32.5, 0.05, ".*(q|v)_proj"
	want.ExcludeModules.List, want.InitWeights, want.UseRSLoRA = []string{"lm_head"}, "gaussian", true
	want.RankPattern, want.ModulesToSave, want.Bias = Pattern{{"z", 4}, {"a.b", 2}}, []string{"embed_tokens"}, "lora_only"
	want.raw = c.raw
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	c.R = 4
	b, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`"r": 4,`, `"lora_alpha": 32.5,`, `"base_model_name_or_path": null,`, `"x": [`} {
		if !strings.Contains(string(b), line) {
			t.Errorf("saved without %s: %s", line, b)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		`null`:                             "not a JSON object",
		`[]`:                               "not a JSON object",
		`{"r": -1}`:                        "r is -1",
		`{"r": 99999999}`:                  "r is 99999999",
		`{"r": "8"}`:                       "r",
		`{"lora_alpha": 1e999}`:            "lora_alpha",
		`{"lora_dropout": -0.1}`:           "lora_dropout is -0.1",
		`{"bias": "weights"}`:              `bias is "weights"`,
		`{"target_modules": 3}`:            "a list of module names",
		`{"target_modules": "(((("}`:       "not a regular expression",
		`{"rank_pattern": {"a": 0.5}}`:     "rank_pattern makes a 0.5",
		`{"rank_pattern": {"a": "x"}}`:     "an object of module names",
		`{"alpha_pattern": {"(": 1}}`:      "not a regular expression",
		`{"layers_to_transform": "first"}`: "a list of layers",
		`{"target_modules": "q", "layers_to_transform": 1}`: "target_modules as a list",
		`{"init_lora_weights": "pissa"}`:                    "changed base model",
		`{"init_lora_weights": 3}`:                          "init_lora_weights",
		`{"layer_replication": [[0, 4]]}`:                   "layer_replication is [[0, 4]], which is not supported",
		`{"lora_bias": true}`:                               "lora_bias is true",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected one with %q", text, err, want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), bytes.Repeat([]byte{' '}, maxConfigBytes+1), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(dir); err == nil || !strings.Contains(err.Error(), "about a thousand") {
		t.Error(err)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		n      Names
		module string
		want   bool
	}{
		{Names{List: []string{"c_proj"}}, "transformer.h.0.mlp.c_proj", true},
		{Names{List: []string{"proj"}}, "transformer.h.0.mlp.c_proj", false},
		{Names{List: []string{"mlp.c_proj"}}, "transformer.h.0.attn.c_proj", false},
		{Names{Regex: `.*mlp\.c_.*`}, "transformer.h.0.mlp.c_fc", true},
		{Names{Regex: `mlp`}, "transformer.h.0.mlp.c_fc", false},
		{Names{Regex: `a|.*c_fc`}, "transformer.h.0.mlp.c_fc", true},
		{Names{Regex: `a|b`}, "ab", false},
	} {
		if got := c.n.match(c.module); got != c.want {
			t.Errorf("%v matches %s: %v", c.n, c.module, got)
		}
	}
	p := Pattern{{"down_proj", 1}, {`layers\.0\..*`, 2}, {".*", 3}}
	for module, want := range map[string]float64{"model.layers.0.mlp.down_proj": 1, "model.layers.0.mlp.up_proj": 2, "model.layers.10.mlp.up_proj": 3} {
		if got := p.of(module, 9); got != want {
			t.Errorf("%s: %g, expected %g", module, got, want)
		}
	}
	if got := (Pattern{{"x", 1}}).of("model.layers.0.x_proj", 9); got != 9 {
		t.Errorf("a part of a name matched: %g", got)
	}
}

// Whatever ParseConfig takes, it takes again as JSON writes it, and it means the same.
func FuzzParseConfig(f *testing.F) {
	for _, name := range []string{"lora-gpt2", "lora-llama", "lora-trainer/llama/start"} {
		b, err := os.ReadFile(filepath.Join(fixtures.Dir(f, name), ConfigFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"target_modules": "a(b|c)*", "rank_pattern": {"a": 1, "a": 2}, "layers_to_transform": 3}`))
	f.Add([]byte(`{"R": 2, "r": 3, "modules_to_save": ["x"], "init_lora_weights": "eva", "lora_alpha": -1e-7}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		out, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(out)
		if err != nil {
			t.Fatalf("%v in what was read from %s: %s", err, b, out)
		}
		x, _ := json.Marshal(c)
		y, _ := json.Marshal(again)
		if !bytes.Equal(x, y) {
			t.Errorf("%s became %s", x, y)
		}
		c.chooses("model.layers.0.mlp.down_proj")
		c.RankPattern.of("model.layers.0.mlp.down_proj", 1)
		if slices.Contains(c.TargetModules.List, "") {
			t.Error("an empty name")
		}
	})
}
