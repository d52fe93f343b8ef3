package compute

import (
	"bytes"
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

var narrow = []Storage{BFloat16, Int8, Int4}

func TestStorageNames(t *testing.T) {
	for i, want := range []string{"float32", "bfloat16", "int8", "int4"} {
		s, err := ParseStorage(want)
		if err != nil || s != Storage(i) || s.String() != want {
			t.Errorf("%s: %v, %v", want, s, err)
		}
	}
	if _, err := ParseStorage("fp4"); err == nil || !strings.Contains(err.Error(), `"fp4"`) {
		t.Error(err)
	}
}

// An element is off by at most half a step of its type: a part of itself for BFloat16, of the largest of its block for
// integers. Int4's widest step is that from −1 to the next level, and it may cut a tenth of the largest off.
func TestStoredError(t *testing.T) {
	for _, kind := range narrow {
		for _, cols := range []int{1, 63, 64, 65, 200} {
			m := randomMat(7, cols, uint64(cols))
			m.Data[0] = -50 // the largest of its block may be negative
			q, err := Store(m, kind)
			if err != nil {
				t.Fatal(err)
			}
			for i := range m.Rows {
				row := make([]Float, cols)
				q.Row(row, i)
				for lo := 0; lo < cols; lo += StoredBlock {
					hi := min(lo+StoredBlock, cols)
					var top float64
					for _, v := range m.Row(i)[lo:hi] {
						top = max(top, math.Abs(float64(v)))
					}
					for k := lo; k < hi; k++ {
						x := float64(m.Row(i)[k])
						bound := map[Storage]float64{BFloat16: math.Abs(x) / 256, Int8: top / 254, Int4: 0.16 * top}[kind]
						if d := math.Abs(float64(row[k]) - x); d > bound*(1+1e-4) {
							t.Fatalf("%v, %d columns: element (%d, %d) is %v, was %v: off by %v of %v", kind, cols, i, k, row[k], x, d, top)
						}
					}
				}
			}
		}
	}
}

// What the comment of Int4 promises for normally distributed weights.
func TestInt4Accuracy(t *testing.T) {
	m := randomMat(64, 4096, 9)
	q, err := Store(m, Int4)
	if err != nil {
		t.Fatal(err)
	}
	var off, size float64
	for i, v := range q.Mat().Data {
		off += math.Pow(float64(v-m.Data[i]), 2)
		size += math.Pow(float64(m.Data[i]), 2)
	}
	if part := math.Sqrt(off / size); part > 0.087 {
		t.Errorf("off by %.4f of their size", part)
	}
}

// nearest agrees with a search through all levels.
func TestNearestLevel(t *testing.T) {
	for x := -1.1; x <= 1.1; x += 0.0003 {
		best := 0
		for i, l := range levels {
			if math.Abs(float64(l)-float64(float32(x))) < math.Abs(float64(levels[best])-float64(float32(x))) {
				best = i
			}
		}
		if got := nearest(float32(x)); int(got) != best {
			t.Fatalf("%v: level %d, want %d", x, got, best)
		}
	}
}

// A matrix that was rounded before comes back as it was.
func TestStoredExact(t *testing.T) {
	for _, kind := range narrow {
		q, err := Store(randomMat(5, 130, 2), kind)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Store(q.Mat(), kind)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Data, q.Data) {
			t.Errorf("%v: bytes differ", kind)
		}
	}
}

func TestStoredExtremes(t *testing.T) {
	for _, kind := range narrow {
		m := NewMat(3, 2)
		copy(m.Data, []Float{1e-40, -1e-40, 0, 0, 3e38, -3e38})
		q, err := Store(m, kind)
		if err != nil {
			t.Fatal(err)
		}
		got := q.Mat().Data
		for i, want := range m.Data {
			if d := math.Abs(float64(got[i] - want)); !(d <= 1e-35+map[Storage]float64{BFloat16: 0.004, Int8: 1e-6, Int4: 1e-6}[kind]*math.Abs(float64(want))) {
				t.Errorf("%v: element %d is %v, was %v", kind, i, got[i], want)
			}
		}
		if q, err := Store(Mat{Rows: 3}, kind); err != nil || len(q.Data) != 0 {
			t.Errorf("no columns: %v, %v", q, err)
		}
		if q, err := Store(Mat{}, kind); err != nil || q.Bytes() != 0 {
			t.Errorf("nothing: %v, %v", q, err)
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			m.Data[3] = Float(bad)
			q, err := Store(m, kind)
			if kind != BFloat16 {
				if err == nil || !strings.Contains(err.Error(), "row 1") {
					t.Errorf("%v: %v", bad, err)
				}
			} else if got := float64(q.Mat().Data[3]); err != nil || got != bad && !(got != got && bad != bad) {
				t.Errorf("%v became %v, %v", bad, got, err)
			}
		}
	}
}

func TestStoredViews(t *testing.T) {
	for _, kind := range narrow {
		q, err := Store(randomMat(9, 100, 3), kind)
		if err != nil {
			t.Fatal(err)
		}
		all, part := q.Mat(), q.RowSpan(2, 6).Mat()
		for i := range part.Rows {
			for k, v := range part.Row(i) {
				if all.Row(i + 2)[k] != v {
					t.Fatalf("%v: row %d: %v is not %v", kind, i, v, all.Row(i + 2)[k])
				}
			}
		}
		some := make([]Float, 20)
		q.Part(some, 4, 59)
		for k, v := range some {
			if all.Row(4)[59+k] != v {
				t.Fatalf("%v: column %d: %v is not %v", kind, 59+k, v, all.Row(4)[59+k])
			}
		}
	}
}
