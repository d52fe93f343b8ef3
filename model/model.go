package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

// A Model is weights and how they are put together. It holds no activations and no gradients: those belong to
// a Run, so that workers and requests share one Model.
type Model struct {
	Config *Config
	Wte    *nn.Param // [V, C] token embedding
	Wpe    *nn.Param // [T, C] learned positions; nil with RoPE
	Stack  nn.Stack
	Head   nn.Head
	Params []*nn.Param

	// Unused are tensors of the loaded file that the model does not read.
	Unused []string

	tensors []Tensor
	files   map[string][]byte // generation_config.json, kept to be saved again
	frozen  bool              // weights are not to be written to
	bf16    bool              // weights that are trained are bfloat16 numbers
	mapped  *safetensors.File // where frozen weights lie; nil if all are in memory
}

// A Tensor is one entry of the checkpoint: rows [Lo, Hi) of a parameter (elements, if it is a vector) under
// Hugging Face's name.
type Tensor struct {
	Name      string
	P         *nn.Param
	Lo, Hi    int
	Transpose bool // the file has the matrix as [in, out]
}

// Shape returns the tensor's shape in the file.
func (t Tensor) Shape() []int {
	switch n := t.Hi - t.Lo; {
	case t.P.Vector:
		return []int{n}
	case t.Transpose:
		return []int{t.P.W.Cols, n}
	default:
		return []int{n, t.P.W.Cols}
	}
}

// View returns the tensor's part of m, a matrix shaped as the parameter is, such as its gradient.
func (t Tensor) View(m compute.Mat) compute.Mat {
	if t.P.Vector {
		return m.Span(t.Lo, t.Hi)
	}
	return m.RowSpan(t.Lo, t.Hi)
}

// Tensors returns the table that drives loading and saving, a tied lm_head left out.
func (m *Model) Tensors() []Tensor { return m.tensors }

// build assembles the model that c describes. Its parameters have shapes but no memory yet.
func build(c *Config) *Model {
	m := &Model{Config: c, files: map[string][]byte{}}
	if c.ModelType == "gpt2" {
		m.buildGPT2()
	} else {
		m.buildLlama()
	}
	return m
}

func (m *Model) param(name string, rows, cols int, vector bool) *nn.Param {
	p := &nn.Param{Name: name, Index: len(m.Params), W: compute.Mat{Rows: rows, Cols: cols, Stride: cols}, Vector: vector}
	m.Params = append(m.Params, p)
	return p
}

// allocate gives all parameters that have no memory zeros.
func (m *Model) allocate() {
	for _, p := range m.Params {
		switch {
		case p.W.Data != nil || p.Stored != nil:
		case m.bf16 && !p.Vector:
			s := compute.NewStored(compute.BFloat16, p.W.Rows, p.W.Cols)
			p.Stored = &s
		default:
			p.W = compute.NewMat(p.W.Rows, p.W.Cols)
		}
	}
}

func (m *Model) matrix(name string, rows, cols int) *nn.Param {
	p := m.param(name, rows, cols, false)
	m.tensors = append(m.tensors, Tensor{Name: name, P: p, Hi: rows})
	return p
}

func (m *Model) vector(name string, n int) *nn.Param {
	p := m.param(name, 1, n, true)
	m.tensors = append(m.tensors, Tensor{Name: name, P: p, Hi: n})
	return p
}

// New returns a model of c's architecture with random weights, drawn as transformers draws them:
// N(0, initializer_range), GPT-2's projections into the residual stream scaled by 1/√(2·layers), norms 1 and
// biases 0.
func New(c *Config, seed uint64) (*Model, error) {
	m, err := Zero(c)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 0x686f6e65))
	for _, p := range m.Params {
		switch {
		case !p.Vector:
			std := c.InitRange
			if strings.HasSuffix(p.Name, "c_proj.weight") {
				std /= math.Sqrt(2 * float64(c.Layers))
			}
			for i := range p.W.Data {
				p.W.Data[i] = nn.Float(r.NormFloat64() * std)
			}
		case strings.HasSuffix(p.Name, ".weight"):
			for i := range p.W.Data {
				p.W.Data[i] = 1
			}
		}
	}
	return m, nil
}

// Zero returns a model of c's architecture whose weights are all zero, for a caller who fills them in.
func Zero(c *Config) (*Model, error) {
	const most = 1 << 35
	if n := c.NumParams(); n > most {
		return nil, fmt.Errorf("model: config.json asks for %d parameters, %d GiB of weights", n, n>>28)
	}
	m := build(c)
	m.allocate()
	return m, nil
}

// NumParams returns the number of weights, a tied lm_head counted once.
func (m *Model) NumParams() (n int64) {
	for _, p := range m.Params {
		n += int64(p.W.Rows) * int64(p.W.Cols)
	}
	return n
}

// Check reports whether ids can be the input of the model: known tokens, and no more of them than it has
// learned positions for.
func (m *Model) Check(ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= m.Config.VocabSize {
			return fmt.Errorf("model: token id %d at position %d, but the vocabulary has %d: the tokenizer belongs to another model, or resize_token_embeddings is needed", id, i, m.Config.VocabSize)
		}
	}
	if m.Wpe != nil && len(ids) > m.Config.MaxPositions {
		return fmt.Errorf("model: a sequence of %d tokens, but the model has %d positions: set a smaller max_length", len(ids), m.Config.MaxPositions)
	}
	return nil
}

// Resize changes the vocabulary to n tokens, as resize_token_embeddings does. New rows are drawn around the
// mean of the old ones with 1e-9 times their covariance; a tied lm_head stays tied.
func (m *Model) Resize(n int, seed uint64) error {
	if m.frozen {
		return errFrozen
	}
	if n < 1 || n > 4<<20 {
		return fmt.Errorf("model: can't resize the vocabulary to %d tokens", n)
	}
	old := m.Config.VocabSize
	seen := map[*nn.Param]bool{}
	for _, p := range []*nn.Param{m.Wte, m.Head.W} {
		if seen[p] || n == old {
			continue
		}
		seen[p] = true
		w, before := compute.NewMat(n, p.W.Cols), p.Floats()
		keep := min(n, old)
		w.RowSpan(0, keep).Copy(before.RowSpan(0, keep))
		drawAroundMean(w.RowSpan(keep, n), before, seed)
		p.W, p.Stored = w, nil
		if m.bf16 {
			m.holdBF16(p)
		}
	}
	for i, t := range m.tensors {
		if seen[t.P] {
			m.tensors[i].Hi = n
		}
	}
	m.Config.VocabSize = n
	m.Config.set("vocab_size", n)
	return nil
}

// drawAroundMean fills dst with rows mean(old) + ε, ε ~ N(0, 1e-9·cov(old)). With z standard normal,
// Σ zᵢ(oldᵢ − mean)/√n has exactly the covariance of the rows of old, and needs no factorization.
func drawAroundMean(dst, old compute.Mat, seed uint64) {
	mean := make([]float64, old.Cols)
	for i := range old.Rows {
		for j, v := range old.Row(i) {
			mean[j] += float64(v) / float64(old.Rows)
		}
	}
	r := rand.New(rand.NewPCG(seed, 0x726573697a65))
	scale := math.Sqrt(1e-9 / float64(old.Rows))
	sum := make([]float64, old.Cols)
	for k := range dst.Rows {
		copy(sum, mean)
		for i := range old.Rows {
			z := r.NormFloat64() * scale
			for j, v := range old.Row(i) {
				sum[j] += z * (float64(v) - mean[j])
			}
		}
		for j, v := range sum {
			dst.Row(k)[j] = nn.Float(v)
		}
	}
}
