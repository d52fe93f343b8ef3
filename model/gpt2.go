package model

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hone-ml/hone/nn"
)

// parseGPT2 reads GPT-2's names in config.json, with transformers' defaults.
func (c *Config) parseGPT2(b []byte) error {
	j := struct {
		Vocab      int     `json:"vocab_size"`
		Positions  int     `json:"n_positions"`
		Width      int     `json:"n_embd"`
		Layers     int     `json:"n_layer"`
		Heads      int     `json:"n_head"`
		Inner      *int    `json:"n_inner"`
		Act        string  `json:"activation_function"`
		Eps        float64 `json:"layer_norm_epsilon"`
		InitRange  float64 `json:"initializer_range"`
		Tied       bool    `json:"tie_word_embeddings"`
		Embd       float64 `json:"embd_pdrop"`
		Attn       float64 `json:"attn_pdrop"`
		Resid      float64 `json:"resid_pdrop"`
		BOS        ids     `json:"bos_token_id"`
		EOS        ids     `json:"eos_token_id"`
		PAD        ids     `json:"pad_token_id"`
		ScaleAttn  bool    `json:"scale_attn_weights"`
		ScaleLayer bool    `json:"scale_attn_by_inverse_layer_idx"`
		CrossAttn  bool    `json:"add_cross_attention"`
	}{Vocab: 50257, Positions: 1024, Width: 768, Layers: 12, Heads: 12, Act: "gelu_new", Eps: 1e-5, InitRange: 0.02,
		Tied: true, Embd: 0.1, Attn: 0.1, Resid: 0.1, BOS: ids{50256}, EOS: ids{50256}, ScaleAttn: true}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	if !j.ScaleAttn || j.ScaleLayer || j.CrossAttn {
		return errors.New("scale_attn_weights false, scale_attn_by_inverse_layer_idx and add_cross_attention are not supported")
	}
	var err error
	if c.HeadDim, err = headDim("n_embd", j.Width, j.Heads); err != nil {
		return err
	}
	if c.Act, err = actFunc(j.Act); err != nil {
		return err
	}
	c.VocabSize, c.HiddenSize, c.Layers, c.Heads, c.KVHeads = j.Vocab, j.Width, j.Layers, j.Heads, j.Heads
	c.MaxPositions, c.NormEps, c.InitRange, c.Tied = j.Positions, j.Eps, j.InitRange, j.Tied
	c.EmbdDropout, c.AttnDropout, c.ResidDropout = j.Embd, j.Attn, j.Resid
	c.QKVBias, c.OutBias, c.MLPBias = true, true, true
	c.BOS, c.EOS, c.PAD = j.BOS.first(), j.EOS, j.PAD.first()
	c.InnerSize = 4 * c.HiddenSize
	if j.Inner != nil {
		c.InnerSize = *j.Inner
	}
	return nil
}

// buildGPT2 assembles GPT-2 (Radford et al., 2019) and its table of names. Its Conv1D weights are [in, out] in
// the file and [out, in] here.
func (m *Model) buildGPT2() {
	c := m.Config
	d, f := c.HiddenSize, c.InnerSize
	norm := func(name string) *nn.Norm {
		return &nn.Norm{W: m.vector(name+".weight", d), B: m.vector(name+".bias", d), Eps: nn.Float(c.NormEps)}
	}
	conv := func(name string, in, out int) *nn.Linear {
		l := &nn.Linear{W: m.matrix(name+".weight", out, in), B: m.vector(name+".bias", out)}
		m.tensors[len(m.tensors)-2].Transpose = true
		return l
	}
	m.Wte = m.matrix("transformer.wte.weight", c.VocabSize, d)
	m.Wpe = m.matrix("transformer.wpe.weight", c.MaxPositions, d)
	for i := range c.Layers {
		h := fmt.Sprintf("transformer.h.%d.", i)
		m.Stack.Blocks = append(m.Stack.Blocks, &nn.Block{
			Norm1: norm(h + "ln_1"),
			Attn: &nn.Attn{
				QKV: conv(h+"attn.c_attn", d, 3*d), O: conv(h+"attn.c_proj", d, d),
				Layer: i, Heads: c.Heads, KVHeads: c.Heads, HeadDim: c.HeadDim,
				Dropout: nn.Float(c.AttnDropout), OutDropout: nn.Float(c.ResidDropout),
			},
			Norm2: norm(h + "ln_2"),
			MLP: &nn.MLP{
				Up: conv(h+"mlp.c_fc", d, f), Down: conv(h+"mlp.c_proj", f, d),
				Act: c.Act, Layer: i, OutDropout: nn.Float(c.ResidDropout),
			},
		})
	}
	m.Stack.Norm = norm("transformer.ln_f")
	m.head()
}

// head ties lm_head to the embedding or gives it a weight of its own.
func (m *Model) head() {
	m.Head.W = m.Wte
	if !m.Config.Tied {
		m.Head.W = m.matrix("lm_head.weight", m.Config.VocabSize, m.Config.HiddenSize)
	}
}

// baseName returns the name that a tensor has in a checkpoint of the base model alone, such as the original
// GPT-2: without the prefix.
func (t Tensor) baseName() string {
	for _, prefix := range []string{"transformer.", "model."} {
		if len(t.Name) > len(prefix) && t.Name[:len(prefix)] == prefix {
			return t.Name[len(prefix):]
		}
	}
	return t.Name
}
