package train

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// block finds the number of the block in a weight's name.
var block = regexp.MustCompile(`(?:^|\.)(?:h|layers)\.(\d+)\.`)

// depth returns how far below the head p is: 0 for the final norm, the head and the top block, the number of blocks for
// the embeddings.
func depth(m *model.Model, p *nn.Param) int {
	blocks := m.Config.Layers
	for _, name := range names(m, p) {
		if at := block.FindStringSubmatch(name); at != nil {
			n, _ := strconv.Atoi(at[1])
			return blocks - 1 - n
		}
	}
	if embeds(m, p) {
		return blocks
	}
	return 0
}

// rates returns layer_lr_decay's factors of the learning rate by the index of weights, nil if all are 1.
func (a *Args) rates(m *model.Model) (all []float64) {
	if a.LayerLRDecay == 1 {
		return nil
	}
	for _, p := range m.Params {
		all = append(all, math.Pow(a.LayerLRDecay, float64(depth(m, p))))
	}
	return all
}

// names returns the names of the tensors that p holds, or p's own if it is an adapter's.
func names(m *model.Model, p *nn.Param) (all []string) {
	for _, t := range m.Tensors() {
		if t.P == p {
			all = append(all, t.Name)
		}
	}
	if all == nil {
		all = []string{p.Name}
	}
	return all
}

// embeds reports whether p is an embedding, which a tied head shares.
func embeds(m *model.Model, p *nn.Param) bool {
	return p == m.Wte || p == m.Wpe
}

// Trainable returns which weights of m are trained: those of own, nil for all, that freeze does not match.
func (a *Args) Trainable(m *model.Model, own func(*nn.Param) bool) (func(*nn.Param) bool, error) {
	if own == nil {
		own = func(*nn.Param) bool { return true }
	}
	frozen := map[*nn.Param]bool{}
	for _, pattern := range a.Freeze {
		match, err := freezes(m, pattern)
		if err != nil {
			return nil, err
		}
		found := false
		for _, p := range m.Params {
			if !own(p) {
				continue
			}
			all := names(m, p)
			n := len(slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !match(p, name) }))
			if n > 0 && n < len(all) {
				return nil, fmt.Errorf("train: freeze %q matches some of %s, which are one weight here: match all or none of them", pattern, strings.Join(all, ", "))
			}
			if n > 0 {
				frozen[p], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("train: freeze %q matches none of the trained weights, such as %s; give embeddings, a number of blocks, or part of a name", pattern, example(m, own))
		}
	}
	return func(p *nn.Param) bool { return !frozen[p] && own(p) }, nil
}

// freezes returns which weights an entry of freeze means.
func freezes(m *model.Model, s string) (func(p *nn.Param, name string) bool, error) {
	blocks := m.Config.Layers
	if s == "embeddings" {
		return func(p *nn.Param, _ string) bool { return embeds(m, p) }, nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > blocks {
			return nil, fmt.Errorf("train: freeze is %d blocks, but the model has %d", n, blocks)
		}
		return func(p *nn.Param, name string) bool {
			return block.MatchString(name) && blocks-1-depth(m, p) < n
		}, nil
	}
	re, err := regexp.Compile(s)
	if err != nil || s == "" {
		return nil, fmt.Errorf("train: freeze %q is no regular expression; give embeddings, a number of blocks, or part of a name", s)
	}
	return func(_ *nn.Param, name string) bool { return re.MatchString(name) }, nil
}

// example returns the name of a trained weight.
func example(m *model.Model, own func(*nn.Param) bool) string {
	for _, p := range m.Params {
		if own(p) {
			return names(m, p)[0]
		}
	}
	return ""
}
