package convert

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/hone-ml/hone/gguf"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/tokenizer"
)

// A Target is what WriteGGUF is told besides the model.
type Target struct {
	Name       string // general.name
	Mix        Mix
	Verbalizer []byte                  // verbalizer.json of a classifier, kept under a key of hone's own; nil for none
	Progress   func(done, total int64) // weights; may be nil
}

// WriteGGUF writes a model and its tokenizer to a GGUF file as llama.cpp's converter does: its names and keys, its order
// of the rows of q and k, and, in the quantized mixes, its choice of types and its reference quantizers. The file appears
// whole or not at all. It refuses, saying why, what llama.cpp would not compute as hone does.
func WriteGGUF(ctx context.Context, path string, m *model.Model, tok *tokenizer.Tokenizer, t Target) error {
	w := &writer{ctx: ctx, m: m, target: t, of: map[string]model.Tensor{}}
	for _, x := range m.Tensors() {
		w.of[x.Name] = x
	}
	meta, err := w.metadata(tok)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	list := w.tensors()
	if err := gguf.Write(path, meta, list); err != nil {
		if w.fault != nil {
			err = w.fault
		}
		return fmt.Errorf("convert: %w", err)
	}
	return nil
}

// A writer writes one model.
type writer struct {
	ctx    context.Context
	m      *model.Model
	target Target
	of     map[string]model.Tensor // by Hugging Face's name
	done   int64
	fault  error // what is wrong with the weights, or that somebody cancelled
}

// tensors lists what the file holds.
func (w *writer) tensors() (list []gguf.Tensor) {
	c := w.m.Config
	if f := ropeDivisors(c.Rope, c.HeadDim); f != nil {
		list = append(list, gguf.Float32("rope_freqs.weight", gguf.F32, []int{len(f)}, f))
	}
	for _, t := range tensors(c) {
		layer := 0
		fmt.Sscanf(t.from, "blk.%d.", &layer)
		kind := w.target.Mix.typeOf(t, layer, c)
		list = append(list, gguf.Tensor{Name: t.from, Type: kind, Shape: t.shape,
			Data: func(e *gguf.Encoder) error { return w.write(e, t, kind) }})
	}
	return list
}

// write streams one tensor. In memory matrices are [out, in] in every architecture, as in the file.
func (w *writer) write(e *gguf.Encoder, t tensor, kind gguf.Type) error {
	src := w.of[t.to]
	m := src.View(src.P.W)
	rows := m.Rows
	if src.P.Vector {
		rows = m.Cols // one element each
	}
	row := func(i int) []nn.Float {
		i = t.row(i, rows)
		if src.P.Vector {
			return m.Row(0)[i : i+1]
		}
		return m.Row(i)
	}
	var part []float32
	for i := range rows {
		part = appendFloats(part, row(i))
		if len(part) < span && i+1 < rows {
			continue
		}
		if w.fault = w.check(t, kind, part); w.fault != nil {
			return w.fault
		}
		if err := e.Float32(part); err != nil {
			return err
		}
		part = part[:0]
	}
	return nil
}

// check refuses weights that the type can't hold, and takes note of how far the work is.
func (w *writer) check(t tensor, kind gguf.Type, v []float32) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	most := float32(math.MaxFloat32)
	if kind != gguf.F32 && kind != gguf.BF16 {
		most = 65504
	}
	for _, x := range v {
		switch {
		case x != x || x-x != 0:
			return fmt.Errorf("a weight of %s is %v: training has diverged, there is no model to export", t.to, x)
		case !(x <= most && -x <= most):
			return fmt.Errorf("a weight of %s is %v, but %v ends at %v: choose the type bf16 or f32", t.to, x, kind, most)
		}
	}
	if w.done += int64(len(v)); w.target.Progress != nil {
		w.target.Progress(w.done, w.m.Config.NumParams())
	}
	return nil
}

func appendFloats(dst []float32, src []nn.Float) []float32 {
	if v, ok := any(src).([]float32); ok {
		return append(dst, v...)
	}
	for _, x := range src {
		dst = append(dst, float32(x))
	}
	return dst
}

// sizeLabel says how many weights there are as file names of llama.cpp do: 135M, 1.5B.
func sizeLabel(n int64) string {
	v, unit := float64(n)/1e3, "K"
	switch {
	case n > 1e12:
		v, unit = float64(n)/1e12, "T"
	case n > 1e9:
		v, unit = float64(n)/1e9, "B"
	case n > 1e6:
		v, unit = float64(n)/1e6, "M"
	}
	digits := max(2-len(strings.TrimLeft(fmt.Sprintf("%.0f", v), "0")), 0)
	return fmt.Sprintf("%.*f%s", digits, v, unit)
}
