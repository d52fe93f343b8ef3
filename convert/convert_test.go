package convert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
	"github.com/hone-ml/hone/tokenizer"
)

// imported imports the file and returns the folder.
func imported(t testing.TB, path string, o Options) string {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if o.Dtype == 0 {
		o.Dtype = s.Dtype
	}
	dir := filepath.Join(t.TempDir(), "models", "m")
	if err := s.Write(context.Background(), dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// logits runs the model on a fixed sequence.
func logits(t testing.TB, m *model.Model) (v []nn.Float) {
	t.Helper()
	ids := make([]int32, 40)
	s := nn.Seqs{Cu: []int32{0, int32(len(ids))}}
	for i := range ids {
		ids[i] = int32(i * 37 % m.Config.VocabSize)
		s.Pos = append(s.Pos, int32(i))
	}
	r := m.NewRun(compute.Ref{})
	l := r.Logits(r.Hidden(ids, s, nil, nil))
	for i := range l.Rows {
		v = append(v, l.Row(i)...)
	}
	return v
}

func TestImportEqualsFixture(t *testing.T) {
	for _, name := range []string{"gpt2", "llama", "llama-linear", "llama-yarn", "llama-rope3", "mistral", "qwen2", "qwen3"} {
		t.Run(name, func(t *testing.T) {
			typ, dtype := gguf.F32, safetensors.F32
			f := export(t, name, func(string) gguf.Type { return typ })
			if name == "llama-rope3" {
				typ, dtype = gguf.BF16, safetensors.BF16
				f = export(t, name, func(string) gguf.Type { return typ })
				f.tensors = append(f.tensors, gguf.Float32("rope_freqs.weight", gguf.F32, []int{4}, llama3Freqs(8, 1000, 8, 64)))
			}
			var done, total int64
			dir := imported(t, f.write(t), Options{Progress: func(d, n int64) { done, total = d, n }})
			got, err := model.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			want, err := model.Load(fixtures.Dir(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Unused) > 0 || len(got.Params) != len(want.Params) {
				t.Fatalf("%d parameters, not %d; unused %v", len(got.Params), len(want.Params), got.Unused)
			}
			if n := want.NumParams(); done != n || total != n {
				t.Errorf("progress ended at %d of %d, there are %d weights", done, total, n)
			}
			for i, p := range got.Params {
				if p.Name != want.Params[i].Name || !slices.Equal(p.W.Data, want.Params[i].W.Data) {
					t.Errorf("%s differs", p.Name)
				}
			}
			// Equal logits mean that config.json says the same, too.
			if !slices.Equal(logits(t, got), logits(t, want)) {
				t.Error("logits differ")
			}
			if s, err := safetensors.OpenDir(dir); err != nil {
				t.Error(err)
			} else {
				if info, _ := s.Info(s.Names()[0]); info.Dtype != dtype {
					t.Errorf("written as %v", info.Dtype)
				}
				s.Close()
			}
			if c := got.Config; c.InitRange != want.Config.InitRange || c.NormEps != want.Config.NormEps || c.Tied != want.Config.Tied || !reflect.DeepEqual(c.Windows, want.Config.Windows) {
				t.Errorf("config %+v, want %+v", c, want.Config)
			}
		})
	}
}

func TestQuantized(t *testing.T) {
	f := export(t, "llama", func(name string) gguf.Type {
		if strings.Contains(name, "attn") {
			return gguf.Q8_0
		}
		return gguf.F16
	})
	path := f.write(t)
	src, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	out, err := safetensors.OpenDir(imported(t, path, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, name := range out.Names() {
		info, _ := out.Info(name)
		if info.Dtype != safetensors.F32 {
			t.Errorf("%s is %v: a quantized file becomes float32", name, info.Dtype)
		}
		got, want := make([]float32, info.Elements()), make([]float32, info.Elements())
		if err := errors.Join(out.ReadFloat32(got, name), src.ReadFloat32(want, names.Replace(name))); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, "q_proj") {
			got = reordered(got, 4, 8)
		} else if strings.Contains(name, "k_proj") {
			got = reordered(got, 2, 8)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestDtype(t *testing.T) {
	for typ, want := range map[gguf.Type]safetensors.Dtype{gguf.F32: safetensors.F32, gguf.F16: safetensors.F16, gguf.BF16: safetensors.BF16} {
		s, err := Open(export(t, "gpt2", func(string) gguf.Type { return typ }).write(t))
		if err != nil {
			t.Fatal(err)
		}
		if s.Dtype != want {
			t.Errorf("a file of %v is written as %v", typ, s.Dtype)
		}
		s.Close()
	}
	s, err := Open(export(t, "gpt2", func(name string) gguf.Type {
		if name == "token_embd.weight" {
			return gguf.F16
		}
		return gguf.BF16
	}).write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Dtype != safetensors.F32 {
		t.Errorf("a file of F16 and BF16 is written as %v", s.Dtype)
	}
	if err := s.Write(context.Background(), t.TempDir(), Options{Dtype: safetensors.I8}); err == nil || !strings.Contains(err.Error(), "I8") {
		t.Error(err)
	}
}

// A head that is the embedding again is tied; one of its own is not.
func TestHead(t *testing.T) {
	f := export(t, "gpt2", f32)
	for _, x := range f.tensors {
		if x.Name == "token_embd.weight" {
			x.Name = "output.weight"
			f.tensors = append(f.tensors, x)
			break
		}
	}
	m, err := model.Load(imported(t, f.write(t), Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if !m.Config.Tied {
		t.Error("the copy of the embedding became a head of its own")
	}
	f.tensors[len(f.tensors)-1] = gguf.Float32("output.weight", gguf.F32, []int{96, 32}, make([]float32, 96*32))
	if m, err = model.Load(imported(t, f.write(t), Options{})); err != nil {
		t.Fatal(err)
	}
	if m.Config.Tied {
		t.Error("the head was dropped")
	}
}

func TestSmallFiles(t *testing.T) {
	f := export(t, "llama", f32)
	f.set("tokenizer.ggml.eot_token_id", uint32(7))
	f.set("tokenizer.ggml.padding_token_id", uint32(0))
	f.set("tokenizer.chat_template.tool_use", "tools <&>")
	f.set("tokenizer.ggml.add_bos_token", true)
	dir := imported(t, f.write(t), Options{})
	var raw map[string]any
	b, err := os.ReadFile(filepath.Join(dir, "generation_config.json"))
	if err == nil {
		err = json.Unmarshal(b, &raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"_from_model_config": true, "bos_token_id": 1.0, "pad_token_id": 0.0, "eos_token_id": []any{2.0, 7.0}}
	if !reflect.DeepEqual(raw, want) {
		t.Errorf("generation_config.json %v, want %v", raw, want)
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := tok.Config()
	if !reflect.DeepEqual(c.SpecialTokens, map[string]string{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>"}) || c.ModelMaxLength != 128 {
		t.Errorf("%+v", c)
	}
	if c.ChatTemplates["default"] == "" || c.ChatTemplates["tool_use"] != "tools <&>" {
		t.Errorf("templates %q", c.ChatTemplates)
	}
	e, err := tok.Encode("a!</s>", tokenizer.Options{})
	if err != nil || !slices.Equal(e.IDs, []int32{1, 'a' - '!' + 3, 3, 2}) {
		t.Errorf("%v %v", e.IDs, err)
	}
	entries, _ := os.ReadDir(filepath.Dir(dir))
	if len(entries) != 1 {
		t.Errorf("left beside the folder: %v", entries)
	}
}

// Files of chat models may name only the token that ends a text; their template tells what ends a turn.
func TestTurnEnds(t *testing.T) {
	for template, want := range map[string][]int32{"{{ x }}<|eot_id|>": {2, 9}, "{{ x }}": {2}} {
		f := export(t, "llama", f32)
		for _, kv := range f.meta {
			if kv.Key == "tokenizer.ggml.tokens" {
				kv.Value.([]string)[9] = "<|eot_id|>"
			}
		}
		f.set("tokenizer.chat_template", template)
		m, err := model.Load(imported(t, f.write(t), Options{}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Config.EOS, want) {
			t.Errorf("%q: %v, want %v", template, m.Config.EOS, want)
		}
	}
}

// The numbers of Llama 3.1 and 3.2, of which the file has only what they make of each frequency.
func TestLlama3Rope(t *testing.T) {
	for _, c := range []struct {
		dim    int
		factor float64
	}{{64, 32}, {128, 8}} {
		x := &file{meta: []gguf.KV{{Key: "llama.rope.freq_base", Value: float32(500000)}}}
		x.tensors = append(x.tensors, gguf.Float32("rope_freqs.weight", gguf.F32, []int{c.dim / 2}, llama3Freqs(c.dim, 500000, c.factor, 8192)))
		f, err := gguf.Open(x.write(t))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		k := &keys{f: f, arch: "llama"}
		got, err := json.Marshal(k.rope(c.dim))
		want := fmt.Sprintf(`{"factor":%v.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}`, c.factor)
		if err != nil || k.err != nil || string(got) != want {
			t.Errorf("%s %v %v, want %s", got, err, k.err, want)
		}
	}
}

func TestFolder(t *testing.T) {
	s, err := Open(export(t, "gpt2", f32).write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(dir string, names ...string) {
		t.Helper()
		for _, n := range names {
			if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(n)), 0o777), os.WriteFile(filepath.Join(dir, n), []byte("mine"), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(dir string, replace bool) error {
		return s.Write(context.Background(), dir, Options{Dtype: safetensors.F32, Replace: replace})
	}
	refused := func(what, dir string, replace bool) {
		t.Helper()
		if err := write(dir, replace); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "config.json")); err == nil && string(b) != "mine" {
			t.Errorf("%s: replaced", what)
		}
	}
	empty, model, other, deep, source := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	put(model, "config.json", "old.txt")
	put(other, "thesis.doc")
	put(deep, "config.json", "checkpoint-1/config.json")
	put(source, "config.json", "m.gguf")
	refused("is not empty", model, false)
	refused("no config.json", other, true)
	refused("checkpoint-1", deep, true)
	refused("m.gguf", source, true)
	t.Chdir(t.TempDir())
	refused("current folder", ".", false)
	if err := write(empty, false); err != nil {
		t.Error(err)
	}
	if err := write(model, true); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(model, "old.txt")); err == nil {
		t.Error("a file of the old model is there still")
	}
	if err := write(filepath.Join(other, "thesis.doc"), true); err == nil {
		t.Error("a file was replaced by a folder")
	}
}

// A run that is cut short leaves nothing, or what was there.
func TestCancel(t *testing.T) {
	s, err := Open(export(t, "gpt2", f32).write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	parent := t.TempDir()
	err = s.Write(ctx, filepath.Join(parent, "m"), Options{Dtype: safetensors.F32, Progress: func(done, _ int64) {
		if done > 1000 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
