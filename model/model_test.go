package model

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// The original GPT-2 has no prefix and keeps its causal masks in the file.
func TestOriginalNames(t *testing.T) {
	want, x := load(t, "gpt2")
	got, err := Load(fixtures.Dir(t, "gpt2-original"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Unused) > 0 {
		t.Errorf("unused tensors %v", got.Unused)
	}
	ex, _ := x.examples()
	ids, s := whole(ex)
	a, b := want.NewRun(compute.Ref{}), got.NewRun(compute.Ref{})
	if !slices.Equal(a.Hidden(ids, s, nil, nil).Data, b.Hidden(ids, s, nil, nil).Data) {
		t.Error("hidden rows differ")
	}
}

func TestNumParams(t *testing.T) {
	for _, name := range names {
		m, _ := load(t, name)
		if got, want := m.Config.NumParams(), m.NumParams(); got != want {
			t.Errorf("%s: config tells %d parameters, the model has %d", name, got, want)
		}
		for i, p := range m.Params {
			if p.Index != i {
				t.Errorf("%s: parameter %d has index %d", name, i, p.Index)
			}
		}
	}
}

// What is saved is what was loaded: weights bit for bit, config.json but for the type that it announces.
func TestSaveEqualsLoaded(t *testing.T) {
	for _, name := range names {
		m, _ := load(t, name)
		dir := t.TempDir()
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Params {
			if !slices.Equal(p.W.Data, again.Params[i].W.Data) {
				t.Errorf("%s: %s differs", name, p.Name)
			}
		}
		var before, after map[string]any
		for path, v := range map[string]*map[string]any{fixtures.Dir(t, name): &before, dir: &after} {
			b, err := os.ReadFile(filepath.Join(path, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, v); err != nil {
				t.Fatal(err)
			}
		}
		before["dtype"] = "float32"
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("%s: config.json: %s", name, d)
		}
	}
}

func TestSaveAsBF16(t *testing.T) {
	m, _ := load(t, "llama-rope3") // its weights came as bfloat16
	dir := t.TempDir()
	if err := m.SaveAs(dir, safetensors.BF16); err != nil {
		t.Fatal(err)
	}
	again, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params {
		if !slices.Equal(p.W.Data, again.Params[i].W.Data) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if again.Config.Dtype() != "bfloat16" {
		t.Errorf("config.json says %q", again.Config.Dtype())
	}
}

func TestResize(t *testing.T) {
	for _, name := range []string{"gpt2", "llama"} { // tied and untied
		m, x := load(t, name)
		old := append([]nn.Float(nil), m.Wte.W.Data...)
		v, c := m.Config.VocabSize, m.Config.HiddenSize
		if err := m.Resize(v+3, 1); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Wte.W.Data[:len(old)], old) {
			t.Errorf("%s: old rows changed", name)
		}
		for j := range c {
			var mean float64
			for i := range v {
				mean += float64(old[i*c+j]) / float64(v)
			}
			for i := v; i < v+3; i++ {
				if got := float64(m.Wte.W.Row(i)[j]); math.Abs(got-mean) > 1e-4 || got == float64(m.Wte.W.Row(v)[(j+1)%c]) {
					t.Errorf("%s: new row %d column %d is %g, the mean is %g", name, i, j, got, mean)
				}
			}
		}
		if tied := m.Head.W == m.Wte; tied != m.Config.Tied {
			t.Errorf("%s: tied %v", name, tied)
		}
		dir := t.TempDir()
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if again.Config.VocabSize != v+3 {
			t.Errorf("%s: saved with a vocabulary of %d", name, again.Config.VocabSize)
		}
		ex, _ := x.examples()
		ids, s := whole(ex)
		if got := again.NewRun(compute.Ref{}); got.Logits(got.Hidden(ids, s, nil, nil)).Cols != v+3 {
			t.Errorf("%s: logits have the old width", name)
		}
	}
}

func TestNewDrawsAsTheReference(t *testing.T) {
	c, err := ParseConfig([]byte(`{"model_type":"gpt2","n_embd":64,"n_head":4,"n_layer":8,"n_positions":128,"vocab_size":1000}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	std := func(p *nn.Param) (s float64) {
		for _, v := range p.W.Data {
			s += float64(v) * float64(v)
		}
		return math.Sqrt(s / float64(len(p.W.Data)))
	}
	b := m.Stack.Blocks[3]
	for _, c := range []struct {
		p    *nn.Param
		want float64
	}{{m.Wte, 0.02}, {m.Wpe, 0.02}, {b.Attn.QKV.W, 0.02}, {b.Attn.O.W, 0.005}, {b.MLP.Down.W, 0.005}, {b.Norm1.W, 1}, {b.Norm1.B, 0}, {b.MLP.Up.B, 0}} {
		if got := std(c.p); math.Abs(got-c.want) > 0.04*c.want {
			t.Errorf("%s: standard deviation %g, reference %g", c.p.Name, got, c.want)
		}
	}
	again, _ := New(c, 1)
	if !slices.Equal(again.Wte.W.Data, m.Wte.W.Data) {
		t.Error("the same seed draws other weights")
	}
}

// Both spellings of rotary settings and of everything else that changed between releases mean the same.
func TestOldConfigs(t *testing.T) {
	for _, name := range names {
		dir := fixtures.Dir(t, name)
		if _, err := os.Stat(filepath.Join(dir, "config_v4.json")); err != nil {
			continue
		}
		now, err := LoadConfig(dir)
		if err != nil {
			t.Fatal(err)
		}
		old, err := LoadConfig(filepath.Join(dir, "config_v4.json"))
		if err != nil {
			t.Fatal(err)
		}
		now.raw, old.raw = nil, nil
		if now.Rope != nil {
			old.Rope.OldType, now.Rope.OldType = "", ""
		}
		if d := cmp.Diff(now, old, cmp.AllowUnexported(Config{})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for in, want := range map[string]string{
		`[]`:                                 "not a JSON object",
		`null`:                               "not a JSON object",
		`{}`:                                 "no model_type",
		`{"model_type":"bert"}`:              `model_type "bert" is not supported`,
		`{"model_type":"gpt2","n_embd":770}`: "n_embd 770 is not divisible by 12 heads",
		`{"model_type":"gpt2","n_head":0}`:   "not divisible by 0 heads",
		`{"model_type":"gpt2","n_layer":1000000}`:                 "num_hidden_layers is 1000000",
		`{"model_type":"gpt2","vocab_size":-1}`:                   "vocab_size is -1",
		`{"model_type":"gpt2","resid_pdrop":1}`:                   "dropout probability is 1",
		`{"model_type":"gpt2","activation_function":"mish"}`:      `activation "mish"`,
		`{"model_type":"gpt2","layer_norm_epsilon":"x"}`:          "cannot unmarshal",
		`{"model_type":"llama"}`:                                  "not divisible by 0 heads",
		`{"model_type":"gpt2","quantization_config":{"bits":4}}`:  "quantized weights",
		llama(`"num_key_value_heads":3`):                          "4 heads can't share 3",
		llama(`"num_key_value_heads":0`):                          "num_key_value_heads is 0",
		llama(`"head_dim":5`):                                     "head_dim 5 is odd",
		llama(`"rope_scaling":{"type":"longrope"}`):               `rope_type "longrope"`,
		llama(`"rope_scaling":{"type":"linear","factor":0}`):      "rope factor is 0",
		llama(`"rope_scaling":{"rope_type":"llama3","factor":8}`): "original_max_position_embeddings",
		llama(`"rope_parameters":{"partial_rotary_factor":0.5}`):  "partial_rotary_factor 0.5",
	} {
		_, err := ParseConfig([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected %q", in, err, want)
		}
	}
}

func llama(extra string) string {
	return `{"model_type":"llama","vocab_size":9,"hidden_size":16,"num_attention_heads":4,"num_hidden_layers":1,"intermediate_size":8,` + extra + `}`
}

// A config that describes more than the file holds is refused before anything is allocated.
func TestLyingConfig(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(filepath.Join(fixtures.Dir(t, "gpt2"), "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "model.safetensors"), b, 0o666)
	for config, want := range map[string]string{
		`{"model_type":"gpt2","n_embd":65536,"n_head":16,"n_layer":1000}`:                           "belong to different models",
		`{"model_type":"gpt2","n_embd":32,"n_head":4,"n_layer":3,"n_positions":60,"vocab_size":96}`: "transformer.wpe.weight is [64 32], but config.json makes it [60 32]",
		`{"model_type":"gpt2","n_embd":28,"n_head":4,"n_layer":3,"n_positions":64,"vocab_size":96}`: "but config.json makes it",
		llama(`"tie_word_embeddings":true`):                                                         "lacks",
	} {
		os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o666)
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, expected %q", config, err, want)
		}
	}
	os.Remove(filepath.Join(dir, "model.safetensors"))
	os.WriteFile(filepath.Join(dir, "pytorch_model.bin"), nil, 0o666)
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "convert it to model.safetensors") {
		t.Errorf("only a .bin: error %v", err)
	}
}

func TestCheck(t *testing.T) {
	m, _ := load(t, "gpt2")
	if err := m.Check([]int32{0, 95}); err != nil {
		t.Error(err)
	}
	if err := m.Check([]int32{0, 96}); err == nil || !strings.Contains(err.Error(), "token id 96 at position 1") {
		t.Errorf("error %v", err)
	}
	if err := m.Check(make([]int32, 65)); err == nil || !strings.Contains(err.Error(), "64 positions") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join("..", "internal", "fixtures", "testdata", name, "config.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"model_type":"qwen2","use_sliding_window":true,"sliding_window":-4,"layer_types":["x"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		if c.NumParams() < 1 {
			t.Errorf("%d parameters", c.NumParams())
		}
		if c.Rope != nil && c.HeadDim <= 256 {
			c.Rope.build(c.HeadDim, c.MaxPositions).Table(8)
		}
	})
}
