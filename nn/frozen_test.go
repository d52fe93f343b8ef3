package nn

import "testing"

// Gradients above the lowest trained weight are, to the bit, what they are when everything is trained; nothing is
// computed below.
func TestFrozenBelow(t *testing.T) {
	each(t, func(t *testing.T, m *lm, batch tokens) {
		everything := map[*Param]bool{}
		m.frozen = everything
		_, want := m.run(m.pass(), batch, batch.labelled())
		last := m.stack.Blocks[len(m.stack.Blocks)-1]
		for _, trained := range [][]*Param{
			{last.MLP.Down.W}, {last.Attn.QKV.W}, {last.Norm1.W}, {m.stack.Norm.W}, {m.stack.Blocks[0].Attn.QKV.W},
			{m.stack.Blocks[0].Norm1.W}, {m.wte}, {m.stack.Blocks[0].MLP.Up.W, m.wte},
		} {
			m.frozen = map[*Param]bool{}
			for _, q := range m.params {
				m.frozen[q] = true
			}
			for _, q := range trained {
				m.frozen[q] = false
			}
			_, got := m.run(m.pass(), batch, batch.labelled())
			for _, q := range trained {
				if d := maxDiff(got.G[q.Index].Data, want.G[q.Index].Data); d != 0 {
					t.Errorf("%s: gradient differs by %g from that with nothing frozen", q.Name, d)
				}
			}
		}
	})
}
