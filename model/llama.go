package model

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/hone-ml/hone/nn"
)

// parseLlama reads the names that Llama, Mistral, Qwen2 and Qwen3 share, with each one's defaults.
func (c *Config) parseLlama(b []byte) error {
	j := struct {
		Vocab       int             `json:"vocab_size"`
		Positions   int             `json:"max_position_embeddings"`
		Width       int             `json:"hidden_size"`
		Layers      int             `json:"num_hidden_layers"`
		Heads       int             `json:"num_attention_heads"`
		KVHeads     *int            `json:"num_key_value_heads"`
		HeadDim     *int            `json:"head_dim"`
		Inner       int             `json:"intermediate_size"`
		Act         string          `json:"hidden_act"`
		Eps         float64         `json:"rms_norm_eps"`
		InitRange   float64         `json:"initializer_range"`
		Tied        bool            `json:"tie_word_embeddings"`
		AttnBias    bool            `json:"attention_bias"`
		MLPBias     bool            `json:"mlp_bias"`
		AttnDropout float64         `json:"attention_dropout"`
		BOS         ids             `json:"bos_token_id"`
		EOS         ids             `json:"eos_token_id"`
		PAD         ids             `json:"pad_token_id"`
		Theta       *float64        `json:"rope_theta"`
		Scaling     json.RawMessage `json:"rope_scaling"`
		Parameters  json.RawMessage `json:"rope_parameters"`
		windows
	}{Positions: 2048, Act: "silu", Eps: 1e-6, InitRange: 0.02}
	if c.ModelType == "mistral" {
		j.Positions = 131072
		j.Window = new(int)
		*j.Window = 4096
	} else if c.ModelType != "llama" {
		j.Positions = 32768
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	c.VocabSize, c.HiddenSize, c.InnerSize, c.Layers, c.Heads = j.Vocab, j.Width, j.Inner, j.Layers, j.Heads
	c.MaxPositions, c.NormEps, c.InitRange, c.Tied, c.AttnDropout = j.Positions, j.Eps, j.InitRange, j.Tied, j.AttnDropout
	c.BOS, c.EOS, c.PAD = j.BOS.first(), j.EOS, j.PAD.first()
	c.KVHeads = c.Heads
	if j.KVHeads != nil {
		c.KVHeads = *j.KVHeads
	}
	var err error
	if j.HeadDim != nil {
		c.HeadDim = *j.HeadDim
	} else if c.HeadDim, err = headDim("hidden_size", c.HiddenSize, c.Heads); err != nil {
		return err
	}
	switch c.ModelType {
	case "llama":
		c.QKVBias, c.OutBias, c.MLPBias = j.AttnBias, j.AttnBias, j.MLPBias
	case "qwen2":
		c.QKVBias = true
	case "qwen3":
		c.QKVBias, c.OutBias, c.QKNorm = j.AttnBias, j.AttnBias, true
	}
	if c.Layers > 0 && c.Layers <= 1024 {
		c.Windows = j.windows.of(c.ModelType, c.Layers)
	}
	if c.Act, err = actFunc(j.Act); err != nil {
		return err
	}
	c.Rope, err = parseRope(j.Parameters, j.Scaling, j.Theta, 10000)
	return err
}

// windows says which layers attend only to a window of the last tokens.
type windows struct {
	Window     *int     `json:"sliding_window"`
	Use        bool     `json:"use_sliding_window"`
	MaxLayers  int      `json:"max_window_layers"`
	LayerTypes []string `json:"layer_types"`
}

func (w windows) of(kind string, layers int) []int {
	if w.Window == nil || kind == "llama" || kind != "mistral" && !w.Use {
		return nil
	}
	each := make([]int, layers)
	for i := range each {
		sliding := kind == "mistral" || i >= w.MaxLayers
		if i < len(w.LayerTypes) {
			sliding = w.LayerTypes[i] == "sliding_attention"
		}
		if sliding {
			each[i] = *w.Window
		}
	}
	return each
}

// buildLlama assembles the Llama family and its table of names. Queries, keys and values are one matrix here,
// three in the file.
func (m *Model) buildLlama() {
	c := m.Config
	d, f, nq, nk := c.HiddenSize, c.InnerSize, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	norm := func(name string, n int) *nn.Norm {
		return &nn.Norm{W: m.vector(name+".weight", n), Eps: nn.Float(c.NormEps)}
	}
	linear := func(name string, out, in int, bias bool) *nn.Linear {
		l := &nn.Linear{W: m.matrix(name+".weight", out, in)}
		if bias {
			l.B = m.vector(name+".bias", out)
		}
		return l
	}
	rope := c.Rope.build(c.HeadDim, c.MaxPositions)
	m.Wte = m.matrix("model.embed_tokens.weight", c.VocabSize, d)
	for i := range c.Layers {
		h := fmt.Sprintf("model.layers.%d.", i)
		b := &nn.Block{
			Norm1: norm(h+"input_layernorm", d),
			Attn: &nn.Attn{
				QKV: m.qkv(h+"self_attn.", nq, nk), O: linear(h+"self_attn.o_proj", d, nq, c.OutBias), RoPE: rope,
				Layer: i, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Dropout: nn.Float(c.AttnDropout),
			},
			Norm2: norm(h+"post_attention_layernorm", d),
			MLP: &nn.MLP{
				Gate: linear(h+"mlp.gate_proj", f, d, c.MLPBias), Up: linear(h+"mlp.up_proj", f, d, c.MLPBias),
				Down: linear(h+"mlp.down_proj", d, f, c.MLPBias), Act: c.Act, Layer: i,
			},
		}
		if c.QKNorm {
			b.Attn.QNorm, b.Attn.KNorm = norm(h+"self_attn.q_norm", c.HeadDim), norm(h+"self_attn.k_norm", c.HeadDim)
		}
		if c.Windows != nil {
			b.Attn.Window = c.Windows[i]
		}
		m.Stack.Blocks = append(m.Stack.Blocks, b)
	}
	m.Stack.Norm = norm("model.norm", d)
	m.head()
}

// qkv adds the fused projection and the names of its three parts.
func (m *Model) qkv(prefix string, nq, nk int) *nn.Linear {
	l := &nn.Linear{W: m.param(prefix+"qkv_proj.weight", nq+2*nk, m.Config.HiddenSize, false)}
	params := []*nn.Param{l.W}
	if m.Config.QKVBias {
		l.B = m.param(prefix+"qkv_proj.bias", 1, nq+2*nk, true)
		params = append(params, l.B)
	}
	for _, p := range params {
		kind := cmp.Or(map[bool]string{true: ".bias"}[p.Vector], ".weight")
		m.tensors = append(m.tensors,
			Tensor{Name: prefix + "q_proj" + kind, P: p, Lo: 0, Hi: nq},
			Tensor{Name: prefix + "k_proj" + kind, P: p, Lo: nq, Hi: nq + nk},
			Tensor{Name: prefix + "v_proj" + kind, P: p, Lo: nq + nk, Hi: nq + 2*nk})
	}
	return l
}
