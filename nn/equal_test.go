package nn

import (
	"math"
	"testing"
)

// tolerance is what another order of additions may cost.
var tolerance = map[bool]float64{true: 1e-5, false: 1e-12}[Float(1)/3 == Float(float32(1)/float32(3))]

func maxDiff(a, b []Float) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i]))) // the built-in max keeps NaN
	}
	return d
}

func diffGrads(a, b *Grads) (d float64) {
	for i := range a.G {
		d = max(d, maxDiff(a.G[i].Data, b.G[i].Data))
	}
	return d
}

func each(t *testing.T, f func(t *testing.T, m *lm, batch tokens)) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) { f(t, build(s), pack(s.vocab, 5, 3, 7)) })
	}
}

// run returns the loss and gradients of one step.
func (m *lm) run(p *Pass, batch tokens, kept []int32) (float64, *Grads) {
	p.Grads = m.grads()
	return m.loss(p, batch, kept), p.Grads
}

// The maths is the same whether the last block is computed for all rows or for those that the loss reads.
func TestPrunedEqualsDense(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		if m.dropout > 0 {
			t.Skip("rows are numbered differently, so masks differ")
		}
		want, wantG := m.run(m.pass(), batch, nil)
		got, gotG := m.run(m.pass(), batch, batch.labelled())
		if math.Abs(got-want) > tolerance*want {
			t.Errorf("loss %v, dense %v", got, want)
		}
		if d := diffGrads(gotG, wantG); !(d <= tolerance) {
			t.Errorf("gradients differ by %g", d)
		}
	})
}

// Checkpointing runs the same kernels on the same numbers: the bits are equal.
func TestCheckpointedEqualsKept(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		p, q := m.pass(), m.pass()
		q.Checkpoint = true
		want, wantG := m.run(p, batch, batch.labelled())
		got, gotG := m.run(q, batch, batch.labelled())
		if got != want {
			t.Errorf("loss %v, without checkpoints %v", got, want)
		}
		if d := diffGrads(gotG, wantG); d != 0 {
			t.Errorf("gradients differ by %g", d)
		}
		if q.Peak() >= p.Peak() {
			t.Errorf("peak %d elements, without checkpoints %d", q.Peak(), p.Peak())
		}
	})
}

// A packed batch gives each sequence the rows that it has alone, to the bit; gradients add up.
func TestPackedEqualsSeparate(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		if m.dropout > 0 || m.loraDropout {
			t.Skip("rows are numbered differently, so masks differ")
		}
		want, wantG := m.run(m.pass(), batch, nil)
		p := m.pass()
		p.Grads = m.grads()
		var sum float64
		for s := range len(batch.Cu) - 1 { // gradients of three passes gather in one step
			sum += m.loss(p, batch.sequence(s), nil)
		}
		if math.Abs(sum-want) > tolerance*want {
			t.Errorf("loss %v, packed %v", sum, want)
		}
		if d := diffGrads(p.Grads, wantG); !(d <= tolerance) {
			t.Errorf("gradients differ by %g", d)
		}
	})
}

// Evaluation, which keeps nothing, sees the loss that training sees.
func TestWithoutGradients(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		p, q := m.pass(), m.pass()
		want, _ := m.run(p, batch, batch.labelled())
		if got := m.loss(q, batch, batch.labelled()); got != want {
			t.Errorf("loss %v, with gradients %v", got, want)
		}
	})
}

// Generating with a cache, several sequences at once, gives the hidden rows of one full pass.
func TestCachedEqualsFull(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		p := m.pass()
		p.Dropout = 0
		p.Start(batch.Seqs, nil)
		var a StackActs
		want := append([]Float(nil), m.hidden(p, &a, batch.ids).Data...)

		q := m.pass()
		q.Dropout, q.Cache = 0, NewCache(&m.stack, []int{5, 3, 7})
		at := []int32{0, 0, 0}
		for step := 0; ; step++ { // two tokens of each sequence first, then one by one
			var ids, rows []int32
			s := Seqs{Cu: []int32{0}}
			for i := range at {
				n := int32(1)
				if step == 0 {
					n = 2
				}
				for range min(n, batch.Cu[i+1]-batch.Cu[i]-at[i]) {
					row := batch.Cu[i] + at[i]
					ids, rows, s.Pos = append(ids, batch.ids[row]), append(rows, row), append(s.Pos, at[i])
					at[i]++
				}
				s.Cu = append(s.Cu, int32(len(ids)))
			}
			if len(ids) == 0 {
				break
			}
			q.Start(s, nil)
			h := m.hidden(q, &StackActs{}, ids)
			for i, row := range rows {
				if d := maxDiff(h.Row(i), want[int(row)*m.width:][:m.width]); !(d <= tolerance) {
					t.Errorf("row %d: hidden state differs by %g", row, d)
				}
			}
		}
	})
}

// Frozen parameters get no gradient, and a step's leftovers never leak into the next.
func TestGradsOverSteps(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		_, want := m.run(m.pass(), batch, batch.labelled())
		p := m.pass()
		p.Grads = m.grads()
		for _, g := range p.Grads.G { // what an earlier step left
			for i := range g.Data {
				g.Data[i] = Float(math.NaN())
			}
		}
		p.Grads.Reset()
		m.loss(p, batch, batch.labelled())
		if d := diffGrads(p.Grads, want); d != 0 {
			t.Errorf("gradients differ by %g", d)
		}
		for _, q := range m.params {
			if m.frozen[q] != p.Grads.G[q.Index].Empty() {
				t.Errorf("%s: frozen %v, gradient %v", q.Name, m.frozen[q], p.Grads.G[q.Index])
			}
		}
	})
}

// With its factors found beforehand a DoRA computes what it does without.
func TestFixedEqualsFree(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		want := m.loss(m.pass(), batch, batch.labelled())
		m.fix(true)
		if got := m.loss(m.pass(), batch, batch.labelled()); math.Abs(got-want) > tolerance*want {
			t.Errorf("loss %v, not fixed %v", got, want)
		}
	})
}
