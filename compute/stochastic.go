package compute

import (
	"encoding/binary"
	"math"
)

// A Stochastic rounds numbers to bfloat16 up or down at random, each way as likely as the number is near it, so that the
// mean of what it makes is what it was given. Updates smaller than the steps of bfloat16, which rounding to the nearest
// would swallow, are kept on average. (torchao's bf16_stochastic_round; its random numbers are others.)
//
// What is drawn depends on the four numbers here and the element's alone, not on the order of the work.
type Stochastic struct {
	Key         uint64
	Step, Param uint32
}

// Round rounds x in place: the elements of a parameter from number lo on, a multiple of 8. NaN and infinities stay.
func (r Stochastic) Round(x []Float, lo int) {
	for ; len(x) > 0; lo += 8 {
		n := min(8, len(x))
		at := uint64(lo) / 8
		w := Philox([4]uint32{uint32(at), uint32(at >> 32), r.Step, r.Param}, r.Key)
		for j, v := range x[:n] {
			b := math.Float32bits(float32(v))
			if b&0x7f800000 == 0x7f800000 {
				continue
			}
			b += w[j/2] >> (j % 2 * 16) & 0xffff
			x[j] = Float(math.Float32frombits(b &^ 0xffff))
		}
		x = x[n:]
	}
}

// Flat returns a bfloat16 matrix as one row.
func (s Stored) Flat() Stored {
	if s.Type != BFloat16 {
		panic("compute: Flat of a matrix in " + s.Type.String())
	}
	s.Rows, s.Cols = 1, s.Rows*s.Cols
	return s
}

// SetPart rounds src into the elements from column lo on of row i of a bfloat16 matrix, to the nearest.
func (s Stored) SetPart(src []Float, i, lo int) {
	data := s.Data[i*s.Stride()+2*lo:][:2*len(src)]
	for j, v := range src {
		binary.LittleEndian.PutUint16(data[2*j:], bfloat16(float32(v)))
	}
}
