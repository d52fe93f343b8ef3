// Package lora trains, applies, merges, saves and loads low-rank adapters (Hu et al., 2021) in PEFT's files.
//
// An adapter is not a wrapper around a model: it adds entries to the LoRA field of the model's linear layers and
// parameters to the model's list, so that gradients, the optimizer and checkpoints work as they do without it.
package lora

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

// An Adapter is low-rank updates of some of a model's linear layers, and copies of other weights that are trained
// beside them: those of Config.ModulesToSave, and biases. While it is enabled the model computes with it.
type Adapter struct {
	Config Config

	model   *model.Model
	updates []update
	copies  []copied
	tensors []model.Tensor // as the file has them
	params  []*nn.Param
	enabled bool
}

// An update is an entry of a linear layer's LoRA.
type update struct {
	linear *nn.Linear
	lora   nn.LoRA
}

// A copied weight stands in for one of the base model's.
type copied struct {
	slot      **nn.Param
	base, own *nn.Param
}

// prefix begins the names in PEFT's files.
const prefix = "base_model.model."

// Attach adds a new adapter to m and enables it. Its B are zero, so that the model computes what it did before. The
// architecture's default targets stand in for none, and names for all-linear.
func Attach(m *model.Model, c Config, seed uint64) (*Adapter, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("lora: %w", err)
	}
	if c.InitWeights != "true" && c.InitWeights != "false" && c.InitWeights != "gaussian" {
		return nil, fmt.Errorf("lora: init_lora_weights is %q; hone can begin with true, false or gaussian", c.InitWeights)
	}
	c.fill(m)
	p, err := c.plan(m)
	if err != nil {
		return nil, err
	}
	a := build(m, c, p)
	a.draw(rand.New(rand.NewPCG(seed, 0x6c6f7261)))
	a.Enable()
	return a, nil
}

// build allocates what p says. Adapters are zero; copies are those of the base's weights.
func build(m *model.Model, c Config, p *plan) *Adapter {
	a := &Adapter{Config: c, model: m}
	param := func(name string, rows, cols int, vector bool) *nn.Param {
		q := m.AddParam(name, rows, cols, vector)
		a.params = append(a.params, q)
		return q
	}
	for i, t := range p.targets {
		in, out := t.module.Linear.W.W.Cols, t.module.Hi-t.module.Lo
		name := prefix + t.module.Name
		l := nn.LoRA{A: param(name+".lora_A.weight", t.r, in, false), B: param(name+".lora_B.weight", out, t.r, false),
			Lo: t.module.Lo, Hi: t.module.Hi, Scale: nn.Float(t.scale), Dropout: nn.Float(c.Dropout), Site: nn.SiteLoRA + i}
		a.tensors = append(a.tensors, model.Tensor{Name: l.A.Name, P: l.A, Hi: t.r}, model.Tensor{Name: l.B.Name, P: l.B, Hi: out})
		if c.UseDoRA {
			l.DoRA = &nn.DoRA{M: param(name+".lora_magnitude_vector", 1, out, true)}
			l.DoRA.M.Decayed = true
			a.tensors = append(a.tensors, model.Tensor{Name: l.DoRA.M.Name, P: l.DoRA.M, Hi: out})
		}
		a.updates = append(a.updates, update{t.module.Linear, l})
	}
	for _, s := range p.saved {
		base := *s.slot
		own := param(prefix+s.name(), base.W.Rows, base.W.Cols, base.Vector)
		own.W.Copy(base.Floats())
		a.copies = append(a.copies, copied{s.slot, base, own})
		for _, t := range s.tensors {
			t.Name, t.P = prefix+p.fileName(t), own
			a.tensors = append(a.tensors, t)
		}
	}
	return a
}

// draw gives the adapters their first values.
func (a *Adapter) draw(r *rand.Rand) {
	uniform := func(p *nn.Param) { // torch.nn.Linear's kaiming_uniform_(a=√5)
		bound := 1 / math.Sqrt(float64(p.W.Cols))
		for i := range p.W.Data {
			p.W.Data[i] = nn.Float(bound * (2*r.Float64() - 1))
		}
	}
	for _, u := range a.updates {
		if a.Config.InitWeights == "gaussian" {
			for i := range u.lora.A.W.Data {
				u.lora.A.W.Data[i] = nn.Float(r.NormFloat64() / float64(u.lora.A.W.Rows))
			}
		} else {
			uniform(u.lora.A)
		}
		if a.Config.InitWeights == "false" {
			uniform(u.lora.B)
		}
		u.magnitude()
	}
}

// Trainable reports whether p belongs to the adapter: what train.Trainer trains.
func (a *Adapter) Trainable(p *nn.Param) bool { return slices.Contains(a.params, p) }

// NumParams returns the number of weights of the adapter.
func (a *Adapter) NumParams() (n int64) {
	for _, p := range a.params {
		n += int64(p.W.Rows) * int64(p.W.Cols)
	}
	return n
}

// Enable makes the model compute with the adapter. Nobody may be using the model.
func (a *Adapter) Enable() {
	if a.enabled {
		return
	}
	a.enabled = true
	for _, u := range a.updates {
		if d := u.lora.DoRA; d != nil && d.Factor.Empty() {
			d.Measure(u.linear.W, u.lora.Lo, u.lora.Hi)
		}
		u.linear.LoRA = append(u.linear.LoRA, u.lora)
	}
	for _, c := range a.copies {
		*c.slot = c.own
	}
}

// Disable makes the model compute without the adapter. Nobody may be using the model.
func (a *Adapter) Disable() {
	if !a.enabled {
		return
	}
	a.enabled = false
	for _, u := range a.updates {
		u.linear.LoRA = slices.DeleteFunc(u.linear.LoRA, func(l nn.LoRA) bool { return l.A == u.lora.A })
	}
	for _, c := range a.copies {
		*c.slot = c.base
	}
}

// Detach takes the adapter off its model, which is then as it was before Attach. The adapter is void, and so are
// gradients and optimizers made before.
func (a *Adapter) Detach() {
	a.Disable()
	a.model.RemoveParams(a.params)
	a.updates, a.copies, a.tensors, a.params = nil, nil, nil, nil
}

// Merge adds the adapter to the weights of its model, which needs it no more: Model.Save then writes a whole model.
// Gradients and optimizers made before are void.
func (a *Adapter) Merge() error {
	if a.model.Frozen() {
		return errFrozen
	}
	a.Disable()
	for _, u := range a.updates {
		u.merge()
	}
	for _, c := range a.copies {
		if c.base == a.model.Wte {
			a.model.Untie()
		}
		(*c.slot).W.Copy(c.own.W)
	}
	a.Detach()
	return nil
}

// name returns a name for the weight that stands in for that of the slot.
func (s saved) name() string {
	if len(s.tensors) == 1 {
		return s.tensors[0].Name
	}
	return (*s.slot).Name
}

// fileName returns the name that PEFT gives t: it wraps the layers that have adapters.
func (p *plan) fileName(t model.Tensor) string {
	module := t.Module()
	if slices.ContainsFunc(p.targets, func(g target) bool { return g.module.Name == module }) {
		return module + ".base_layer" + strings.TrimPrefix(t.Name, module)
	}
	return t.Name
}
