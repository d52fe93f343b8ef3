package convert

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/tokenizer"
)

// verbalizerKey holds the verbalizer.json of a classifier, so that a model that comes back is one again.
const verbalizerKey = "hone.verbalizer"

// metadata lists the keys of the file in the converter's order.
func (w *writer) metadata(tok *tokenizer.Tokenizer) ([]gguf.KV, error) {
	c := w.m.Config
	if err := computable(c); err != nil {
		return nil, err
	}
	arch := c.ModelType
	if arch == "mistral" {
		arch = "llama"
	}
	b := &pairs{arch: arch}
	b.add("general.architecture", arch)
	b.add("general.type", "model")
	if w.target.Name != "" {
		b.add("general.name", w.target.Name)
	}
	b.add("general.size_label", sizeLabel(c.NumParams()))
	b.own("block_count", uint32(c.Layers))
	b.own("context_length", uint32(c.MaxPositions))
	b.own("embedding_length", uint32(c.HiddenSize))
	b.own("feed_forward_length", uint32(c.InnerSize))
	b.own("attention.head_count", uint32(c.Heads))
	if arch == "gpt2" {
		b.own("attention.layer_norm_epsilon", float32(c.NormEps))
	} else if err := b.llama(c); err != nil {
		return nil, err
	}
	b.add("general.file_type", w.target.Mix.file)
	b.add("general.quantization_version", uint32(2))
	if w.target.Verbalizer != nil {
		b.add(verbalizerKey, string(w.target.Verbalizer))
	}
	return b.list, b.vocabulary(tok, c)
}

// pairs collects keys and values.
type pairs struct {
	arch string
	list []gguf.KV
}

func (b *pairs) add(key string, v any) { b.list = append(b.list, gguf.KV{Key: key, Value: v}) }

// own adds a key of the architecture.
func (b *pairs) own(key string, v any) { b.add(b.arch+"."+key, v) }

// computable refuses models of which llama.cpp would make others.
func computable(c *model.Config) error {
	act := compute.SiLU
	if c.ModelType == "gpt2" {
		act = compute.GELUTanh
	}
	switch {
	case c.Act != act:
		return fmt.Errorf("llama.cpp computes a %s with %v, this model has another activation: export it as safetensors", c.ModelType, act)
	case c.ModelType == "qwen3" && c.OutBias:
		return errors.New("llama.cpp has no bias for the output projection of a qwen3 (attention_bias): export it as safetensors")
	case c.ModelType == "qwen2" && c.Heads*c.HeadDim != c.HiddenSize:
		return fmt.Errorf("llama.cpp wants heads of hidden_size ÷ num_attention_heads in a qwen2, this one has head_dim %d: export it as safetensors", c.HeadDim)
	case slices.ContainsFunc(c.Windows, func(n int) bool { return n != c.Windows[0] }):
		return errors.New("llama.cpp knows no qwen with a sliding window in some layers only: export it as safetensors")
	}
	return nil
}

// llama adds the keys that Llama, Mistral, Qwen2 and Qwen3 share.
func (b *pairs) llama(c *model.Config) error {
	b.own("attention.head_count_kv", uint32(c.KVHeads))
	if err := b.rope(c); err != nil {
		return err
	}
	b.own("attention.layer_norm_rms_epsilon", float32(c.NormEps))
	if c.Heads*c.HeadDim != c.HiddenSize || b.arch == "qwen3" {
		b.own("attention.key_length", uint32(c.HeadDim))
		b.own("attention.value_length", uint32(c.HeadDim))
	}
	if len(c.Windows) > 0 && c.Windows[0] > 0 {
		b.own("attention.sliding_window", uint32(c.Windows[0]))
	}
	if b.arch == "llama" {
		b.own("vocab_size", uint32(c.VocabSize))
		b.own("rope.dimension_count", uint32(c.HeadDim))
	}
	return nil
}

// rope adds how positions are rotated.
func (b *pairs) rope(c *model.Config) error {
	r := c.Rope
	switch r.Type {
	case "default":
	case "llama3":
		if b.arch != "llama" {
			return fmt.Errorf("llama.cpp has rope_type llama3 in a llama only, not in a %s: export it as safetensors", b.arch)
		}
		if r.OriginalMax != metaContext {
			b.own("rope.scaling.original_context_length", uint32(r.OriginalMax)) // for whoever undoes rope_freqs.weight
		}
	case "linear":
		b.own("rope.scaling.type", "linear")
		b.own("rope.scaling.factor", float32(r.Factor))
	case "yarn":
		if r.AttnFactor != nil || r.MScale != 0 || r.Truncate != nil && !*r.Truncate || r.Factor == 0 {
			return errors.New("rope_type yarn with an attention factor of its own is computed otherwise by llama.cpp: export the model as safetensors")
		}
		b.own("rope.scaling.type", "yarn")
		b.own("rope.scaling.factor", float32(r.Factor))
		b.own("rope.scaling.original_context_length", uint32(r.OriginalMax))
		if r.BetaFast != 0 {
			b.own("rope.scaling.yarn_beta_fast", float32(r.BetaFast))
		}
		if r.BetaSlow != 0 {
			b.own("rope.scaling.yarn_beta_slow", float32(r.BetaSlow))
		}
	default:
		return fmt.Errorf("llama.cpp has no rope_type %s: export the model as safetensors", r.Type)
	}
	b.own("rope.freq_base", float32(r.Theta))
	return nil
}

// ropeDivisors returns rope_freqs.weight of a model with Llama 3's scaling, else nil: what each frequency is divided by.
func ropeDivisors(r *model.Rope, dim int) []float32 {
	if r == nil || r.Type != "llama3" {
		return nil
	}
	f := make([]float32, dim/2)
	for d := range f {
		freq := float32(1 / math.Pow(r.Theta, float64(2*d)/float64(dim)))
		length := 2 * math.Pi / float64(freq)
		switch {
		case length < r.OriginalMax/r.HighFreq:
			f[d] = 1
		case length > r.OriginalMax/r.LowFreq:
			f[d] = float32(r.Factor)
		default:
			blend := (r.OriginalMax/length - r.LowFreq) / (r.HighFreq - r.LowFreq)
			f[d] = float32(1 / ((1-blend)/r.Factor + blend))
		}
	}
	return f
}

// vocabulary adds the tokenizer.
func (b *pairs) vocabulary(tok *tokenizer.Tokenizer, c *model.Config) error {
	g, err := tok.GGUF(c.VocabSize)
	if err != nil {
		return err
	}
	types := make([]int32, len(g.Types))
	for i, t := range g.Types {
		types[i] = int32(t)
	}
	pre := g.Pre
	if pre == "" {
		pre = "default"
	}
	b.add(prefix+"model", g.Model)
	b.add(prefix+"pre", pre)
	b.add(prefix+"tokens", g.Tokens)
	if g.Scores != nil {
		scores := make([]float32, len(g.Scores))
		for i, s := range g.Scores {
			scores[i] = float32(s)
		}
		b.add(prefix+"scores", scores)
	}
	b.add(prefix+"token_type", types)
	if g.Merges != nil {
		b.add(prefix+"merges", g.Merges)
	}
	b.roles(tok, c)
	b.add(prefix+"add_bos_token", g.AddBOS)
	b.add(prefix+"add_eos_token", g.AddEOS)
	if g.Model == "llama" {
		b.add(prefix+"add_space_prefix", g.AddSpacePrefix)
	}
	b.templates(tok.Config().ChatTemplates)
	return nil
}

// roles adds the tokens that have one: as the tokenizer says, or else the model.
func (b *pairs) roles(tok *tokenizer.Tokenizer, c *model.Config) {
	or := func(id int32, otherwise *int32) int32 {
		if id < 0 && otherwise != nil {
			return *otherwise
		}
		return id
	}
	var eos *int32
	if len(c.EOS) > 0 {
		eos = &c.EOS[0]
	}
	end := or(tok.EOS(), eos)
	special := tok.Config().SpecialTokens
	for _, role := range []struct {
		key string
		id  int32
	}{
		{"bos", or(tok.BOS(), c.BOS)}, {"eos", end}, {"unknown", tok.UNK()}, {"seperator", id(tok, special["sep_token"])},
		{"padding", or(tok.PAD(), c.PAD)}, {"cls", id(tok, special["cls_token"])}, {"mask", id(tok, special["mask_token"])},
	} {
		if role.id >= 0 && int(role.id) < c.VocabSize {
			b.add(prefix+role.key+"_token_id", uint32(role.id))
		}
	}
	for a := range tok.AddedTokens() {
		if a.Special && a.ID != end && slices.Contains(c.EOS, a.ID) {
			b.add(prefix+"eot_token_id", uint32(a.ID)) // also ends a turn
			break
		}
	}
}

func id(tok *tokenizer.Tokenizer, token string) int32 {
	if token == "" {
		return -1
	}
	return tok.TokenToID(token)
}

// templates adds the chat templates.
func (b *pairs) templates(all map[string]string) {
	const key = "tokenizer.chat_template"
	var names []string
	for name := range all {
		if name != "default" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) > 0 {
		b.add("tokenizer.chat_templates", names)
		for _, name := range names {
			b.add(key+"."+name, all[name])
		}
	}
	if text, ok := all["default"]; ok {
		b.add(key, text)
	}
}
