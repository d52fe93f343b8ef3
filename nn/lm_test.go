package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/hone-ml/hone/compute"
)

// A shape is a small model of one of the families.
type shape struct {
	name                              string
	vocab, width, heads, kv, headDim  int
	ffn, blocks                       int
	gated, bias, rope, qknorm, untied bool
	lora, dora, loraDropout           bool
	window                            int
	dropout                           Float
	act                               compute.ActFunc
}

var shapes = []shape{
	{name: "gpt2", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true},
	{name: "gpt2-dropout", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true, dropout: 0.3, act: compute.GELU},
	{name: "gpt2-lora", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true, lora: true},
	{name: "gpt2-lora-dropout", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true, lora: true, dropout: 0.3},
	{name: "gpt2-lora-alone-drops", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true, lora: true, loraDropout: true},
	{name: "gpt2-dora", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true, lora: true, dora: true},
	{name: "gpt2-dora-dropout", vocab: 11, width: 16, heads: 4, kv: 4, headDim: 4, ffn: 24, blocks: 2, bias: true, lora: true, dora: true, loraDropout: true},
	{name: "llama-dora", vocab: 11, width: 16, heads: 4, kv: 2, headDim: 4, ffn: 24, blocks: 2, gated: true, rope: true, lora: true, dora: true, act: compute.SiLU},
	{name: "llama", vocab: 11, width: 16, heads: 4, kv: 2, headDim: 4, ffn: 24, blocks: 2, gated: true, rope: true, untied: true, act: compute.SiLU},
	{name: "llama-lora", vocab: 11, width: 16, heads: 4, kv: 2, headDim: 4, ffn: 24, blocks: 2, gated: true, rope: true, lora: true, act: compute.SiLU},
	{name: "llama-lora-dropout", vocab: 11, width: 16, heads: 4, kv: 2, headDim: 4, ffn: 24, blocks: 2, gated: true, rope: true, lora: true, dropout: 0.3, act: compute.SiLU},
	{name: "qwen3", vocab: 11, width: 12, heads: 4, kv: 1, headDim: 6, ffn: 20, blocks: 3, gated: true, rope: true, qknorm: true, act: compute.SiLU},
	{name: "mistral", vocab: 11, width: 16, heads: 4, kv: 2, headDim: 4, ffn: 24, blocks: 2, gated: true, rope: true, window: 3, act: compute.SiLU},
}

// An lm is a language model put together from the layers, as package model does it.
type lm struct {
	shape
	wte, wpe *Param
	stack    Stack
	head     Head
	params   []*Param
	frozen   map[*Param]bool
	r        *rand.Rand
}

func build(s shape) *lm {
	m := &lm{shape: s, frozen: map[*Param]bool{}, r: rand.New(rand.NewPCG(1, 2))}
	m.wte = m.param("wte", s.vocab, s.width, 0.5)
	if !s.rope {
		m.wpe = m.param("wpe", 64, s.width, 0.5)
	}
	rope := &RoPE{InvFreq: func(int) (f []float32) {
		for d := range s.headDim / 2 {
			f = append(f, float32(math.Pow(100, -2*float64(d)/float64(s.headDim))))
		}
		return f
	}}
	if !s.rope {
		rope = nil
	}
	d := s.headDim
	for i := range s.blocks {
		b := &Block{Norm1: m.norm("n1", s.width), Norm2: m.norm("n2", s.width),
			Attn: &Attn{QKV: m.linear("qkv", (s.heads+2*s.kv)*d, s.width, 0, s.heads*d, (s.heads+s.kv)*d, (s.heads+2*s.kv)*d),
				O: m.linear("o", s.width, s.heads*d), RoPE: rope, Layer: i, Heads: s.heads, KVHeads: s.kv, HeadDim: d,
				Window: s.window, Dropout: s.dropout, OutDropout: s.dropout},
			MLP: &MLP{Up: m.linear("up", s.ffn, s.width), Down: m.linear("down", s.width, s.ffn), Act: s.act, Layer: i, OutDropout: s.dropout}}
		if s.gated {
			b.MLP.Gate = m.linear("gate", s.ffn, s.width)
		}
		if s.qknorm {
			b.Attn.QNorm, b.Attn.KNorm = m.norm("qn", d), m.norm("kn", d)
		}
		m.stack.Blocks = append(m.stack.Blocks, b)
	}
	m.stack.Norm = m.norm("nf", s.width)
	m.head = Head{m.wte}
	if s.untied {
		m.head = Head{m.param("head", s.vocab, s.width, 0.5)}
	}
	return m
}

func (m *lm) param(name string, rows, cols int, std float64) *Param {
	p := &Param{Name: fmt.Sprintf("%s.%d", name, len(m.params)), Index: len(m.params), W: compute.NewMat(rows, cols)}
	for i := range p.W.Data {
		p.W.Data[i] = Float(m.r.NormFloat64() * std)
	}
	m.params = append(m.params, p)
	m.frozen[p] = m.lora
	return p
}

func (m *lm) linear(name string, out, in int, spans ...int) *Linear {
	l := &Linear{W: m.param(name+".w", out, in, 0.3)}
	if m.bias {
		l.B = m.param(name+".b", 1, out, 0.1)
	}
	if !m.lora {
		return l
	}
	if !m.gated || len(spans) == 0 { // GPT-2 has one adapter on the fused projection
		spans = []int{0, out}
	}
	for i := range len(spans) - 1 {
		a := LoRA{A: m.param(name+".A", 2, in, 0.3), B: m.param(name+".B", spans[i+1]-spans[i], 2, 0.3), Lo: spans[i], Hi: spans[i+1],
			Scale: 0.5, Dropout: m.dropout, Site: SiteLoRA + len(m.params)}
		m.frozen[a.A], m.frozen[a.B] = false, false
		if m.loraDropout && name == "qkv" { // others count rows from the first that is kept
			a.Dropout = 0.3
		}
		if m.dora && i != 1 { // of queries, keys and values, not the keys
			a.DoRA = &DoRA{M: m.param(name+".M", 1, a.Hi-a.Lo, 1)}
			a.DoRA.Measure(l.W, a.Lo, a.Hi)
			m.frozen[a.DoRA.M] = false
		}
		l.LoRA = append(l.LoRA, a)
	}
	return l
}

// fix makes passes without gradients take the norms of DoRA as constants, as gradients do; or not.
func (m *lm) fix(fixed bool) {
	for _, b := range m.stack.Blocks {
		for _, l := range []*Linear{b.Attn.QKV, b.Attn.O, b.MLP.Gate, b.MLP.Up, b.MLP.Down} {
			if l == nil {
				continue
			}
			for i := range l.LoRA {
				switch a := &l.LoRA[i]; {
				case a.DoRA == nil:
				case fixed:
					a.Fix(compute.Ref{}, l.W)
				default:
					a.DoRA.Factor = Mat{}
				}
			}
		}
	}
}

func (m *lm) norm(name string, n int) *Norm {
	l := &Norm{W: m.param(name+".w", 1, n, 0.5), Eps: 1e-5}
	if m.bias {
		l.B = m.param(name+".b", 1, n, 0.5)
	}
	return l
}

func (m *lm) pass() *Pass {
	p := &Pass{Device: compute.Ref{}, Arena: &compute.Arena{Poison: true}}
	if m.dropout > 0 || m.loraDropout {
		p.Dropout = 7
	}
	return p
}

func (m *lm) grads() *Grads {
	return NewGrads(m.params, func(q *Param) bool { return !m.frozen[q] })
}

func (m *lm) hidden(p *Pass, a *StackActs, ids []int32) Mat {
	x := p.New(len(ids), m.width)
	p.Gather(x, m.wte.W, ids)
	if m.wpe != nil {
		e := p.New(len(ids), m.width)
		p.Gather(e, m.wpe.W, p.Pos)
		p.Add(x, x, e)
	}
	return m.stack.Forward(p, a, x)
}

// loss runs a whole step on t; with gradients if p has any.
func (m *lm) loss(p *Pass, t tokens, kept []int32) float64 {
	p.Start(t.Seqs, kept)
	var a StackActs
	h := m.hidden(p, &a, t.ids)
	if kept == nil {
		kept = t.labelled()
		all := h
		h = p.New(len(kept), m.width)
		p.Gather(h, all, kept)
		sum, dh := m.head.Loss(p, h, t.targets(kept), 0.1, 0.25)
		if p.Grads != nil {
			d := p.Zero(len(t.ids), m.width)
			p.ScatterAdd(d, dh, kept)
			m.backward(p, &a, d, t.ids)
		}
		return sum
	}
	sum, dh := m.head.Loss(p, h, t.targets(kept), 0.1, 0.25)
	if p.Grads != nil {
		m.backward(p, &a, dh, t.ids)
	}
	return sum
}

func (m *lm) backward(p *Pass, a *StackActs, dh Mat, ids []int32) {
	dx := m.stack.Backward(p, a, dh, p.InputWanted(m.wte, m.wpe))
	if g := p.Grads.Of(m.wte); !g.Empty() {
		p.ScatterAdd(g, dx, ids)
	}
	if g := p.Grads.Of(m.wpe); !g.Empty() {
		p.ScatterAdd(g, dx, p.Pos)
	}
	p.Grads.Finish()
}

// tokens is a packed batch with a target on some rows.
type tokens struct {
	Seqs
	ids, target []int32
}

func pack(vocab int, lens ...int) (t tokens) {
	r := rand.New(rand.NewPCG(3, 4))
	t.Cu = []int32{0}
	for _, n := range lens {
		for i := range n {
			t.ids = append(t.ids, int32(r.IntN(vocab)))
			t.Pos = append(t.Pos, int32(i))
			y := int32(-100)
			if i >= n/2 {
				y = int32(r.IntN(vocab))
			}
			t.target = append(t.target, y)
		}
		t.Cu = append(t.Cu, int32(len(t.ids)))
	}
	return t
}

func (t tokens) labelled() (rows []int32) {
	for i, y := range t.target {
		if y >= 0 {
			rows = append(rows, int32(i))
		}
	}
	return rows
}

func (t tokens) targets(rows []int32) (ids []int32) {
	for _, r := range rows {
		ids = append(ids, t.target[r])
	}
	return ids
}

// sequence returns sequence s alone.
func (t tokens) sequence(s int) tokens {
	lo, hi := t.Cu[s], t.Cu[s+1]
	return tokens{Seqs{Cu: []int32{0, hi - lo}, Pos: t.Pos[lo:hi]}, t.ids[lo:hi], t.target[lo:hi]}
}
