//go:build !f64

package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A field hands out matrices with random elements, set with gaps between their rows into memory full of
// NaN, and afterwards tells whether anything outside of them was written.
type field struct {
	rng  *rand.Rand
	mats []Mat
	mem  [][]float32
}

func newField(seed uint64) *field { return &field{rng: rand.New(rand.NewPCG(seed, 1))} }

const margin = 9

// mat returns a rows×cols matrix with a stride of cols+gap.
func (f *field) mat(rows, cols, gap int) Mat {
	stride := cols + gap
	mem := make([]float32, rows*stride+2*margin)
	for i := range mem {
		mem[i] = float32(math.NaN())
	}
	m := Mat{Rows: rows, Cols: cols, Stride: stride, Data: mem[margin:]}
	for i := range rows {
		for j := range m.Row(i) {
			m.Row(i)[j] = float32(f.rng.NormFloat64())
		}
	}
	f.mats, f.mem = append(f.mats, m), append(f.mem, mem)
	return m
}

// dense returns a rows×cols matrix without gaps.
func (f *field) dense(rows, cols int) Mat {
	m := f.mat(rows, cols, 0)
	m.Data = m.Data[:rows*cols]
	return m
}

// check fails if memory around the matrices was written.
func (f *field) check(t *testing.T) {
	t.Helper()
	for k, m := range f.mats {
		for i, e := range f.mem[k] {
			r, c := (i-margin)/max(m.Stride, 1), (i-margin)%max(m.Stride, 1)
			inside := i >= margin && r < m.Rows && c < m.Cols
			if !inside && !math.IsNaN(float64(e)) {
				t.Fatalf("matrix %d %v: wrote %v outside, at element %d", k, m, e, i-margin)
			}
		}
	}
}

// clone copies m, gaps and all.
func clone(m Mat) Mat {
	m.Data = append([]float32(nil), m.Data...)
	return m
}

// near fails unless got is want to within tol of the largest element of want's row.
func near(t *testing.T, name string, got, want Mat, tol float64) {
	t.Helper()
	for i := range want.Rows {
		top := 0.1 // below, errors count as those of sums of elements about 1
		for _, e := range want.Row(i) {
			top = max(top, math.Abs(float64(e)))
		}
		for j, e := range want.Row(i) {
			g := got.Row(i)[j]
			if d := math.Abs(float64(g) - float64(e)); !(d <= tol*top) && g != e && !(g != g && e != e) {
				t.Fatalf("%s %v: [%d, %d] is %v, want %v (off by %.3g)", name, want, i, j, g, e, d)
			}
		}
	}
}

// equal fails unless got and want have the same bits.
func equal(t *testing.T, name string, got, want Mat) {
	t.Helper()
	for i := range want.Rows {
		for j, e := range want.Row(i) {
			if g := got.Row(i)[j]; math.Float32bits(g) != math.Float32bits(e) {
				t.Fatalf("%s %v: [%d, %d] is %v, want exactly %v", name, want, i, j, g, e)
			}
		}
	}
}

// onAll runs a kernel under each implementation on 1, 2 and 3 threads. kernel returns what it wrote, which
// must have the same bits on any number of threads.
func onAll(t *testing.T, kernel func(t *testing.T, d *Device) []Mat) {
	t.Helper()
	eachImplementation(t, func(t *testing.T) {
		var first []Mat
		for threads := 1; threads <= 3; threads++ {
			out := kernel(t, New(threads))
			if first == nil {
				first = out
			}
			for k, m := range out {
				equal(t, fmt.Sprintf("%d threads: result %d", threads, k), m, first[k])
			}
		}
	})
}

// lengths are those that the vector kernels can get wrong: all up to 256, less in short runs.
func lengths() (ns []int) {
	for n := 1; n <= 256; n++ {
		if !testing.Short() || n < 40 || n%16 < 2 {
			ns = append(ns, n)
		}
	}
	return append(ns, 300, 768, 1023)
}
