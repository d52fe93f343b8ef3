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
	zero := s.Map().nearest(0)
	for i := range s.Codes {
		s.Codes[i] = zero
	}
	return s
}

// Load writes the elements from lo on to dst; lo is a multiple of 256.
func (s State8) Load(dst []Float, lo int) {
	s.blocks(len(dst), lo, func(from, to, block int) {
		m, top := s.Map(), s.Top[block]
		for i, c := range s.Codes[lo+from : lo+to] {
			dst[from+i] = Float(m.Values[c] * top)
		}
	})
}

// Store rounds src to the elements from lo on; lo is a multiple of 256, and so is the end, or it is the last.
func (s State8) Store(src []Float, lo int) {
	s.blocks(len(src), lo, func(from, to, block int) {
		var top uint32 // of bits without the sign, which are in the order of the numbers
		for _, v := range src[from:to] {
			top = max(top, math.Float32bits(float32(v))&^(1<<31))
		}
		s.Top[block] = math.Float32frombits(top)
		inverse, m := s.Inverse(block), s.Map()
		for i, v := range src[from:to] {
			s.Codes[lo+from+i] = m.nearest(float32(v) * inverse)
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

// Inverse returns what the elements of a block are multiplied by before they are looked up.
func (s State8) Inverse(block int) float32 { return 1 / max(s.Top[block], tiny) }

// Map returns the numbers that the codes stand for.
func (s State8) Map() *DynamicMap {
	if s.Signed {
		return &signedMap
	}
	return &unsignedMap
}

// A DynamicMap is the sorted numbers that 8 bits stand for, and how to find the nearest: by the upper 16 bits of x, of which
// those between DynamicLeast and DynamicMost make a difference. No two numbers are nearest to numbers with the same upper bits
// but neighbours.
type DynamicMap struct {
	Values  [256]float32
	Between [256]float32 // where the nearest number changes; the last is infinite
	// First is the nearest to the least x with these bits: those of positive numbers, then of negative ones, then nothing, so
	// that four bytes can be read from any.
	First [2*DynamicKeys + 4]uint8
}

// The bits of 2⁻²³ and 1 without the sign.
const (
	DynamicLeast = (127 - 23) << 7
	DynamicMost  = 127 << 7
	DynamicKeys  = DynamicMost - DynamicLeast + 1
)

var signedMap, unsignedMap = newDynamicMap(true), newDynamicMap(false)

// newDynamicMap is bitsandbytes' create_dynamic_map with 7 bits of exponent: for each power of ten from 10⁻⁶ to 1 the
// middles of 2^i equal parts of [0.1, 1] of it (twice as many without signs), 0, and 1.
func newDynamicMap(signed bool) (m DynamicMap) {
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
	copy(m.Values[:], values)
	for i := range 255 {
		m.Between[i] = (values[i] + values[i+1]) / 2
	}
	m.Between[255] = float32(math.Inf(1))
	for key := range DynamicKeys {
		least := uint32(DynamicLeast+key) << 16
		if key == 0 {
			least = 0
		}
		first := func(x float32) uint8 {
			i, _ := slices.BinarySearch(m.Between[:], x)
			return uint8(i)
		}
		m.First[key] = first(math.Float32frombits(least))
		m.First[DynamicKeys+key] = first(math.Float32frombits(1<<31 | uint32(DynamicLeast+key)<<16 | 0xffff))
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

// nearest returns the index of the number nearest to x; beyond −1 and 1 the first or the last.
func (m *DynamicMap) nearest(x float32) uint8 {
	b := math.Float32bits(x)
	key := min(max(b&^(1<<31)>>16, DynamicLeast), DynamicMost) - DynamicLeast + b>>31*DynamicKeys
	i := m.First[key]
	if x > m.Between[i] {
		i++
	}
	return i
}
