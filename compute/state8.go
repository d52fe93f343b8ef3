package compute

import (
	"fmt"
	"math"
	"slices"
)

// StateBlock is how many elements of a State8 share a scale.
const StateBlock = 256

// A State8 is optimizer state in 8 bits, as bitsandbytes keeps it (Dettmers et al., 2022): an element is one of 256
// numbers of a dynamic map, whose steps are fine around 0 over seven powers of ten, times the largest of its block.
type State8 struct {
	Codes  []byte    // an element each: indices into the sorted map
	Top    []float32 // of each block of 256 elements the largest, absolutely
	Signed bool
}

// NewState8 returns n zeros; signed says whether there may be negative elements.
func NewState8(n int, signed bool) State8 {
	s := State8{make([]byte, n), make([]float32, (n+StateBlock-1)/StateBlock), signed}
	zero := s.table().nearest(0)
	for i := range s.Codes {
		s.Codes[i] = zero
	}
	return s
}

// Load writes the elements from lo on to dst; lo is a multiple of 256.
func (s State8) Load(dst []Float, lo int) {
	s.blocks(len(dst), lo, func(from, to, block int) {
		t, top := s.table(), s.Top[block]
		for i, c := range s.Codes[lo+from : lo+to] {
			dst[from+i] = Float(t.values[c] * top)
		}
	})
}

// Store rounds src to the elements from lo on; lo is a multiple of 256, and so is the end, or it is the last.
func (s State8) Store(src []Float, lo int) {
	s.blocks(len(src), lo, func(from, to, block int) {
		var top float32
		for _, v := range src[from:to] {
			top = max(top, float32(v), -float32(v))
		}
		s.Top[block] = top
		inverse := 1 / max(top, 0x1p-120)
		t := s.table()
		for i, v := range src[from:to] {
			s.Codes[lo+from+i] = t.nearest(float32(v) * inverse)
		}
	})
}

// blocks calls f with each block of n elements from lo on.
func (s State8) blocks(n, lo int, f func(from, to, block int)) {
	if lo%StateBlock != 0 || lo+n > len(s.Codes) {
		panic(fmt.Sprintf("compute: elements [%d, %d) of %d in blocks of %d", lo, lo+n, len(s.Codes), StateBlock))
	}
	for from := 0; from < n; from += StateBlock {
		f(from, min(from+StateBlock, n), (lo+from)/StateBlock)
	}
}

// Bytes returns the memory that s takes.
func (s State8) Bytes() int64 { return int64(len(s.Codes)) + 4*int64(len(s.Top)) }

func (s State8) table() *dynamicMap {
	if s.Signed {
		return &signedMap
	}
	return &unsignedMap
}

// A dynamicMap is the sorted numbers that 8 bits stand for.
type dynamicMap struct {
	values  [256]float32
	between [256]float32          // where the nearest number changes; the last is infinite
	first   [1 << (32 - 18)]uint8 // by the upper bits of x: the nearest to the least x that has them
}

var signedMap, unsignedMap = newDynamicMap(true), newDynamicMap(false)

// newDynamicMap is bitsandbytes' create_dynamic_map with 7 bits of exponent: for each power of ten from 10⁻⁶ to 1 the
// middles of 2^i equal parts of [0.1, 1] of it (twice as many without signs), 0, and 1.
func newDynamicMap(signed bool) (m dynamicMap) {
	values := []float32{0, 1}
	for i := range 7 {
		parts := 1 << i
		if !signed {
			parts *= 2
		}
		for k := range parts {
			v := float32(math.Pow10(i-6)) * ((bound(k, parts) + bound(k+1, parts)) / 2)
			if values = append(values, v); signed {
				values = append(values, -v)
			}
		}
	}
	slices.Sort(values)
	copy(m.values[:], values)
	for i := range 255 {
		m.between[i] = (values[i] + values[i+1]) / 2
	}
	m.between[255] = float32(math.Inf(1))
	for key := range m.first {
		least := uint32(key) << 18
		if least>>31 == 1 {
			least |= 1<<18 - 1
		}
		if x := math.Float32frombits(least); x >= -1 && x <= 1 {
			i, _ := slices.BinarySearch(m.between[:], x)
			m.first[key] = uint8(i)
		}
	}
	return m
}

// bound is the lower end of part k of [0.1, 1] as torch.linspace rounds it: counted from the nearer end.
func bound(k, parts int) float32 {
	step := float32(1-float32(0.1)) / float32(parts)
	if k < (parts+1)/2 {
		return float32(float64(float32(0.1)) + float64(step)*float64(k))
	}
	return float32(1 - float64(step)*float64(parts-k))
}

// nearest returns the index of the number nearest to x, which is between -1 and 1 (or nearly).
func (m *dynamicMap) nearest(x float32) uint8 {
	x = min(max(x, -1), 1)
	i := m.first[math.Float32bits(x)>>18]
	for x > m.between[i] {
		i++
	}
	return i
}
