package nn

import (
	"math"
	"sync"
)

// RoPE is rotary position embedding (Su et al., 2021): its table of angles, which grows as longer sequences
// come. It is safe for concurrent use.
type RoPE struct {
	// InvFreq gives the rotation per position of each pair of elements, for sequences up to the length n.
	InvFreq func(n int) []float32
	Varies  bool    // InvFreq depends on n, as with dynamic scaling
	Scale   float64 // multiplies cosines and sines (YaRN's attention factor); 0 means 1

	mu    sync.Mutex
	table Mat
}

// Table returns a table [≥ n, D] of the cosines and sines of positions 0 … n−1.
func (r *RoPE) Table(n int) Mat {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.table.Rows == n || r.table.Rows > n && !r.Varies {
		return r.table
	}
	if !r.Varies {
		n = max(n, 2*r.table.Rows, 64)
	}
	freq := r.InvFreq(n)
	scale := r.Scale
	if scale == 0 {
		scale = 1
	}
	half := len(freq)
	r.table = Mat{Rows: n, Cols: 2 * half, Stride: 2 * half, Data: make([]Float, n*2*half)}
	for i := range n {
		row := r.table.Row(i)
		for d, f := range freq {
			sin, cos := math.Sincos(float64(float32(i) * f)) // the reference multiplies in float32
			row[d], row[half+d] = Float(cos*scale), Float(sin*scale)
		}
	}
	return r.table
}
