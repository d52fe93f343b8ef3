package model

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/collate"
	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/nn"
	"github.com/hone-ml/hone/safetensors"
)

var dtypes = []string{Auto, "float32", "bfloat16", "int8", "int4"}

// expanded returns a model with the weights of m, in float32 of its own.
func expanded(t *testing.T, dir string, m *Model) *Model {
	t.Helper()
	own, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params[:len(own.Params)] {
		own.Params[i].W.Copy(p.Floats())
	}
	return own
}

// adapt puts an adapter with weights of all ones on each query, key and value projection.
func adapt(m *Model) (mine []*nn.Param) {
	for _, b := range m.Stack.Blocks {
		l := b.Attn.QKV
		a, c := m.AddParam("a", 2, l.W.W.Cols, false), m.AddParam("b", l.Out(), 2, false)
		for i := range a.W.Data {
			a.W.Data[i] = nn.Float(i%7) / 100
		}
		for i := range c.W.Data {
			c.W.Data[i] = nn.Float(i%5) / 100
		}
		l.LoRA = append(l.LoRA, nn.LoRA{A: a, B: c, Hi: l.Out(), Scale: 1})
		mine = append(mine, a, c)
	}
	return mine
}

// Loss and gradients of adapters on frozen weights are those of the same weights in float32, bit by bit, whether they
// are mapped or rounded.
func TestFrozenEqualsExpanded(t *testing.T) {
	for _, name := range names {
		for _, dtype := range dtypes {
			t.Run(name+"/"+dtype, func(t *testing.T) {
				dir := fixtures.Dir(t, name)
				m, err := LoadFrozen(dir, dtype)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				own := expanded(t, dir, m)
				f := open(t, dir)
				ex, _ := f.examples()
				var b collate.Batch
				collate.Pack(&b, ex)
				var losses []float64
				var grads [2][]nn.Float
				for i, m := range []*Model{m, own} {
					mine := adapt(m)
					r := m.NewRun(compute.Ref{})
					r.Checkpoint = i == 0 // which must not matter
					r.Grads = m.NewGrads(func(p *nn.Param) bool { return slices.Contains(mine, p) }, len(b.Targets))
					r.Grads.Reset()
					losses = append(losses, r.Loss(&b, 0, 1))
					for _, p := range mine {
						grads[i] = append(grads[i], r.Grads.G[p.Index].Flat()...)
					}
				}
				if losses[0] != losses[1] || !slices.Equal(grads[0], grads[1]) {
					t.Errorf("loss %v, in float32 %v; gradients equal: %v", losses[0], losses[1], slices.Equal(grads[0], grads[1]))
				}
			})
		}
	}
}

// A folder in bfloat16 is mapped as it is, and auto leaves it so.
func TestFrozenAuto(t *testing.T) {
	m, _ := load(t, "llama")
	dir := t.TempDir()
	if err := m.SaveAs(dir, safetensors.BF16); err != nil {
		t.Fatal(err)
	}
	frozen, err := LoadFrozen(dir, Auto)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	if s := frozen.Stack.Blocks[0].MLP.Up.W.Storage(); s != compute.BFloat16 {
		t.Errorf("held as %v", s)
	}
	again := t.TempDir()
	if err := frozen.SaveAs(again, safetensors.BF16); err != nil {
		t.Fatal(err)
	}
	a, b := weights(t, dir), weights(t, again)
	if len(a) == 0 || !slices.Equal(a, b) {
		t.Error("saved again, weights differ")
	}
}

func weights(t *testing.T, dir string) (all []byte) {
	f, err := safetensors.Open(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		b, err := f.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func TestFrozenRefuses(t *testing.T) {
	dir := fixtures.Dir(t, "llama")
	if _, err := LoadFrozen(dir, "int3"); err == nil || !strings.Contains(err.Error(), `"int3"`) {
		t.Error(err)
	}
	m, err := LoadFrozen(dir, "int4")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Save(t.TempDir()); err != errFrozen {
		t.Error(err)
	}
	if err := m.Resize(10, 1); err != errFrozen {
		t.Error(err)
	}
}

// A model that owns its weights has those of the file, which may be overwritten then.
func TestOwn(t *testing.T) {
	for _, dtype := range dtypes {
		saved, x := load(t, "gpt2")
		ex, _ := x.examples()
		ids, seqs := whole(ex)
		dir := t.TempDir()
		if err := saved.SaveAs(dir, safetensors.BF16); err != nil {
			t.Fatal(err)
		}
		m, err := LoadFrozen(dir, dtype)
		if err != nil {
			t.Fatal(err)
		}
		logits := func() []float32 {
			r := m.NewRun(compute.Ref{})
			return floats32(r.Logits(r.Hidden(ids, seqs, nil, nil)))
		}
		want := logits()
		if err := m.Own(); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, "model.safetensors"), 0); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(logits(), want) {
			t.Errorf("%s: other logits than before", dtype)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
