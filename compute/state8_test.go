package compute

import (
	"math"
	"slices"
	"testing"
)

// The maps have the numbers of bitsandbytes' create_dynamic_map.
func TestDynamicMap(t *testing.T) {
	for _, c := range []struct {
		m       *DynamicMap
		least   float32
		smalles float32 // positive
	}{{&signedMap, -0.99296875, 5.5e-7}, {&unsignedMap, 0, 3.25e-7}} {
		v := c.m.Values[:]
		if !slices.IsSorted(v) || len(slices.Compact(slices.Clone(v))) != 256 {
			t.Fatal("not 256 numbers in order")
		}
		if math.Abs(float64(v[0]-c.least)) > 1e-7 || v[255] != 1 || !slices.Contains(v, 0) {
			t.Errorf("from %v to %v", v[0], v[255])
		}
		i := slices.Index(v, 0)
		if math.Abs(float64(v[i+1]/c.smalles-1)) > 1e-6 {
			t.Errorf("least positive number %v, want %v", v[i+1], c.smalles)
		}
		for x := -1.0; x <= 1; x += 0.00037 {
			best := 0
			for i := range v {
				if math.Abs(float64(v[i]-float32(x))) < math.Abs(float64(v[best]-float32(x))) {
					best = i
				}
			}
			if got := c.m.nearest(float32(x)); math.Abs(float64(v[got]-float32(x))) > math.Abs(float64(v[best]-float32(x)))*(1+1e-5)+1e-8 {
				t.Fatalf("%v: %v, nearest is %v", x, v[got], v[best])
			}
		}
	}
}

// A number is found by its upper 16 bits and one comparison, wherever it lies.
func TestDynamicMapLookup(t *testing.T) {
	for _, m := range []*DynamicMap{&signedMap, &unsignedMap} {
		check := func(x float32) {
			want, _ := slices.BinarySearch(m.Between[:], x)
			if got := m.nearest(x); int(got) != want {
				t.Fatalf("%v: %d, want %d", x, got, want)
			}
		}
		for upper := range uint32(1 << 16) {
			for _, lower := range []uint32{0, 1, 0xffff} {
				if x := math.Float32frombits(upper<<16 | lower); x == x {
					check(x)
				}
			}
		}
		for _, b := range m.Between {
			check(b)
			check(math.Nextafter32(b, 2))
			check(math.Nextafter32(b, -2))
		}
	}
}

func TestState8(t *testing.T) {
	m := randomMat(1, 1000, 4)
	m.Data[700] = 30 // its block is coarser
	s := NewState8(1000, true)
	got := make([]Float, 1000)
	s.Load(got, 0)
	if slices.ContainsFunc(got, func(v Float) bool { return v != 0 }) {
		t.Error("a new state is not 0")
	}
	s.Store(m.Data[:512], 0)
	s.Store(m.Data[512:], 512)
	s.Load(got, 0)
	for i, v := range m.Data {
		top := Float(s.Top[i/StateBlock])
		if d := math.Abs(float64(got[i] - v)); d > 0.0071*float64(top) || d > 0.1*math.Abs(float64(v))+1e-3*float64(top) {
			t.Fatalf("element %d is %v, was %v, in a block to %v", i, got[i], v, top)
		}
	}
	again := NewState8(1000, true)
	again.Store(got, 0)
	if s.Top[2] != again.Top[2] || !slices.Equal(s.Codes, again.Codes) {
		t.Error("stored again, codes differ")
	}
}
