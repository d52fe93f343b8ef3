//go:build f64

package nn

import (
	"math"
	"strings"
	"testing"
)

// TestGrad compares every gradient of every layer with central differences in float64.
func TestGrad(t *testing.T) {
	for _, s := range shapes {
		for _, pruned := range []bool{false, true} {
			t.Run(s.name, func(t *testing.T) {
				m := build(s)
				batch := pack(s.vocab, 5, 3, 7)
				var kept []int32
				if pruned {
					kept = batch.labelled()
				}
				p := m.pass()
				p.Grads = m.grads()
				m.loss(p, batch, kept)
				got := p.Grads
				p.Grads = nil
				n, worst := 0, 0.0
				for _, q := range m.params {
					if m.frozen[q] {
						continue
					}
					m.fix(!strings.Contains(q.Name, ".M"))
					for i := 0; i < len(q.W.Data); i += 1 + len(q.W.Data)/23 {
						const h = 1e-5
						w := q.W.Data[i]
						q.W.Data[i] = w + h
						up := m.loss(p, batch, kept)
						q.W.Data[i] = w - h
						down := m.loss(p, batch, kept)
						q.W.Data[i] = w
						num := (up - down) / (2 * h) * 0.25
						g := float64(got.G[q.Index].Data[i])
						e := math.Abs(num-g) / (1e-3 + math.Abs(num))
						n, worst = n+1, max(worst, e)
						if e > 1e-5 {
							t.Errorf("%s[%d]: got %g, numeric %g", q.Name, i, g, num)
						}
					}
				}
				t.Logf("pruned %v: %d gradients, worst relative error %.2g", pruned, n, worst)
			})
		}
	}
}
