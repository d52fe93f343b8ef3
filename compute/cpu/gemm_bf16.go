//go:build !f64

package cpu

import (
	"time"
	"unsafe"

	"github.com/hone-ml/hone/compute"
)

// Products with factors in bfloat16 (compute.Device.BF16) are those of float32 with words in place of elements. Where
// the processor multiplies bfloat16, a word is two neighbours in K, the first in its lower half, and a tile does half
// as many steps. Elsewhere a word is one rounded factor in float32, and the neighbours have changed places, since the
// instruction takes the second of a pair first. The product of two bfloat16 is exact in float32, so both ways and
// compute.RefBF16 give the same bits, unless a sum is smaller than 2⁻¹²⁶, which the instruction takes for 0. AMX sums in
// another order.
//
// Matrices are rounded block by block, while they are packed. A weight that is stored in bfloat16 is words already: along the
// depth as it lies in memory, down the depth once two rows are zipped. MatMulNT of at most 4 rows isn't rounded at all: it
// waits for memory, which would not be read faster.

// A rounding makes words of matrices. What K lacks to make them whole is 0.
type rounding struct {
	elements, words int // so many elements of the depth become so many words
	// along makes words of the columns of src: dst [N, words], src [N, K].
	along func(dst, src Mat)
	// down makes words of the rows of src: dst [words, N], src [K, N].
	down func(dst, src Mat)
	// zip is down for elements in bfloat16, with rows stride bytes apart. Only for words of two.
	zip func(dst Mat, src []byte, rows, stride int)
}

// BF16 implements [compute.Device]. The device shares its threads with d.
func (d *Device) BF16() compute.Device {
	if d.base != nil {
		return d
	}
	b := &Device{pool: d.pool, base: d}
	b.gemm = bf16Kernels[0].on(&b.pool, d.gemm.memory)
	return b
}

// FastBF16 reports whether BF16's products are faster than those of float32, by a trial of their tiles that takes a
// millisecond or two: they have twice the speed on AMD's Zen 4, seven times and more with Intel's AMX, half on Intel's servers
// without AMX, and the same where factors are rounded alone, which then takes time of its own.
func FastBF16() bool { return bf16Kernels[0].speed() > 1.2*gemmKernels[0].speed() }

// speed returns the multiply-adds that tiles in the first cache do in a second, the best of some trials, for others may
// use the processor too.
func (k *gemmKernel) speed() (best float64) {
	const words, tiles = 96, 40
	h := k.heights[0]
	a, b, c := make([]float32, h*words), make([]float32, words*k.lanes), make([]float32, h*k.lanes)
	rs, ks := 1, h
	if k.inRows {
		rs, ks = words, 1
	}
	for range 20 {
		began := time.Now()
		for range tiles {
			k.tiles(h, c, a, b, 1, words, rs, ks, 0, k.lanes, true)
		}
		best = max(best, float64(tiles*k.elements(words)*h*k.lanes)/time.Since(began).Seconds())
	}
	return best
}

// software is a kernel for float32 with factors that are rounded in plain Go.
func software(k gemmKernel) gemmKernel {
	k.name += " bf16 in Go"
	k.rounding = &rounding{elements: 1, words: 1, along: alongGo, down: downGo}
	return k
}

// elements returns how many elements of the depth so many words have.
func (k *gemmKernel) elements(words int) int {
	if k.rounding == nil {
		return words
	}
	return words / k.rounding.words * k.rounding.elements
}

// words returns how many words so many elements of the depth have.
func (k *gemmKernel) words(elements int) int {
	if k.rounding == nil {
		return elements
	}
	return ceil(elements, k.rounding.elements) * k.rounding.words
}

// along returns the words [k, k+n) of the rows of m, which run along the depth.
func (g *gemm) along(w *scratch, m Mat, k, n int) Mat {
	if g.rounding == nil {
		return m.Span(k, k+n)
	}
	w.r = grow(w.r, m.Rows*n)
	dst := Mat{Rows: m.Rows, Cols: n, Stride: n, Data: w.r}
	g.roundAlong(dst, m, k)
	return dst
}

// roundAlong sets dst to the words of the rows of m from k on, with zeros beyond the last.
func (g *gemm) roundAlong(dst, m Mat, k int) {
	src := m.Span(g.elements(k), min(g.elements(k+dst.Cols), m.Cols))
	words := g.words(src.Cols)
	g.rounding.along(dst.Span(0, words), src)
	if words < dst.Cols {
		for i := range dst.Rows {
			clear(dst.Row(i)[words:])
		}
	}
}

// down returns the words [k, k+n) of columns [lo, hi) of m, whose rows are the depth.
func (g *gemm) down(w *scratch, m Mat, k, n, lo, hi int) Mat {
	if g.rounding == nil {
		return m.RowSpan(k, k+n).Span(lo, hi)
	}
	w.r = grow(w.r, n*(hi-lo))
	dst := Mat{Rows: n, Cols: hi - lo, Stride: hi - lo, Data: w.r}
	src := m.RowSpan(g.elements(k), min(g.elements(k+n), m.Rows)).Span(lo, hi)
	words := g.words(src.Rows)
	g.rounding.down(dst.RowSpan(0, words), src)
	clear(w.r[words*dst.Stride:])
	return dst
}

// panels makes panels of the words [k, k+n) of columns [lo, hi) of m, whose rows are the depth. They are panel words apart.
func (g *gemm) panels(dst []float32, m Mat, k, n, lo, hi, panel int) {
	src := m.RowSpan(g.elements(k), min(g.elements(k+n), m.Rows)).Span(lo, hi)
	if g.rounding == nil {
		g.packPanels(dst, src, panel)
		return
	}
	for j := 0; j < src.Cols; j += g.lanes {
		cols := min(g.lanes, src.Cols-j)
		g.rounding.down(g.panel(dst[j/g.lanes*panel:], n, g.words(src.Rows), cols), src.Span(j, j+cols))
	}
}

// panel returns the part of a panel of n words depth that a matrix has, and clears the rest.
func (g *gemm) panel(dst []float32, n, rows, cols int) Mat {
	if dst = dst[:n*g.lanes]; cols < g.lanes {
		clear(dst)
	} else {
		clear(dst[rows*g.lanes:])
	}
	return Mat{Rows: rows, Cols: cols, Stride: g.lanes, Data: dst}
}

// asWords reports whether the first so many words of the rows of s can be read as they lie in memory.
func (g *gemm) asWords(s compute.Stored, n int) bool {
	return g.zips(s) && s.Cols%2 == 0 && 2*n <= s.Cols && !s.Empty()
}

// zips reports whether two elements of s are a word.
func (g *gemm) zips(s compute.Stored) bool {
	return s.Type == compute.BFloat16 && g.rounding != nil && g.rounding.zip != nil
}

// words returns the words of a bfloat16 matrix, each two neighbours in a row.
func words(s compute.Stored) Mat {
	data := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(s.Data))), len(s.Data)/4)
	return Mat{Rows: s.Rows, Cols: s.Cols / 2, Stride: s.Cols / 2, Data: data}
}

// zipPanels makes panels of n words of columns [lo, hi) of s, whose rows are the depth.
func (g *gemm) zipPanels(dst []float32, s compute.Stored, n, lo, hi int) {
	for j := lo; j < hi; j += g.lanes {
		g.rounding.zip(g.panel(dst[(j-lo)*n:], n, ceil(s.Rows, 2), min(g.lanes, hi-j)), s.Data[2*j:], s.Rows, s.Stride())
	}
}

func alongGo(dst, src Mat) {
	for i := range dst.Rows {
		d, s := dst.Row(i), src.Row(i)
		for j := 0; j+1 < len(s); j += 2 {
			d[j], d[j+1] = compute.BF16(s[j+1]), compute.BF16(s[j])
		}
		if n := len(s) - 1; n%2 == 0 {
			d[n] = compute.BF16(s[n])
		}
	}
}

func downGo(dst, src Mat) {
	for i := range dst.Rows {
		j := i ^ 1
		if j == src.Rows {
			j = i
		}
		d := dst.Row(i)
		for c, v := range src.Row(j) {
			d[c] = compute.BF16(v)
		}
	}
}
