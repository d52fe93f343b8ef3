package compute

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// up returns how often x is rounded away from zero in n draws.
func up(x Float, n int) (count int) {
	all := slices.Repeat([]Float{x}, n)
	Stochastic{Key: 3, Step: 1, Param: 2}.Round(all, 0)
	for _, v := range all {
		if math.Abs(float64(v)) > math.Abs(float64(x)) {
			count++
		}
	}
	return count
}

// The chance of rounding up is the distance from the number below, in steps: the mean stays.
func TestStochasticIsUnbiased(t *testing.T) {
	const n = 1 << 18
	for _, part := range []uint32{0, 1, 0x1000, 0x8000, 0xc123, 0xffff} {
		for _, sign := range []uint32{0, 1 << 31} {
			x := Float(math.Float32frombits(0x3f810000 | part | sign))
			want := float64(part) / 0x10000
			off := float64(up(x, n))/n - want
			if sigma := math.Sqrt(want * (1 - want) / n); math.Abs(off) > 4*sigma {
				t.Errorf("%v: rounded up %+.5f more often than %.5f, σ %.5f", x, off, want, sigma)
			}
		}
	}
}

// Every number becomes one of the two bfloat16 numbers beside it, itself if it is one; NaN and infinities stay.
func TestStochasticIsNear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		b := r.Uint32()
		x := math.Float32frombits(b)
		y := []Float{Float(x)}
		Stochastic{Key: uint64(b)}.Round(y, 8)
		got := math.Float32bits(float32(y[0]))
		switch {
		case x-x != 0: // NaN or infinite
			if got != math.Float32bits(float32(Float(x))) {
				t.Fatalf("%x became %x", b, got)
			}
		case got&0xffff != 0 || got != b&^0xffff && got != b&^0xffff+0x10000 || b&0xffff == 0 && got != b:
			t.Fatalf("%x became %x", b, got)
		}
	}
}

// What is drawn depends on nothing but key, step, parameter and element.
func TestStochasticIsDeterministic(t *testing.T) {
	m := randomMat(1, 1003, 5)
	round := func(s Stochastic, cuts ...int) []Float {
		x, from := slices.Clone(m.Data), 0
		for _, to := range append(cuts, len(x)) {
			s.Round(x[from:to], 1<<40+from)
			from = to
		}
		return x
	}
	s := Stochastic{1, 2, 3}
	want := round(s)
	if !slices.Equal(round(s, 8, 256, 1000), want) {
		t.Error("parts are rounded in another way than the whole")
	}
	for _, other := range []Stochastic{{2, 2, 3}, {1, 3, 3}, {1, 2, 4}} {
		if slices.Equal(round(other), want) {
			t.Errorf("%v draws what %v does", other, s)
		}
	}
}

// SetPart and Part of a matrix as one row reach every element.
func TestStoredFlat(t *testing.T) {
	m := randomMat(5, 7, 1)
	s, err := Store(m, BFloat16)
	if err != nil {
		t.Fatal(err)
	}
	want := s.Mat().Flat()
	flat, got := s.Flat(), make([]Float, 35)
	for lo := 0; lo < 35; lo += 10 {
		flat.Part(got[lo:min(lo+10, 35)], 0, lo)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	flat.SetPart([]Float{1, 2, 3}, 0, 6)
	if row := s.Mat().Row(0); row[6] != 1 || s.Mat().Row(1)[1] != 3 {
		t.Errorf("%v", s.Mat())
	}
}
