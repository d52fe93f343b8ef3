package compute

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func randomMat(rows, cols int, seed uint64) Mat {
	m := NewMat(rows, cols)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range m.Data {
		m.Data[i] = Float(r.NormFloat64())
	}
	return m
}

// An element is off by at most half a step of its block, 1/254 of the largest there.
func TestQuantError(t *testing.T) {
	for _, cols := range []int{1, 63, 64, 65, 200} {
		m := randomMat(7, cols, uint64(cols))
		m.Data[0] = -50 // the largest of its block may be negative
		q, err := NewQuant(m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Rows {
			row := make([]Float, cols)
			q.Row(row, i)
			for lo := 0; lo < cols; lo += QuantBlock {
				hi := min(lo+QuantBlock, cols)
				var top float64
				for _, v := range m.Row(i)[lo:hi] {
					top = max(top, math.Abs(float64(v)))
				}
				for k := lo; k < hi; k++ {
					if d := math.Abs(float64(row[k] - m.Row(i)[k])); d > top/254*(1+1e-4) {
						t.Fatalf("%d columns: element (%d, %d) is %v, was %v: off by %v of %v", cols, i, k, row[k], m.Row(i)[k], d, top)
					}
				}
			}
		}
	}
}

// A matrix that was quantized before comes back as it was.
func TestQuantExact(t *testing.T) {
	q, err := NewQuant(randomMat(5, 130, 2))
	if err != nil {
		t.Fatal(err)
	}
	m := q.Mat()
	again, err := NewQuant(m)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range q.Q {
		if again.Q[i] != v {
			t.Fatalf("integer %d was %d, is %d", i, v, again.Q[i])
		}
	}
}

func TestQuantExtremes(t *testing.T) {
	m := NewMat(3, 2)
	copy(m.Data, []Float{1e-40, -1e-40, 0, 0, 3e38, -3e38})
	q, err := NewQuant(m)
	if err != nil {
		t.Fatal(err)
	}
	got := q.Mat().Data
	for i, want := range m.Data {
		if d := math.Abs(float64(got[i] - want)); !(d <= 1e-35+1e-6*math.Abs(float64(want))) {
			t.Errorf("element %d is %v, was %v", i, got[i], want)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		m.Data[3] = Float(bad)
		if _, err := NewQuant(m); err == nil || !strings.Contains(err.Error(), "row 1") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if q, err := NewQuant(Mat{Rows: 3}); err != nil || len(q.Q) != 0 {
		t.Errorf("no columns: %v, %v", q, err)
	}
	if q, err := NewQuant(Mat{}); err != nil || q.Bytes() != 0 {
		t.Errorf("nothing: %v, %v", q, err)
	}
}

func TestQuantRowSpan(t *testing.T) {
	q, err := NewQuant(randomMat(9, 100, 3))
	if err != nil {
		t.Fatal(err)
	}
	all, part := q.Mat(), q.RowSpan(2, 6).Mat()
	for i := range part.Rows {
		for k, v := range part.Row(i) {
			if all.Row(i + 2)[k] != v {
				t.Fatalf("row %d: %v is not %v", i, v, all.Row(i + 2)[k])
			}
		}
	}
}
