package convert

import "math"

// A scaling is rope_scaling of config.json.
type scaling map[string]any

// rope returns how frequencies are scaled, nil for not at all.
func (k *keys) rope(dim int) scaling {
	if _, ok := k.f.Info("rope_freqs.weight"); ok {
		return k.llama3(dim)
	}
	kind := "none"
	if k.has("rope.scaling.type") {
		v, err := k.f.String(k.arch + ".rope.scaling.type")
		kind = keep(k, v, err)
	} else if k.has("rope.scale_linear") && k.float("rope.scale_linear") != 1 {
		return scaling{"rope_type": "linear", "factor": shortest(k.float("rope.scale_linear"))}
	}
	switch kind {
	case "none", "":
		return nil
	case "linear":
		return scaling{"rope_type": "linear", "factor": shortest(k.float("rope.scaling.factor"))}
	case "yarn":
		return k.yarn()
	}
	return k.fail("%s.rope.scaling.type %q is not supported; linear, yarn and Llama 3's are", k.arch, kind)
}

// yarn reads the keys of that scaling. Hugging Face's formula has no place for llama.cpp's further factors.
func (k *keys) yarn() scaling {
	s := scaling{"rope_type": "yarn", "factor": shortest(k.float("rope.scaling.factor")),
		"original_max_position_embeddings": k.int("rope.scaling.original_context_length")}
	for _, key := range []string{"rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor", "rope.scaling.attn_factor"} {
		if v := k.floatOr(key, 1); v != 1 {
			return k.fail("%s.%s is %v, which config.json can't express", k.arch, key, v)
		}
	}
	for _, key := range []string{"beta_fast", "beta_slow"} {
		if k.has("rope.scaling.yarn_" + key) {
			s[key] = shortest(k.float("rope.scaling.yarn_" + key))
		}
	}
	return s
}

// metaContext is original_max_position_embeddings of all of Meta's models with such a scaling.
const metaContext = 8192

// llama3 finds the formula behind rope_freqs.weight, what each frequency is divided by. The largest divisor stands in
// the tensor; the other three numbers are those of all of Meta's models, unless the file tells the original context.
func (k *keys) llama3(dim int) scaling {
	const low, high = 1.0, 4.0
	info, _ := k.f.Info("rope_freqs.weight")
	if len(info.Shape) != 1 || info.Shape[0] != dim/2 || dim < 2 {
		return k.fail("tensor rope_freqs.weight is %v; for heads of %d elements it would be [%d]", info.Shape, dim, dim/2)
	}
	divisors := make([]float32, dim/2)
	if err := k.f.ReadFloat32(divisors, info.Name); err != nil {
		return k.fail("%w", err)
	}
	factor := float64(divisors[len(divisors)-1])
	if factor == 1 {
		return nil
	}
	theta, original := k.floatOr("rope.freq_base", 10000), k.intOr("rope.scaling.original_context_length", metaContext)
	for d, got := range divisors {
		turns := float64(original) / (2 * math.Pi * math.Pow(theta, float64(2*d)/float64(dim)))
		blend := min(max((turns-low)/(high-low), 0), 1)
		want := 1 / ((1-blend)/factor + blend)
		if !(math.Abs(float64(got)-want) <= 1e-3*want) {
			return k.fail("tensor rope_freqs.weight divides frequency %d by %v; Llama 3's formula with factor %v and an original context of %d says %.6g: such a scaling is not supported", d, got, factor, original, want)
		}
	}
	return scaling{"rope_type": "llama3", "factor": shortest(factor), "low_freq_factor": shortest(low), "high_freq_factor": shortest(high),
		"original_max_position_embeddings": original}
}
