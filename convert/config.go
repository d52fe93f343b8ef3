package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hone-ml/hone/gguf"
)

// architectures maps general.architecture to the class that config.json names.
var architectures = map[string]string{
	"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM", "gpt2": "GPT2LMHeadModel",
}

// architecture returns general.architecture if f is a model that can be imported.
func architecture(f *gguf.File) (string, error) {
	arch, err := f.String("general.architecture")
	if err != nil {
		return "", err
	}
	if f.Has("general.type") {
		kind, err := f.String("general.type")
		if err != nil {
			return "", err
		}
		if kind != "model" {
			return "", fmt.Errorf("general.type is %q, not model: import the file that has the model itself", kind)
		}
	}
	switch arch {
	case "llama", "qwen2", "qwen3", "gpt2":
	default:
		return "", fmt.Errorf("general.architecture %q is not supported; hone imports llama (also SmolLM2 and Mistral), qwen2, qwen3 and gpt2", arch)
	}
	if f.Has("split.count") {
		n, err := f.Uint("split.count")
		if err != nil {
			return "", err
		}
		if n > 1 {
			return "", fmt.Errorf("split.count is %d: the model lies in %d files; put them together with llama.cpp first: llama-gguf-split --merge FIRST-OF-THEM WHOLE.gguf", n, n)
		}
	}
	k := &keys{f: f, arch: arch}
	if n := k.intOr("expert_count", 0); n > 0 {
		return "", fmt.Errorf("%s.expert_count is %d: mixtures of experts are not supported", arch, n)
	}
	for _, key := range []string{"logit_scale", "residual_scale", "embedding_scale", "attention.scale", "attention.clamp_kqv"} {
		if v := k.floatOr(key, 1); v != 0 && v != 1 {
			return "", fmt.Errorf("%s.%s is %v: hone's %s has no such scale", arch, key, v, arch)
		}
	}
	return arch, k.err
}

// config returns config.json, as far as the weights need it, and whether lm_head is a matrix of its own.
func config(f *gguf.File, arch string) (map[string]any, error) {
	embd, ok := f.Info("token_embd.weight")
	if !ok || len(embd.Shape) != 2 {
		return nil, errors.New("there is no matrix token_embd.weight: the file has no model, perhaps only a vocabulary")
	}
	k := &keys{f: f, arch: arch}
	c := map[string]any{"vocab_size": embd.Shape[0], "initializer_range": 0.02, "tie_word_embeddings": tied(f)}
	heads := k.int("attention.head_count")
	if arch == "gpt2" {
		c["n_embd"], c["n_layer"], c["n_head"], c["n_positions"] = k.int("embedding_length"), k.int("block_count"), heads, k.int("context_length")
		c["n_inner"], c["activation_function"] = k.int("feed_forward_length"), "gelu_new"
		c["layer_norm_epsilon"] = shortest(k.float("attention.layer_norm_epsilon"))
		if kv := k.intOr("attention.head_count_kv", heads); kv != heads && k.err == nil {
			return nil, fmt.Errorf("gpt2.attention.head_count_kv is %d, but there are %d heads", kv, heads)
		}
	} else {
		k.llama(c, heads)
	}
	if k.err != nil {
		return nil, k.err
	}
	kind := arch
	if window := k.intOr("attention.sliding_window", 0); arch == "llama" && window > 0 && window < k.int("context_length") {
		kind, c["sliding_window"] = "mistral", window
	}
	c["model_type"], c["architectures"] = kind, []string{architectures[kind]}
	return c, k.err
}

// tied reports whether the embedding is lm_head too: there is no matrix for lm_head, or it is a copy.
func tied(f *gguf.File) bool {
	head, ok := f.Info("output.weight")
	embd, _ := f.Info("token_embd.weight")
	if !ok {
		return true
	}
	if head.Type != embd.Type || !slices.Equal(head.Shape, embd.Shape) {
		return false
	}
	a, errA := f.Bytes(head.Name)
	b, errB := f.Bytes(embd.Name)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// llama fills in what Llama, Mistral, Qwen2 and Qwen3 share.
func (k *keys) llama(c map[string]any, heads int) {
	width := k.int("embedding_length")
	c["hidden_size"], c["num_hidden_layers"], c["num_attention_heads"] = width, k.int("block_count"), heads
	c["num_key_value_heads"], c["intermediate_size"] = k.intOr("attention.head_count_kv", heads), k.int("feed_forward_length")
	c["max_position_embeddings"], c["hidden_act"], c["attention_dropout"] = k.int("context_length"), "silu", shortest(0)
	c["rms_norm_eps"] = shortest(k.float("attention.layer_norm_rms_epsilon"))
	if k.arch != "qwen2" {
		_, bias := k.f.Info("blk.0.attn_q.bias")
		c["attention_bias"] = bias
	}
	if k.arch == "llama" {
		_, bias := k.f.Info("blk.0.ffn_down.bias")
		c["mlp_bias"] = bias
	}
	c["rope_theta"] = shortest(k.floatOr("rope.freq_base", 10000))
	dim := k.headDim(width, heads)
	if k.err != nil {
		return
	}
	if dim*heads != width || k.arch != "qwen2" {
		c["head_dim"] = dim
	}
	if scaling := k.rope(dim); scaling != nil {
		c["rope_scaling"] = scaling
	}
}

// headDim returns the size of a head.
func (k *keys) headDim(width, heads int) int {
	rope := k.intOr("rope.dimension_count", 0)
	dim := k.intOr("attention.key_length", 0)
	if dim == 0 && k.arch == "llama" {
		dim = rope
	}
	if dim == 0 && k.err == nil {
		if heads < 1 || width%heads != 0 {
			k.err = fmt.Errorf("%s.embedding_length %d is not divisible by %s.attention.head_count %d", k.arch, width, k.arch, heads)
			return 0
		}
		dim = width / heads
	}
	for _, key := range []string{"rope.dimension_count", "attention.value_length"} {
		if v := k.intOr(key, dim); v != dim && k.err == nil {
			k.err = fmt.Errorf("%s.%s is %d, but heads have %d elements: such models are not supported", k.arch, key, v, dim)
		}
	}
	return dim
}

// encode writes a JSON file with two spaces of indentation.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
