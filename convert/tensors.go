package convert

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/safetensors"
)

// A tensor is one weight: what it is called in the GGUF file and at Hugging Face, and what happens on the way.
type tensor struct {
	from, to  string
	shape     []int // in the GGUF file
	heads     int   // above 0: rows of so many heads, to be put back in Hugging Face's order for RoPE
	transpose bool  // Hugging Face has it as [in, out]
}

// target returns the shape at Hugging Face.
func (t tensor) target() []int {
	if t.transpose {
		return []int{t.shape[1], t.shape[0]}
	}
	return t.shape
}

// tensors lists the weights of a model, in Hugging Face's order.
func tensors(c *model.Config) (list []tensor) {
	add := func(from, to string, shape ...int) { list = append(list, tensor{from: from, to: to, shape: shape}) }
	if c.ModelType == "gpt2" {
		add("token_embd.weight", "transformer.wte.weight", c.VocabSize, c.HiddenSize)
		add("position_embd.weight", "transformer.wpe.weight", c.MaxPositions, c.HiddenSize)
		for i := range c.Layers {
			list = append(list, gpt2Block(c, i)...)
		}
		add("output_norm.weight", "transformer.ln_f.weight", c.HiddenSize)
		add("output_norm.bias", "transformer.ln_f.bias", c.HiddenSize)
	} else {
		add("token_embd.weight", "model.embed_tokens.weight", c.VocabSize, c.HiddenSize)
		for i := range c.Layers {
			list = append(list, llamaBlock(c, i)...)
		}
		add("output_norm.weight", "model.norm.weight", c.HiddenSize)
	}
	if !c.Tied {
		add("output.weight", "lm_head.weight", c.VocabSize, c.HiddenSize)
	}
	return list
}

// llamaBlock lists a layer of Llama, Mistral, Qwen2 or Qwen3. llama.cpp rotates neighbours where Hugging Face rotates
// halves, but only in what it calls llama; there the rows of q and k are reordered.
func llamaBlock(c *model.Config, layer int) (list []tensor) {
	d, f, nq, nk := c.HiddenSize, c.InnerSize, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	from, to := fmt.Sprintf("blk.%d.", layer), fmt.Sprintf("model.layers.%d.", layer)
	linear := func(a, b string, out, in, heads int, bias bool) {
		list = append(list, tensor{from: from + a + ".weight", to: to + b + ".weight", shape: []int{out, in}, heads: heads})
		if bias {
			list = append(list, tensor{from: from + a + ".bias", to: to + b + ".bias", shape: []int{out}, heads: heads})
		}
	}
	norm := func(a, b string, n int) {
		list = append(list, tensor{from: from + a + ".weight", to: to + b + ".weight", shape: []int{n}})
	}
	qHeads, kHeads := 0, 0
	if c.ModelType == "llama" || c.ModelType == "mistral" {
		qHeads, kHeads = c.Heads, c.KVHeads
	}
	norm("attn_norm", "input_layernorm", d)
	linear("attn_q", "self_attn.q_proj", nq, d, qHeads, c.QKVBias)
	linear("attn_k", "self_attn.k_proj", nk, d, kHeads, c.QKVBias)
	linear("attn_v", "self_attn.v_proj", nk, d, 0, c.QKVBias)
	linear("attn_output", "self_attn.o_proj", d, nq, 0, c.OutBias)
	if c.QKNorm {
		norm("attn_q_norm", "self_attn.q_norm", c.HeadDim)
		norm("attn_k_norm", "self_attn.k_norm", c.HeadDim)
	}
	norm("ffn_norm", "post_attention_layernorm", d)
	linear("ffn_gate", "mlp.gate_proj", f, d, 0, c.MLPBias)
	linear("ffn_up", "mlp.up_proj", f, d, 0, c.MLPBias)
	linear("ffn_down", "mlp.down_proj", d, f, 0, c.MLPBias)
	return list
}

// gpt2Block lists a layer of GPT-2, whose matrices Hugging Face has transposed.
func gpt2Block(c *model.Config, layer int) (list []tensor) {
	d, f := c.HiddenSize, c.InnerSize
	from, to := fmt.Sprintf("blk.%d.", layer), fmt.Sprintf("transformer.h.%d.", layer)
	add := func(a, b string, shape ...int) {
		list = append(list, tensor{from: from + a + ".weight", to: to + b + ".weight", shape: shape, transpose: len(shape) == 2},
			tensor{from: from + a + ".bias", to: to + b + ".bias", shape: shape[:1]})
	}
	add("attn_norm", "ln_1", d)
	add("attn_qkv", "attn.c_attn", 3*d, d)
	add("attn_output", "attn.c_proj", d, d)
	add("ffn_norm", "ln_2", d)
	add("ffn_up", "mlp.c_fc", f, d)
	add("ffn_down", "mlp.c_proj", d, f)
	return list
}

// match refuses a file whose tensors are not exactly those of the list.
func match(f *gguf.File, list []tensor, arch string) error {
	known := map[string]bool{"rope_freqs.weight": true, "output.weight": true} // read with the configuration
	for _, t := range list {
		known[t.from] = true
		info, ok := f.Info(t.from)
		switch {
		case !ok:
			return fmt.Errorf("there is no tensor %s, which a %s has: the file is incomplete, or of a kind that hone does not know", t.from, arch)
		case !slices.Equal(info.Shape, t.shape):
			return fmt.Errorf("tensor %s is %v, but the metadata make it %v", t.from, info.Shape, t.shape)
		case !info.Type.Readable():
			return fmt.Errorf("tensor %s has type %v, which hone can't read; take the model in another quantization, such as Q8_0, Q6_K or Q4_K_M", t.from, info.Type)
		}
	}
	for _, name := range f.Names() {
		if !known[name] {
			return fmt.Errorf("tensor %.80q is none that a %s has: the model computes something that hone does not", name, arch)
		}
	}
	return nil
}

// A copier writes the tensors of a GGUF file.
type copier struct {
	ctx         context.Context
	f           *gguf.File
	done, total int64
	progress    func(done, total int64) // or nil
	fault       error                   // what is wrong with the file
}

// tensor returns what safetensors writes for t.
func (c *copier) tensor(t tensor, dtype safetensors.Dtype) safetensors.Tensor {
	most := math.Inf(1)
	if dtype == safetensors.F16 {
		most = 65520 // rounds to infinity
	}
	return safetensors.Tensor{Name: t.to, Dtype: dtype, Shape: t.target(), Data: func(e *safetensors.Encoder) error {
		return c.read(t, func(v []float32) error {
			if c.fault = c.ctx.Err(); c.fault != nil {
				return c.fault
			}
			for _, x := range v {
				if a := math.Abs(float64(x)); !(a < most) {
					c.fault = badWeight(t, x)
					return c.fault
				}
			}
			if c.done += int64(len(v)); c.progress != nil {
				c.progress(c.done, c.total)
			}
			return e.Float32(v)
		})
	}}
}

func badWeight(t tensor, x float32) error {
	if x := float64(x); math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("tensor %s has a weight of %v: the file is damaged", t.from, x)
	}
	return fmt.Errorf("tensor %s has a weight of %v, too large for float16: write the model as bfloat16 or float32", t.from, x)
}

// span is how many weights are converted at a time.
const span = 1 << 18

// read hands the tensor's weights to put, in the order of the target.
func (c *copier) read(t tensor, put func([]float32) error) error {
	rows, cols := t.shape[0], 1
	if len(t.shape) == 2 {
		cols = t.shape[1]
	}
	switch {
	case t.transpose:
		return c.readTransposed(t.from, rows, cols, put)
	case t.heads > 0:
		return c.readHeads(t, rows/t.heads, cols, put)
	case len(t.shape) == 1:
		v := make([]float32, rows)
		if err := c.f.ReadFloat32(v, t.from); err != nil {
			return err
		}
		return put(v)
	}
	step := max(1, span/cols)
	v := make([]float32, min(step, rows)*cols)
	for lo := 0; lo < rows; lo += step {
		hi := min(lo+step, rows)
		part := v[:(hi-lo)*cols]
		if err := c.f.ReadFloat32Rows(part, t.from, lo, hi); err != nil {
			return err
		}
		if err := put(part); err != nil {
			return err
		}
	}
	return nil
}

// readHeads undoes llama.cpp's reordering, head by head: row p·dim/2+k is its row 2k+p.
func (c *copier) readHeads(t tensor, dim, cols int, put func([]float32) error) error {
	src := make([]float32, t.heads*dim*cols)
	if err := c.f.ReadFloat32(src, t.from); err != nil {
		return err
	}
	dst := make([]float32, dim*cols)
	for h := range t.heads {
		head := src[h*dim*cols:]
		for row := range dim {
			p, k := row/(dim/2), row%(dim/2)
			copy(dst[row*cols:][:cols], head[(2*k+p)*cols:])
		}
		if err := put(dst); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) readTransposed(name string, rows, cols int, put func([]float32) error) error {
	src := make([]float32, rows*cols)
	if err := c.f.ReadFloat32(src, name); err != nil {
		return err
	}
	const step = 64 // columns at a time, so that reads use whole cache lines
	dst := make([]float32, step*rows)
	for lo := 0; lo < cols; lo += step {
		n := min(step, cols-lo)
		for i := range rows {
			for j, x := range src[i*cols+lo:][:n] {
				dst[j*rows+i] = x
			}
		}
		if err := put(dst[:n*rows]); err != nil {
			return err
		}
	}
	return nil
}

// types tells how the weights are stored, the most frequent type first: "Q4_1 (210 tensors), F32 (61), Q8_0 (1)".
func types(f *gguf.File) string {
	count := map[gguf.Type]int{}
	var order []gguf.Type
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		if count[info.Type]++; count[info.Type] == 1 {
			order = append(order, info.Type)
		}
	}
	slices.SortStableFunc(order, func(a, b gguf.Type) int { return count[b] - count[a] })
	var parts []string
	for i, t := range order {
		unit := ""
		if i == 0 {
			unit = " tensors"
		}
		parts = append(parts, fmt.Sprintf("%v (%d%s)", t, count[t], unit))
	}
	return strings.Join(parts, ", ")
}

// dtypeOf returns the type to write weights in: that of the matrices, if all have the same float type, else float32.
func dtypeOf(f *gguf.File, list []tensor) safetensors.Dtype {
	dtype := safetensors.F32
	for i, t := range list {
		info, _ := f.Info(t.from)
		if len(info.Shape) < 2 {
			continue
		}
		own, ok := map[gguf.Type]safetensors.Dtype{gguf.F16: safetensors.F16, gguf.BF16: safetensors.BF16}[info.Type]
		if !ok || i > 0 && own != dtype {
			return safetensors.F32
		}
		dtype = own
	}
	return dtype
}
