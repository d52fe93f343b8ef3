package compute

import "math/bits"

// Philox is the counter-based generator Philox4x32-10 (Salmon et al., 2011): four random words from a
// counter and a key, with no state, so that dropout's backward can draw the same mask again.
func Philox(ctr [4]uint32, key uint64) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, ctr[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, ctr[2])
		ctr = [4]uint32{h1 ^ ctr[1] ^ k0, l1, h0 ^ ctr[3] ^ k1, l0}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return ctr
}

// AddUniform adds to x, row row of a matrix, numbers drawn evenly between −most and most. They depend only on key, row
// and column.
func AddUniform(x []Float, row int, most Float, key uint64) {
	var w [4]uint32
	for j := range x {
		if j&3 == 0 {
			w = Philox([4]uint32{uint32(row), uint32(j >> 2), 0, 0}, key)
		}
		x[j] += most * Float(float64(w[j&3])/(1<<31)-1)
	}
}

// A Mask draws the kept elements of dropout. Element (row, col) is word col%4 of the counter
// (row, col/4, head, 0), so that any kernel may visit elements in any order.
type Mask struct {
	key  uint64
	drop uint32 // words below this are dropped
	Keep Float  // what kept elements are multiplied by, 1/(1−p)
}

// NewMask returns the mask that drops with probability p in [0, 1).
func NewMask(p Float, key uint64) Mask {
	return Mask{key, uint32(float64(p) * (1 << 32)), 1 / (1 - p)}
}

// Apply multiplies x, the elements from column col of a row on, by their mask: 0 or Keep.
func (m Mask) Apply(dst, x []Float, row, col, head int) {
	var w [4]uint32
	for j := range x {
		c := col + j
		if c&3 == 0 || j == 0 {
			w = Philox([4]uint32{uint32(row), uint32(c >> 2), uint32(head), 0}, m.key)
		}
		if w[c&3] < m.drop {
			dst[j] = 0
		} else {
			dst[j] = x[j] * m.Keep
		}
	}
}
