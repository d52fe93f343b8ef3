package export

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/convert"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
	"github.com/hone-ml/hone/tokenizer"
)

// source is a tiny model with random weights and a real tokenizer; small makes rows of 32.
func source(t testing.TB, kind, tok string) *Source {
	t.Helper()
	tk, err := tokenizer.Load(filepath.Join("..", "tokenizer", "testdata", tok))
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]string{
		"gpt2":  `{"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 96, "vocab_size": 600, "eos_token_id": 420, "bos_token_id": 420, "initializer_range": 0.2}`,
		"llama": `{"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 96, "vocab_size": 600, "tie_word_embeddings": true, "initializer_range": 0.2}`,
		"qwen2": `{"model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 96, "vocab_size": 1200, "initializer_range": 0.2}`,
	}[kind]
	c, err := model.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(c, 7)
	if err != nil {
		t.Fatal(err)
	}
	return &Source{Model: m, Tokenizer: tk, Name: "tiny"}
}

func parseMix(t testing.TB, name string) convert.Mix {
	t.Helper()
	m, err := convert.ParseMix(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGGUF(t *testing.T) {
	for _, c := range []struct{ kind, tok, mix string }{
		{"gpt2", "gpt2", "f32"}, {"llama", "smollm2", "f32"}, {"qwen2", "qwen2", "f32"}, {"gpt2", "gpt2", "q8_0"}, {"llama", "smollm2", "f16"}, {"llama", "llama3", "bf16"},
	} {
		src := source(t, c.kind, c.tok)
		path := filepath.Join(t.TempDir(), "sub", "m.gguf")
		stages := map[string]bool{}
		r, err := GGUF(context.Background(), path, src, parseMix(t, c.mix), Options{Device: compute.Ref{}, Progress: func(s string, _, _ int64) { stages[s] = true }})
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		if exact := c.mix == "f32"; exact != (r.Logits == 0) || exact && r.Text != r.Want || r.Rows == 0 || r.Bytes == 0 || !stages["writing"] || !stages["comparing"] || src.Model != nil {
			t.Errorf("%v: %+v, stages %v", c, r, stages)
		}
		if _, err := GGUF(context.Background(), path, source(t, c.kind, c.tok), parseMix(t, c.mix), Options{Device: compute.Ref{}}); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// A result that computes something else is not kept, and what was there before stays.
func TestComparisonFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mix    string
		mangle func(*model.Model)
	}{
		{"f32", func(m *model.Model) { m.Params[4].W.Data[5] += 0.1 }},
		{"f16", func(m *model.Model) { // rows of q as another program has them
			w := m.Stack.Blocks[0].Attn.QKV.W.W
			for i := range 8 {
				a, b := w.Row(2*i), w.Row(2*i+1)
				for j := range a {
					a[j], b[j] = b[j], a[j]
				}
			}
		}},
	} {
		_, err := GGUF(context.Background(), path, source(t, "llama", "smollm2"), parseMix(t, c.mix), Options{Device: compute.Ref{}, Replace: true, mangle: c.mangle})
		if err == nil || !strings.Contains(err.Error(), "another model") {
			t.Errorf("%s: %v", c.mix, err)
		}
	}
	_, err := Safetensors(context.Background(), filepath.Join(dir, "st"), source(t, "llama", "smollm2"), safetensors.F32, Options{Device: compute.Ref{}, mangle: func(m *model.Model) { m.Wte.W.Data[0]++ }})
	if err == nil || !strings.Contains(err.Error(), "another model") {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	b, _ := os.ReadFile(path)
	if err != nil || len(entries) != 1 || string(b) != "old" {
		t.Errorf("left %v, %q", entries, b)
	}
}

func TestSafetensors(t *testing.T) {
	src := source(t, "gpt2", "gpt2")
	v, err := collate.NewVerbalizer(src.Tokenizer, collate.Verbalizer{Labels: []string{"a", "b"}, MaxLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	src.Verbalizer = v
	dir := filepath.Join(t.TempDir(), "out")
	r, err := Safetensors(context.Background(), dir, src, safetensors.BF16, Options{Device: compute.Ref{}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Logits == 0 || r.Bytes == 0 {
		t.Errorf("%+v", r)
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := collate.LoadVerbalizer(dir, tok); err != nil || got.MaxLength != 32 {
		t.Errorf("%v %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		dir, want string
		replace   bool
	}{{dir, "is not empty", false}, {filepath.Dir(dir), "has the folder out in it", true}} {
		if _, err := Safetensors(context.Background(), x.dir, source(t, "gpt2", "gpt2"), safetensors.F32, Options{Replace: x.replace}); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.want, err)
		}
	}
}

// A classifier that was exported to GGUF and imported again is one.
func TestClassifierSurvives(t *testing.T) {
	src := source(t, "gpt2", "gpt2")
	var err error
	if src.Verbalizer, err = collate.NewVerbalizer(src.Tokenizer, collate.Verbalizer{Labels: []string{"neg", "pos"}, MaxLength: 40}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if _, err := GGUF(context.Background(), path, src, parseMix(t, "f32"), Options{Device: compute.Ref{}}); err != nil {
		t.Fatal(err)
	}
	s, err := convert.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dir := filepath.Join(t.TempDir(), "m")
	if err := s.Write(context.Background(), dir, convert.Options{Dtype: safetensors.F32}); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := collate.LoadVerbalizer(dir, tok); err != nil || v.Labels[1] != "pos" || v.MaxLength != 40 {
		t.Errorf("%v %v", v, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	if _, err := GGUF(ctx, filepath.Join(dir, "m.gguf"), source(t, "gpt2", "gpt2"), parseMix(t, "f32"), Options{Device: compute.Ref{}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "m.gguf")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
