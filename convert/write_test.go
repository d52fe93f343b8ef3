package convert

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// lettersTokenizer is the tokenizer of letters(n).
func lettersTokenizer(t testing.TB, n int) *tokenizer.Tokenizer {
	t.Helper()
	g := tokenizer.GGUF{Model: "gpt2", Pre: "gpt-2", BOS: 1, EOS: 2, Unknown: -1, Merges: []string{}}
	for _, kv := range letters(n) {
		switch v := kv.Value.(type) {
		case []string:
			if strings.HasSuffix(kv.Key, "tokens") {
				g.Tokens = v
			}
		case []int32:
			for _, x := range v {
				g.Types = append(g.Types, int64(x))
			}
		}
	}
	b, err := g.JSON()
	if err != nil {
		t.Fatal(err)
	}
	config := `{"bos_token": "<s>", "eos_token": "</s>", "chat_template": [{"name": "default", "template": "{{ messages }}"}, {"name": "tool_use", "template": "t"}]}`
	tok, err := tokenizer.LoadFS(fstest.MapFS{"tokenizer.json": {Data: b}, "tokenizer_config.json": {Data: []byte(config)}})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func mix(t testing.TB, name string) Mix {
	t.Helper()
	m, err := ParseMix(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// written writes a fixture's model and opens the file.
func written(t testing.TB, fixture, name string) (*model.Model, *Source) {
	t.Helper()
	m, err := model.Load(fixtures.Dir(t, fixture))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	target := Target{Name: "Fixture", Mix: mix(t, name), Verbalizer: []byte(`{"labels": ["a", "b"]}`)}
	if err := WriteGGUF(context.Background(), path, m, lettersTokenizer(t, m.Config.VocabSize), target); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return m, s
}

// A model survives float32 there and back to the bit, in every architecture, and its file has the tensors of export,
// which knows llama.cpp's names and orders by other code.
func TestWriteEqualsSource(t *testing.T) {
	for _, name := range []string{"gpt2", "llama", "llama-linear", "llama-yarn", "llama-rope3", "mistral", "qwen2", "qwen3"} {
		t.Run(name, func(t *testing.T) {
			m, s := written(t, name, "f32")
			got, tok, err := s.Load(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Params) != len(m.Params) {
				t.Fatalf("%d parameters, want %d", len(got.Params), len(m.Params))
			}
			for i, p := range m.Params {
				if !reflect.DeepEqual(got.Params[i].W, p.W) {
					t.Errorf("%s differs", p.Name)
				}
			}
			if a, b := logits(t, got), logits(t, m); !slices.Equal(a, b) {
				t.Error("logits differ")
			}
			if tok.EOS() != 2 || tok.BOS() != 1 || tok.Config().ChatTemplates["tool_use"] != "t" || s.vocab.files["verbalizer.json"] == nil {
				t.Errorf("eos %d, bos %d, %v", tok.EOS(), tok.BOS(), tok.Config().ChatTemplates)
			}
			for _, x := range export(t, name, f32).tensors {
				info, ok := s.f.Info(x.Name)
				if !ok || !slices.Equal(info.Shape, x.Shape) {
					t.Fatalf("%s: %v, want %v", x.Name, info.Shape, x.Shape)
				}
				path := filepath.Join(t.TempDir(), "x.gguf")
				if err := gguf.Write(path, nil, []gguf.Tensor{x}); err != nil {
					t.Fatal(err)
				}
				f, err := gguf.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				want, err1 := f.Bytes(x.Name)
				have, err2 := s.f.Bytes(x.Name)
				if err := errors.Join(err1, err2); err != nil || !slices.Equal(want, have) {
					t.Errorf("%s has other bytes (%v)", x.Name, err)
				}
				f.Close()
			}
		})
	}
}

// Weights that were rounded are near the source's.
func TestWriteRounds(t *testing.T) {
	for name, most := range map[string]float64{"f16": 1e-3, "bf16": 6e-3, "q8_0": 0.01, "q4_0": 0.15, "q4_K_M": 0.1} {
		for _, fixture := range []string{"gpt2", "llama"} {
			m, s := written(t, fixture, name)
			got, _, err := s.Load(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range m.Params {
				var diff, sum float64
				for k, x := range p.W.Data {
					d := float64(x - got.Params[i].W.Data[k])
					diff, sum = diff+d*d, sum+float64(x)*float64(x)
				}
				if p.Vector && diff != 0 || !(math.Sqrt(diff) <= most*math.Sqrt(sum)) {
					t.Errorf("%s of %s: %s is off by %.2g", name, fixture, p.Name, math.Sqrt(diff/sum))
				}
			}
		}
	}
}

// The types are those that llama-quantize chooses.
func TestMix(t *testing.T) {
	c := &model.Config{ModelType: "llama", Layers: 16, Tied: true}
	for _, x := range []struct {
		mix, name   string
		layer, cols int
		want        gguf.Type
	}{
		{"f16", "blk.0.attn_q.weight", 0, 576, gguf.F16}, {"f16", "position_embd.weight", 0, 576, gguf.F32}, {"q8_0", "token_embd.weight", 0, 576, gguf.Q8_0},
		{"q8_0", "blk.0.attn_q.weight", 0, 24, gguf.F16}, {"q4_0", "token_embd.weight", 0, 576, gguf.Q8_0}, {"q4_0", "token_embd.weight", 0, 768, gguf.Q6_K},
		{"q4_0", "blk.0.ffn_down.weight", 0, 1536, gguf.Q4_0}, {"q4_K", "token_embd.weight", 0, 576, gguf.Q8_0}, {"q4_K_M", "token_embd.weight", 0, 768, gguf.Q6_K},
		{"Q4_K_M", "blk.0.attn_v.weight", 0, 768, gguf.Q6_K}, {"q4_k_m", "blk.2.attn_v.weight", 2, 768, gguf.Q4_K}, {"q4_k_m", "blk.4.ffn_down.weight", 4, 768, gguf.Q6_K},
		{"q4_k_m", "blk.4.ffn_down.weight", 4, 576, gguf.Q8_0}, {"q4_k_m", "blk.2.ffn_up.weight", 2, 576, gguf.Q5_0}, {"q4_k_m", "blk.15.attn_qkv.weight", 15, 768, gguf.Q6_K},
	} {
		m := mix(t, x.mix)
		if got := m.typeOf(tensor{from: x.name, shape: []int{8, x.cols}}, x.layer, c); got != x.want {
			t.Errorf("%s: %s of rows of %d is %v, want %v", x.mix, x.name, x.cols, got, x.want)
		}
	}
	if _, err := ParseMix("q5_K"); err == nil || !strings.Contains(err.Error(), "there are f32, bf16") {
		t.Error(err)
	}
}

// What can't be exported is refused, and leaves nothing behind.
func TestWriteRefuses(t *testing.T) {
	for _, x := range []struct {
		fixture, mix, want string
		change             func(*model.Model)
	}{
		{"llama-dynamic", "f32", "no rope_type dynamic", func(*model.Model) {}},
		{"gpt2", "f32", "another activation", func(m *model.Model) { m.Config.Act++ }},
		{"gpt2", "q8_0", "training has diverged", func(m *model.Model) { m.Params[3].W.Data[0] = float32Inf() }},
		{"llama", "f16", "choose the type bf16", func(m *model.Model) { m.Wte.W.Data[0] = 1e6 }},
		{"llama", "f32", "has no row", func(m *model.Model) { m.Config.VocabSize = 2 }},
	} {
		m, err := model.Load(fixtures.Dir(t, x.fixture))
		if err != nil {
			t.Fatal(err)
		}
		tok := lettersTokenizer(t, m.Config.VocabSize)
		x.change(m)
		path := filepath.Join(t.TempDir(), "m.gguf")
		err = WriteGGUF(context.Background(), path, m, tok, Target{Mix: mix(t, x.mix)})
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.want, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: left %v", x.want, err)
		}
	}
}

func float32Inf() compute.Float { return compute.Float(math.Inf(1)) }

func TestSizeLabel(t *testing.T) {
	for n, want := range map[int64]string{134515008: "135M", 124439808: "124M", 1543714304: "1.5B", 8030261248: "8.0B", 29000: "29K", 70e9: "70B"} {
		if got := sizeLabel(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
