package model

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/nn"
)

// A quantized model is the model with rounded weights, bit by bit, and its logits are close to those before: within
// some hundredths, since weights are random and layers small here, so that little averages out.
func TestQuantizedModel(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			rounded, x := load(t, name)
			m, _ := load(t, name)
			ex, _ := x.examples()
			ids, seqs := whole(ex)
			logits := func(m *Model) []float32 {
				r := m.NewRun(compute.Ref{})
				return floats32(r.Logits(r.Hidden(ids, seqs, nil, nil)))
			}
			exact := logits(m)
			before := m.WeightBytes()
			if err := m.Freeze("int8"); err != nil {
				t.Fatal(err)
			}
			for _, p := range rounded.Params {
				if q := m.Params[p.Index].Stored; q != nil {
					p.W.Copy(q.Mat())
				}
			}
			got := logits(m)
			if !slices.Equal(got, logits(rounded)) {
				t.Error("logits are not those of the rounded weights")
			}
			var off, size float64
			for i, want := range exact {
				off += math.Pow(float64(got[i]-want), 2)
				size += math.Pow(float64(want), 2)
			}
			if part := math.Sqrt(off / size); !(part < 0.06) {
				t.Errorf("logits are off by %.2f%%", 100*part)
			} else {
				t.Logf("logits are off by %.2f%%, weights take %.0f%%", 100*part, 100*float64(m.WeightBytes())/float64(before))
			}
			if m.NumParams() != rounded.NumParams() {
				t.Errorf("%d parameters, were %d", m.NumParams(), rounded.NumParams())
			}
		})
	}
}

func TestQuantizedIsFrozen(t *testing.T) {
	m, _ := load(t, "gpt2")
	if err := m.Freeze("int3"); err == nil || !strings.Contains(err.Error(), `"int3"`) {
		t.Errorf("int3: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		if err := m.Freeze("int8"); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Save(t.TempDir()); err != errFrozen {
		t.Errorf("Save: %v", err)
	}
	if err := m.Resize(10, 1); err != errFrozen {
		t.Errorf("Resize: %v", err)
	}
	if err := m.LoadWeights(t.TempDir()); err != errFrozen {
		t.Errorf("LoadWeights: %v", err)
	}
}

func TestQuantizeDamagedWeights(t *testing.T) {
	m, _ := load(t, "gpt2")
	p := m.Stack.Blocks[0].MLP.Up.W
	p.W.Row(3)[1] = nn.Float(math.NaN())
	if err := m.Freeze("int8"); err == nil || !strings.Contains(err.Error(), p.Name) || !strings.Contains(err.Error(), "row 3") {
		t.Errorf("%v", err)
	}
}

// Adapters stay as they are.
func TestQuantizeWithAdapter(t *testing.T) {
	m, _ := load(t, "gpt2")
	l := m.Stack.Blocks[0].Attn.QKV
	a, b := m.AddParam("a", 2, l.W.W.Cols, false), m.AddParam("b", l.Out(), 2, false)
	a.W.Data[0], b.W.Data[0] = 1, 1
	l.LoRA = append(l.LoRA, nn.LoRA{A: a, B: b, Hi: l.Out(), Scale: 1})
	if err := m.Freeze("int8"); err != nil {
		t.Fatal(err)
	}
	if a.Stored != nil || b.Stored != nil || l.W.Stored == nil {
		t.Errorf("quantized: adapter %v, %v, weight %v", a.Stored != nil, b.Stored != nil, l.W.Stored != nil)
	}
	m.NewRun(compute.Ref{}).Hidden([]int32{1, 2}, nn.Seqs{Cu: []int32{0, 2}, Pos: []int32{0, 1}}, nil, nil)
}
