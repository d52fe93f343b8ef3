package compute

import (
	"math"
	"testing"
)

// TestPhilox has the published vectors of Random123 (kat_vectors, philox4x32-10).
func TestPhilox(t *testing.T) {
	for _, c := range []struct {
		ctr  [4]uint32
		key  uint64
		want [4]uint32
	}{
		{[4]uint32{}, 0, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32}, math.MaxUint64,
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822,
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Philox(c.ctr, c.key); got != c.want {
			t.Errorf("Philox(%08x, %016x) = %08x, want %08x", c.ctr, c.key, got, c.want)
		}
	}
}

// TestMaskOrder: an element is dropped or kept whatever else is asked for along with it.
func TestMaskOrder(t *testing.T) {
	m, ones := NewMask(0.4, 12345), NewMat(1, 50).Data
	for i := range ones {
		ones[i] = 1
	}
	whole := make([]Float, 50)
	m.Apply(whole, ones, 3, 0, 2)
	for col := range 50 {
		for n := range 50 - col {
			part := make([]Float, n)
			m.Apply(part, ones[:n], 3, col, 2)
			for j, e := range part {
				if e != whole[col+j] {
					t.Fatalf("column %d is %v of [%d:%d], %v of the whole", col+j, e, col, col+n, whole[col+j])
				}
			}
		}
	}
}

// TestDropoutRate: the share of dropped elements is within 5 standard deviations of p, and the mean stays.
func TestDropoutRate(t *testing.T) {
	x := NewMat(100, 1001)
	for i := range x.Data {
		x.Data[i] = 1
	}
	y, n := NewMat(100, 1001), float64(len(x.Data))
	for _, p := range []Float{0, 0.1, 0.5, 0.9} {
		Ref{}.Dropout(y, x, p, 99)
		dropped := 0
		for _, e := range y.Data {
			if e == 0 {
				dropped++
			} else if e != 1/(1-p) {
				t.Fatalf("p %v: kept as %v", p, e)
			}
		}
		sd := math.Sqrt(n * float64(p) * (1 - float64(p)))
		if math.Abs(float64(dropped)-n*float64(p)) > 5*sd {
			t.Errorf("p %v: dropped %d of %v", p, dropped, n)
		}
	}
	z := NewMat(100, 1001)
	Ref{}.Dropout(y, x, 0.5, 1)
	Ref{}.Dropout(z, x, 0.5, 2)
	same := 0
	for i, e := range y.Data {
		if e == z.Data[i] {
			same++
		}
	}
	if math.Abs(float64(same)-n/2) > 5*math.Sqrt(n/4) {
		t.Errorf("two keys agree on %d of %v elements", same, n)
	}
}
