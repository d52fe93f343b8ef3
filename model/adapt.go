package model

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// A Module is a linear layer of a block as transformers names it: outputs [Lo, Hi) of a Linear, which may hold
// queries, keys and values in one.
type Module struct {
	Name   string // transformer.h.0.attn.c_attn
	Linear *nn.Linear
	Lo, Hi int
}

// Modules returns the linear layers of the blocks in the order of the table of tensors.
func (m *Model) Modules() (all []Module) {
	of := map[*nn.Param]*nn.Linear{}
	for _, b := range m.Stack.Blocks {
		for _, l := range linears(b) {
			of[l.W] = l
		}
	}
	for _, t := range m.tensors {
		if l := of[t.P]; l != nil {
			all = append(all, Module{t.Module(), l, t.Lo, t.Hi})
		}
	}
	return all
}

// Slots returns every place where a layer holds a parameter, the embeddings first and the head last. An adapter
// that brings weights of its own puts them there.
func (m *Model) Slots() (all []**nn.Param) {
	norm := func(n *nn.Norm) {
		if n != nil {
			all = append(all, &n.W, &n.B)
		}
	}
	all = append(all, &m.Wte, &m.Wpe)
	for _, b := range m.Stack.Blocks {
		for _, n := range []*nn.Norm{b.Norm1, b.Attn.QNorm, b.Attn.KNorm, b.Norm2} {
			norm(n)
		}
		for _, l := range linears(b) {
			all = append(all, &l.W, &l.B)
		}
	}
	norm(m.Stack.Norm)
	return append(all, &m.Head.W)
}

// linears returns the linear layers of a block.
func linears(b *nn.Block) []*nn.Linear {
	all := []*nn.Linear{b.Attn.QKV, b.Attn.O, b.MLP.Gate, b.MLP.Up, b.MLP.Down}
	return slices.DeleteFunc(all, func(l *nn.Linear) bool { return l == nil })
}

// AddParam appends a parameter that no checkpoint of the model has, such as an adapter's.
func (m *Model) AddParam(name string, rows, cols int, vector bool) *nn.Param {
	p := m.param(name, rows, cols, vector)
	m.allocate()
	return p
}

// RemoveParams takes parameters off the list that AddParam appended to. Gradients and optimizers made before are
// void, since the others are numbered anew.
func (m *Model) RemoveParams(gone []*nn.Param) {
	m.Params = slices.DeleteFunc(m.Params, func(p *nn.Param) bool { return slices.Contains(gone, p) })
	for i, p := range m.Params {
		p.Index = i
	}
}

// Untie gives lm_head a copy of the embedding as a weight of its own, if they share one.
func (m *Model) Untie() {
	if !m.Config.Tied {
		return
	}
	m.Head.W = m.matrix("lm_head.weight", m.Wte.W.Rows, m.Wte.W.Cols)
	m.allocate()
	m.Head.W.W.Copy(m.Wte.Floats())
	m.Config.Tied = false
	m.Config.set("tie_word_embeddings", false)
}

// Embeds reports whether p is looked up by token or by position, whatever else it is for.
func (m *Model) Embeds(p *nn.Param) bool { return p == m.Wte || p == m.Wpe }

// Module returns the name of the module that the tensor belongs to: all of Name but its last part.
func (t Tensor) Module() string { return t.Name[:max(0, strings.LastIndexByte(t.Name, '.'))] }

// Entry returns the tensor as one to write.
func (t Tensor) Entry(dtype safetensors.Dtype) safetensors.Tensor {
	return safetensors.Tensor{Name: t.Name, Dtype: dtype, Shape: t.Shape(), Data: t.write}
}

// Read fills the tensor's part of its parameter with the tensor called name of f.
func (t Tensor) Read(f *safetensors.File, name string) error {
	info, ok := f.Info(name)
	if !ok {
		return fmt.Errorf("there is no tensor %s", name)
	}
	if !slices.Equal(info.Shape, t.Shape()) {
		return fmt.Errorf("tensor %s is %v, but the model makes it %v", name, info.Shape, t.Shape())
	}
	return t.read(f, name, new(sync.Pool))
}
