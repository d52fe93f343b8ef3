package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/hone-ml/hone/nn"
)

// Rope is rope_parameters of config.json, or the older rope_theta and rope_scaling.
type Rope struct {
	Type          string   `json:"rope_type"`
	OldType       string   `json:"type"`
	Theta         float64  `json:"rope_theta"`
	Factor        float64  `json:"factor"`
	LowFreq       float64  `json:"low_freq_factor"`
	HighFreq      float64  `json:"high_freq_factor"`
	OriginalMax   float64  `json:"original_max_position_embeddings"`
	AttnFactor    *float64 `json:"attention_factor"`
	BetaFast      float64  `json:"beta_fast"`
	BetaSlow      float64  `json:"beta_slow"`
	MScale        float64  `json:"mscale"`
	MScaleAllDim  float64  `json:"mscale_all_dim"`
	Truncate      *bool    `json:"truncate"`
	PartialRotary *float64 `json:"partial_rotary_factor"`
}

// parseRope reads whichever of the two spellings is there; theta is the architecture's default base.
func parseRope(parameters, scaling json.RawMessage, ropeTheta *float64, theta float64) (*Rope, error) {
	r := &Rope{Theta: theta}
	if ropeTheta != nil {
		r.Theta = *ropeTheta
	}
	for _, b := range []json.RawMessage{scaling, parameters} {
		if b == nil {
			continue
		}
		if err := json.Unmarshal(b, r); err != nil {
			return nil, fmt.Errorf("rope_parameters: %w", err)
		}
	}
	if r.Type == "" {
		r.Type = r.OldType
	}
	switch r.Type {
	case "", "default":
		r.Type = "default"
	case "linear", "dynamic", "yarn", "llama3":
		if r.Factor < 1 && !(r.Type == "yarn" && r.Factor == 0) {
			return nil, fmt.Errorf("rope factor is %g; expected at least 1", r.Factor)
		}
		if (r.Type == "yarn" || r.Type == "llama3") && r.OriginalMax < 1 {
			return nil, errors.New("rope type " + r.Type + " needs original_max_position_embeddings")
		}
		if r.Type == "llama3" && !(r.LowFreq > 0 && r.HighFreq > r.LowFreq) {
			return nil, fmt.Errorf("rope low_freq_factor %g and high_freq_factor %g; expected 0 < low < high", r.LowFreq, r.HighFreq)
		}
	default:
		return nil, fmt.Errorf("rope_type %q is not supported; hone has default, linear, dynamic, yarn and llama3", r.Type)
	}
	if r.PartialRotary != nil && *r.PartialRotary != 1 {
		return nil, fmt.Errorf("partial_rotary_factor %g is not supported", *r.PartialRotary)
	}
	if !(r.Theta > 1) {
		return nil, fmt.Errorf("rope_theta is %g; expected more than 1", r.Theta)
	}
	return r, nil
}

// build returns the layer that rotates heads of dim elements. maxPositions is the model's.
func (r *Rope) build(dim, maxPositions int) *nn.RoPE {
	l := &nn.RoPE{}
	switch r.Type {
	case "linear":
		l.InvFreq = func(int) []float32 { return scaled(invFreq(r.Theta, dim), 1/r.Factor) }
	case "dynamic":
		l.Varies = true
		l.InvFreq = func(n int) []float32 { return r.dynamic(dim, n, maxPositions) }
	case "yarn":
		l.InvFreq = func(int) []float32 { return r.yarn(dim, maxPositions) }
		l.Scale = r.yarnScale(maxPositions)
	case "llama3":
		l.InvFreq = func(int) []float32 { return r.llama3(dim) }
	default:
		l.InvFreq = func(int) []float32 { return invFreq(r.Theta, dim) }
	}
	return l
}

// invFreq is θ^(−2d/dim) in float32, as torch computes it.
func invFreq(theta float64, dim int) []float32 {
	f := make([]float32, dim/2)
	for d := range f {
		f[d] = 1 / float32(math.Pow(theta, float64(float32(2*d)/float32(dim))))
	}
	return f
}

func scaled(f []float32, by float64) []float32 {
	for d := range f {
		f[d] *= float32(by)
	}
	return f
}

// dynamic is NTK-aware scaling: the base grows once a sequence is longer than the model was made for.
func (r *Rope) dynamic(dim, n, maxPositions int) []float32 {
	if n <= maxPositions {
		return invFreq(r.Theta, dim)
	}
	grow := r.Factor*float64(n)/float64(maxPositions) - (r.Factor - 1)
	return invFreq(r.Theta*math.Pow(grow, float64(dim)/float64(dim-2)), dim)
}

// llama3 divides low frequencies by the factor, keeps high ones, and blends those between.
func (r *Rope) llama3(dim int) []float32 {
	f := invFreq(r.Theta, dim)
	low, high := r.OriginalMax/r.LowFreq, r.OriginalMax/r.HighFreq
	for d, v := range f {
		wavelen := 2 * math.Pi / float64(v)
		switch {
		case wavelen > low:
			f[d] = v / float32(r.Factor)
		case wavelen >= high:
			blend := (r.OriginalMax/wavelen - r.LowFreq) / (r.HighFreq - r.LowFreq)
			f[d] = float32((1-blend)*float64(v)/r.Factor + blend*float64(v))
		}
	}
	return f
}

// yarn interpolates between scaled and unscaled frequencies (Peng et al., 2023).
func (r *Rope) yarn(dim, maxPositions int) []float32 {
	turns := func(n float64) float64 {
		return float64(dim) * math.Log(r.OriginalMax/(n*2*math.Pi)) / (2 * math.Log(r.Theta))
	}
	low, high := turns(or(r.BetaFast, 32)), turns(or(r.BetaSlow, 1))
	if r.Truncate == nil || *r.Truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	f := invFreq(r.Theta, dim)
	for d, v := range f {
		keep := 1 - min(max((float64(d)-low)/(high-low), 0), 1)
		f[d] = float32(float64(v)/r.yarnFactor(maxPositions)*(1-keep) + float64(v)*keep)
	}
	return f
}

func (r *Rope) yarnFactor(maxPositions int) float64 {
	return or(r.Factor, float64(maxPositions)/r.OriginalMax)
}

func (r *Rope) yarnScale(maxPositions int) float64 {
	if r.AttnFactor != nil {
		return *r.AttnFactor
	}
	factor := r.yarnFactor(maxPositions)
	mscale := func(m float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(factor) + 1
	}
	if r.MScale != 0 && r.MScaleAllDim != 0 {
		return mscale(r.MScale) / mscale(r.MScaleAllDim)
	}
	return mscale(1)
}

func or(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}
