package lora

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// A plan is what a Config means for one model.
type plan struct {
	targets []target
	saved   []saved
}

// A target gets an adapter of rank r.
type target struct {
	module model.Module
	r      int
	scale  float64
}

// A saved weight is trained whole.
type saved struct {
	slot    **nn.Param
	tensors []model.Tensor // that the slot's parameter holds
}

// DefaultTargets returns PEFT's targets for an architecture, by config.json's model_type.
func DefaultTargets(modelType string) []string {
	if modelType == "gpt2" {
		return []string{"c_attn"}
	}
	return []string{"q_proj", "v_proj"}
}

// fill replaces what the config leaves to the architecture by what m has.
func (c *Config) fill(m *model.Model) {
	c.FanInFanOut = m.Config.ModelType == "gpt2"
	if c.TargetModules.empty() {
		c.TargetModules.List = DefaultTargets(m.Config.ModelType)
	}
	if strings.EqualFold(c.TargetModules.Regex, AllLinear) {
		c.TargetModules = Names{List: kinds(m)}
	}
}

// kinds returns the last parts of the names of all linear layers, in order.
func kinds(m *model.Model) (names []string) {
	for _, module := range m.Modules() {
		names = append(names, module.Name[strings.LastIndexByte(module.Name, '.')+1:])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plan finds what c chooses in m. c is filled.
func (c *Config) plan(m *model.Model) (*plan, error) {
	if err := unadapted(m); err != nil {
		return nil, err
	}
	if m.BF16() {
		return nil, errors.New("lora: the weights are held in bfloat16 to be trained themselves: load the model frozen, or in float32")
	}
	p := &plan{}
	for _, module := range m.Modules() {
		if !c.chooses(module.Name) {
			continue
		}
		r := c.RankPattern.of(module.Name, float64(c.R))
		scale := c.AlphaPattern.of(module.Name, c.Alpha) / r
		if c.UseRSLoRA {
			scale *= math.Sqrt(r)
		}
		p.targets = append(p.targets, target{module, int(r), scale})
	}
	for _, name := range []string{m.Tensors()[0].Module(), "transformer.wpe", "lm_head"} {
		if c.chooses(name) {
			return nil, fmt.Errorf("lora: target_modules %s chooses %s, which can't have an adapter here; it can be trained whole, with modules_to_save", c.TargetModules, name)
		}
	}
	if len(p.targets) == 0 {
		return nil, fmt.Errorf("lora: target_modules %s chooses nothing of this %s with %d layers; its linear layers are %s", c.TargetModules, m.Config.ModelType, m.Config.Layers, strings.Join(kinds(m), ", "))
	}
	if err := p.decomposable(c); err != nil {
		return nil, err
	}
	return p, c.planSaved(m, p)
}

// decomposable returns an error if two adapters in use would set the length of the same weights.
func (p *plan) decomposable(c *Config) error {
	for _, t := range p.targets {
		for _, a := range t.module.Linear.LoRA {
			if c.UseDoRA && a.DoRA != nil && a.Lo < t.module.Hi && t.module.Lo < a.Hi {
				return fmt.Errorf("lora: another adapter with use_dora is in use on %s: disable that adapter first", t.module.Name)
			}
		}
	}
	return nil
}

// chooses reports whether the module gets an adapter.
func (c *Config) chooses(module string) bool {
	inside := func(name string) bool { return strings.Contains("."+module+".", "."+name+".") }
	return c.TargetModules.match(module) && !c.ExcludeModules.match(module) &&
		!slices.ContainsFunc(c.ModulesToSave, inside) && c.LayersToTransform.has(module)
}

// planSaved finds the weights that are trained whole.
func (c *Config) planSaved(m *model.Model, p *plan) error {
	found := map[string]bool{}
	want := func(t model.Tensor) bool {
		for _, name := range c.ModulesToSave {
			if within(t.Module(), name) {
				found[name] = true
				return true
			}
		}
		if !strings.HasSuffix(t.Name, ".bias") || c.Bias == "none" {
			return false
		}
		return c.Bias == "all" || slices.ContainsFunc(p.targets, func(g target) bool { return g.module.Name == t.Module() })
	}
	for _, slot := range m.Slots() {
		s := saved{slot: slot}
		elements := 0
		for _, t := range held(m, slot) {
			if want(t) {
				s.tensors = append(s.tensors, t)
				elements += t.View(t.P.W).Rows * t.View(t.P.W).Cols
			}
		}
		if elements == 0 {
			continue
		}
		if w := (*slot).W; elements != w.Rows*w.Cols {
			return fmt.Errorf("lora: %s would be trained without the rest of %s, which is one weight here: choose all of q_proj, k_proj and v_proj, or none (bias %s, modules_to_save %q)", s.tensors[0].Name, (*slot).Name, c.Bias, c.ModulesToSave)
		}
		p.saved = append(p.saved, s)
	}
	for _, name := range c.ModulesToSave {
		if !found[name] {
			return fmt.Errorf("lora: modules_to_save has %q, but this %s has no such module", name, m.Config.ModelType)
		}
	}
	return nil
}

// within reports whether the module, or one that it is part of, has a name that ends in name.
func within(module, name string) bool {
	for at := module; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if strings.HasSuffix(at, name) {
			return true
		}
	}
	return false
}

// held returns the tensors of the parameter in the slot. A tied head has one of its own name.
func held(m *model.Model, slot **nn.Param) (all []model.Tensor) {
	if m.Config.Tied && slot == &m.Head.W {
		return []model.Tensor{{Name: "lm_head.weight", P: m.Wte, Hi: m.Wte.W.Rows}}
	}
	for _, t := range m.Tensors() {
		if t.P == *slot {
			all = append(all, t)
		}
	}
	return all
}

var errFrozen = errors.New("lora: the weights of the base model are frozen, and an adapter can't be merged into them: load the model with weights of its own")

// unadapted returns an error if the model's weights are not all there, but replaced by another adapter's.
func unadapted(m *model.Model) error {
	own := map[*nn.Param]bool{nil: true}
	for _, t := range m.Tensors() {
		own[t.P] = true
	}
	for _, slot := range m.Slots() {
		if !own[*slot] {
			return fmt.Errorf("lora: another adapter's %s is in use: disable that adapter first", (*slot).Name)
		}
	}
	return nil
}
