package compute

import (
	"math"
	"slices"
	"testing"
)

func matOf(rows int, data []Float) Mat {
	return Mat{rows, len(data) / rows, len(data) / rows, slices.Clone(data)}
}

func closeTo(t *testing.T, name string, got, want []Float, tol float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= tol*max(1, math.Abs(float64(w)))) {
			t.Errorf("%s: element %d is %v, want %v", name, i, got[i], w)
		}
	}
}

func TestCrossEntropyTorch(t *testing.T) {
	for _, c := range torchLosses {
		x, loss := matOf(4, torchLogits), make([]Float, 4)
		Ref{}.CrossEntropy(loss, x, torchLabels, c.smoothing, 0)
		closeTo(t, "logits", x.Data, torchLogits, 0)
		closeTo(t, "loss", loss, c.loss, 1e-6)
		Ref{}.CrossEntropy(loss, x, torchLabels, c.smoothing, 0.25)
		closeTo(t, "gradient", x.Data, c.grad, 1e-7)
	}
}

// TestActValues compares with values of torch in float64.
func TestActValues(t *testing.T) {
	for _, c := range []struct {
		f        ActFunc
		x, y, dy float64
	}{
		{GELUTanh, 1, 0.8411919906082768, 1.0829640838457826},
		{GELUTanh, -0.5, -0.15428599017485606, 0.13263009646535764},
		{GELU, 1, 0.8413447460685429, 1.0833154705876864},
		{GELU, -0.5, -0.15426876936299344, 0.13250487534383712},
		{SiLU, 1, 0.7310585786300049, 0.9276705118714867},
		{SiLU, -0.5, -0.1887703343990727, 0.2600388126973482},
		{ReLU, 1, 1, 1}, {ReLU, -0.5, 0, 0}, {ReLU, 0, 0, 0},
	} {
		if y, dy := c.f.Value(c.x); math.Abs(y-c.y) > 1e-12 || math.Abs(dy-c.dy) > 1e-12 {
			t.Errorf("f%d(%v) = %v, slope %v, want %v and %v", c.f, c.x, y, dy, c.y, c.dy)
		}
	}
}

// TestAttentionSees: a query row reads its own key and those before it, inside its window.
func TestAttentionSees(t *testing.T) {
	h := Heads{Dim: 2, Scale: 1, Q: []int32{0, 2, 3}, K: []int32{0, 4}, Pos: []int32{1, 3, 2}}
	for _, window := range []int{0, 2} {
		h.Window = window
		q, k, v := NewMat(3, 2), NewMat(7, 2), NewMat(7, 2)
		for i := range v.Rows {
			v.Row(i)[0] = Float(int(1) << i) // all weights alike, so that y tells which were read
		}
		y, lse := NewMat(3, 2), NewMat(3, 1)
		Ref{}.Attention(y, lse, q, k, v, h)
		want := []Float{(1 + 2) / 2., (1 + 2 + 4 + 8) / 4., (16 + 32 + 64) / 3.}
		if window == 2 {
			want = []Float{(1 + 2) / 2., (4 + 8) / 2., (32 + 64) / 2.}
		}
		closeTo(t, "y", []Float{y.Row(0)[0], y.Row(1)[0], y.Row(2)[0]}, want, 1e-6)
	}
}
