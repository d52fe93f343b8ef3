package convert

import (
	"fmt"
	"strings"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/model"
)

// A Mix says in which types WriteGGUF stores weights, by llama.cpp's name: "f16", or "q4_K_M", which gives more bits to
// the matrices that need them. Vectors and learned positions are always float32.
type Mix struct {
	Name   string
	file   uint32    // general.file_type
	matrix gguf.Type // of most matrices
}

// Mixes are those that there are, from the largest to the smallest.
var Mixes = []Mix{
	{"f32", 0, gguf.F32}, {"bf16", 32, gguf.BF16}, {"f16", 1, gguf.F16},
	{"q8_0", 7, gguf.Q8_0}, {"q4_K_M", 15, gguf.Q4_K}, {"q4_0", 2, gguf.Q4_0},
}

// ParseMix finds a Mix by name, in either case. q4_K is short for q4_K_M, as it is for llama.cpp.
func ParseMix(name string) (Mix, error) {
	if strings.EqualFold(name, "q4_K") {
		name = "q4_K_M"
	}
	var names []string
	for _, m := range Mixes {
		if strings.EqualFold(m.Name, name) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Mix{}, fmt.Errorf("convert: no type %q; there are %s", name, strings.Join(names, ", "))
}

// Exact reports whether the weights are stored as they are.
func (m Mix) Exact() bool { return m.matrix == gguf.F32 }

// typeOf returns the type of one tensor: llama.cpp's own choice (llama_tensor_get_type), without an importance matrix.
func (m Mix) typeOf(t tensor, layer int, c *model.Config) gguf.Type {
	if len(t.shape) < 2 || t.from == "position_embd.weight" {
		return gguf.F32
	}
	kind, cols := m.matrix, t.shape[1]
	block, _ := kind.Block()
	head := t.from == "output.weight" || c.Tied && t.from == "token_embd.weight"
	four := m.matrix == gguf.Q4_0 || m.matrix == gguf.Q4_K
	switch {
	case four && head && cols%block != 0:
		kind = gguf.Q8_0
	case four && head, m.matrix == gguf.Q4_K && sensitive(t.from) && moreBits(layer, c.Layers):
		kind = gguf.Q6_K
	}
	return fit(kind, cols)
}

// sensitive reports whether q4_K_M gives more bits to a matrix in some layers.
func sensitive(name string) bool {
	for _, part := range []string{"attn_v.", "attn_qkv.", "ffn_down."} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// moreBits picks half of the layers: the first and the last eighth, and each third between.
func moreBits(layer, layers int) bool {
	return layer < layers/8 || layer >= 7*layers/8 || (layer-layers/8)%3 == 2
}

// fit returns the type itself if rows of so many elements are whole blocks, else what stands in for it.
func fit(kind gguf.Type, cols int) gguf.Type {
	for {
		if block, _ := kind.Block(); cols%block == 0 {
			return kind
		}
		switch kind {
		case gguf.Q4_K:
			kind = gguf.Q5_0
		case gguf.Q6_K:
			kind = gguf.Q8_0
		default:
			return gguf.F16
		}
	}
}
