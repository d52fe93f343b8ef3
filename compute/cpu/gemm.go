//go:build !f64

package cpu

import (
	"fmt"
	"sync"

	"github.com/hone-ml/hone/compute"
)

// The three products are one algorithm on a result C [P, Q]. A tile of C, 6 rows by 16 lanes, stays in
// registers while a run of the depth K is added to it: 16 lanes of B are loaded and multiplied by one
// element of each of 6 rows of A. So the rows of A may be anywhere, and B lies in panels [K, 16].
//
//	NT  yᵀ [N, M] = W·xᵀ   C is transposed when it is stored
//	NN  dx [M, K] = dy·W
//	TN  dW [N, K] = dyᵀ·x
//
// With bfloat16 factors an element of A or B is a word, a pair of neighbours in K (gemm_bf16.go); all else is the same.
//
// The activation that all tasks need, x or dy, is packed first: B into panels [kc, 16], A into tiles [kc, 6].
// The other operand is packed by each task for itself, block by block, and W of NT is read in place when
// there are too few rows to pay for that.
//
// Every element of C is one chain of multiply-adds in the order of K, whatever the tiles, the blocks and the
// threads: results depend on none of them, nor on the other rows.
type form int

const (
	formNT form = iota
	formNN
	formTN
)

const (
	// sharedSize limits the elements of an activation that are packed at a time: 16 MiB.
	sharedSize = 4 << 20
	// reduction is how many rows a weight gradient sums before it adds to dst, which keeps packed
	// activations small. It is part of the result: the sums are fixed by it.
	reduction = 1024
	// fewRows is how many rows of x are a matrix-vector product, which reads weights at memory speed.
	fewRows = 4
)

// MatMulNT implements compute.Device. The bits of a row depend on its own data alone, as long as there are
// always more than 4 rows, or never.
func (d *Device) MatMulNT(dst, a, b Mat, e compute.Epilogue) {
	checkShapes("MatMulNT", dst, a.Rows, a.Cols, b.Cols, b.Rows, e)
	if d.gemm.trivial(dst, a.Cols, e) {
		return
	}
	if a.Rows <= fewRows {
		d.gemm.vectors(dst, a, product{a: b, p: b.Rows, e: e})
		return
	}
	d.gemm.multiplyNT(dst, a, product{a: b, p: b.Rows, e: e})
}

// multiplyNT multiplies the weight of w, in either form, with x, some rows at a time.
func (g *gemm) multiplyNT(dst, x Mat, w product) {
	// A multiple of the panels' width, so that only the last piece has an incomplete one.
	rows := max(sharedSize/x.Cols&^63, 192)
	for lo := 0; lo < x.Rows; lo += rows {
		hi := min(lo+rows, x.Rows)
		g.multiply(product{
			form: formNT, a: w.a, stored: w.stored, b: x.RowSpan(lo, hi), p: w.p, q: hi - lo, k: x.Cols,
			dst: dst.RowSpan(lo, hi), e: rowsOf(w.e, lo, hi),
		})
	}
}

// MatMulNN implements compute.Device. The bits of a row depend on its own data alone, as long as there are always less rows than a
// kernel wants to have (gemmKernel.few), or never.
func (d *Device) MatMulNN(dst, a, b Mat, e compute.Epilogue) {
	checkShapes("MatMulNN", dst, a.Rows, a.Cols, b.Rows, b.Cols, e)
	if d.gemm.trivial(dst, a.Cols, e) {
		return
	}
	d.gemm.of(formNN, a.Rows).multiplyNN(dst, a, product{b: b, q: b.Cols, e: e})
}

// multiplyNN multiplies x with the weight of w, in either form, some rows at a time.
func (g *gemm) multiplyNN(dst, x Mat, w product) {
	rows := max(sharedSize/x.Cols/g.rows*g.rows, 192)
	for lo := 0; lo < x.Rows; lo += rows {
		hi := min(lo+rows, x.Rows)
		g.multiply(product{
			form: formNN, a: x.RowSpan(lo, hi), b: w.b, stored: w.stored, p: hi - lo, q: w.q, k: x.Cols,
			dst: dst.RowSpan(lo, hi), e: rowsOf(w.e, lo, hi),
		})
	}
}

// MatMulTN implements compute.Device.
func (d *Device) MatMulTN(dst, a, b Mat, e compute.Epilogue) {
	checkShapes("MatMulTN", dst, a.Cols, a.Rows, b.Rows, b.Cols, e)
	if d.gemm.trivial(dst, a.Rows, e) {
		return
	}
	g := d.gemm.of(formTN, a.Rows)
	pieces := ceil(a.Rows, reduction)
	rows := ceil(a.Rows, pieces)
	for lo := 0; lo < a.Rows; lo += rows {
		hi := min(lo+rows, a.Rows)
		g.multiply(product{
			form: formTN, a: a.RowSpan(lo, hi), b: b.RowSpan(lo, hi), p: a.Cols, q: b.Cols, k: hi - lo,
			dst: dst, e: e,
		})
		e = compute.Epilogue{Scale: e.Scale, Add: dst}
	}
}

// A product is C [p, q] = A·B of depth k, and where it goes. Elements of A and B are words: a float32, or a pair.
type product struct {
	form    form
	a, b    Mat
	stored  compute.Stored // the weight, A of NT or B of NN, if it is not floats
	p, q, k int            // k counts words
	dst     Mat
	e       compute.Epilogue
	scale   float32

	kc             int // depth of a block
	pb, qb         int // rows and columns of a task
	ptasks, qtasks int
}

// A gemm computes products on a pool's threads, one at a time.
type gemm struct {
	pool *pool
	gemmKernel
	few *gemm // of the kernel's few; nil if there is none

	*memory
	x product

	// Bound once, since a method value is an allocation.
	packFunc, taskFunc, vectorsFunc, int8Func func(thread, task int)
}

// A memory is what one product at a time needs.
type memory struct {
	mu     sync.Mutex
	shared []float32 // the activation that all tasks read: panels of B, tiles of A for NN
	work   []scratch // of each thread
}

// A scratch is one thread's memory.
type scratch struct {
	e []float32 // an expanded block of integers
	r []float32 // what is rounded before it is packed
	a []float32 // A of a block: tiles [kc][height]
	b []float32 // B of a block: panels [kc][lanes]
	c []float32 // C of a task: panels [pb][lanes]
}

func newGEMM(p *pool, k gemmKernel) *gemm {
	return k.on(p, &memory{work: make([]scratch, p.threads)})
}

// on returns the gemm of k on the threads of p.
func (k gemmKernel) on(p *pool, m *memory) *gemm {
	g := &gemm{pool: p, gemmKernel: k, memory: m}
	g.packFunc, g.taskFunc, g.vectorsFunc, g.int8Func = g.pack, g.task, g.vectorTask, g.int8Task
	if k.few != nil {
		g.few = k.few.on(p, m)
	}
	return g
}

// of returns the gemm for a form of product with so many rows of x.
func (g *gemm) of(f form, rows int) *gemm {
	if g.few != nil && rows < g.least[f] {
		return g.few
	}
	return g
}

// trivial does products that have nothing to multiply.
func (g *gemm) trivial(dst Mat, k int, e compute.Epilogue) bool {
	if dst.Rows == 0 || dst.Cols == 0 {
		return true
	}
	if k > 0 {
		return false
	}
	compute.Ref{}.MatMulNN(dst, Mat{Rows: dst.Rows}, Mat{Cols: dst.Cols}, e)
	return true
}

func (g *gemm) multiply(x product) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if x.scale = x.e.Scale; x.scale == 0 {
		x.scale = 1
	}
	x.k = up(g.words(x.k), g.step)
	x.plan(&g.gemmKernel, g.pool.threads)
	g.x = x
	if x.form == formNN {
		g.shared = grow(g.shared, x.k*x.p)
	} else {
		g.shared = grow(g.shared, x.k*up(x.q, g.lanes))
	}
	g.pool.eachOn(g.packs(), g.packFunc)
	g.pool.eachOn(x.ptasks*x.qtasks, g.taskFunc)
	g.x = product{} // don't keep the matrices alive
}

// plan cuts C into tasks, so that a block of A, a block of B and the task's C stay in the second cache.
func (x *product) plan(kernel *gemmKernel, threads int) {
	// An odd multiple, since rows and panels a multiple of 4 KiB apart would share sets of the first cache.
	step, lanes := max(kernel.step, 8), kernel.lanes
	x.kc = (ceil(ceil(x.k, ceil(x.k, kernel.depth)), step) | 1) * step
	pb, qb := 4*kernel.rows, 1024
	switch {
	case x.form == formNN:
		pb, qb = 456, 96
	case x.form == formNT && kernel.inRows:
		pb *= 2 // tiles of AMX are over so soon that fetching x's panels from the third cache shows
	}
	// The activation's dimension is cut only for want of tasks.
	for tasks := 4 * threads; ceil(x.p, pb)*ceil(x.q, qb) < tasks && threads > 1; {
		switch {
		case pb > 48 && x.p > 48 && pb >= qb, pb > 24 && qb <= 2*lanes:
			pb /= 2
		case qb > 2*lanes:
			qb /= 2
		default:
			tasks = 0
		}
	}
	x.pb = up(ceil(x.p, ceil(x.p, pb)), kernel.rows)
	x.qb = up(ceil(x.q, ceil(x.q, qb)), lanes)
	x.ptasks, x.qtasks = ceil(x.p, x.pb), ceil(x.q, x.qb)
}

// task computes one task of C.
func (g *gemm) task(thread, task int) {
	x, w := &g.x, &g.work[thread]
	p0, q0 := task/x.qtasks*x.pb, task%x.qtasks*x.qb
	p1, q1 := min(p0+x.pb, x.p), min(q0+x.qb, x.q)
	rows, panels := p1-p0, ceil(q1-q0, g.lanes)
	direct := 0 // panels whose C is dst
	if x.plain() {
		direct = (q1 - q0) / g.lanes
	}
	w.c = grow(w.c, rows*panels*g.lanes)
	for k0 := 0; k0 < x.k; k0 += x.kc {
		kc := min(x.kc, x.k-k0)
		a, stride := g.blockA(w, k0, kc, p0, p1)
		b := g.blockB(w, k0, kc, q0, q1)
		for j := range panels {
			c, cs := w.c[j*rows*g.lanes:], g.lanes
			if j < direct {
				c, cs = x.dst.Data[p0*x.dst.Stride+q0+j*g.lanes:], x.dst.Stride
			}
			tiles := g.tiles
			if q1-q0-j*g.lanes <= g.lanes/2 {
				tiles = g.halves
			}
			g.column(tiles, c, a, b[j*kc*g.lanes:], rows, kc, stride, cs, k0 == 0)
		}
	}
	if x.form == formNT {
		g.storeTransposed(w.c, p0, p1, q0, q1)
	} else {
		g.store(w.c[direct*rows*g.lanes:], p0, p1, q0+direct*g.lanes, q1)
	}
}

// plain reports whether C is dst, so that nothing need be done when it is stored.
func (x *product) plain() bool {
	return x.form != formNT && x.scale == 1 && x.e.Bias.Empty() && x.e.Add.Empty()
}

// column adds depth kc to C of one panel and so many rows. A stride of 0 means that a is tiles, another one that it
// is rows so far apart.
func (g *gemm) column(tiles tilesFunc, c, a, b []float32, rows, kc, stride, cs int, first bool) {
	counts := g.tiling(rows)
	p := 0
	for i, h := range g.heights {
		switch n := counts[i]; {
		case n == 0:
		case stride == 0:
			tiles(h, c[p*cs:], a[p*kc:], b, n, kc, 1, h, h*kc, cs, first)
		default:
			tiles(h, c[p*cs:], a[p*stride:], b, n, kc, stride, 1, h*stride, cs, first)
		}
		p += counts[i] * h
	}
}

// tiling returns how many tiles of each height make up a number of rows. Two tiles of 4 rows replace one
// of 6 and two of 1, since low tiles don't fill the multipliers.
func (k *gemmKernel) tiling(rows int) (n [3]int) {
	n[0], n[2] = rows/k.heights[0], rows%k.heights[0]
	if h := k.heights; n[0] > 0 && n[2] < h[1] && (n[2]+h[0])%h[1] < n[2] {
		n[0], n[2] = n[0]-1, n[2]+h[0]
	}
	n[1], n[2] = n[2]/k.heights[1], n[2]%k.heights[1]
	return n
}

func ceil(n, by int) int { return (n + by - 1) / by }
func up(n, to int) int   { return ceil(n, to) * to }

// grow returns a slice of n elements, s if it is long enough. Contents are not kept.
func grow(s []float32, n int) []float32 {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]float32, n, max(n, 8192)) // large enough to be aligned to cache lines
}

// checkShapes is compute.CheckProduct without its allocation for e.Add.
func checkShapes(op string, dst Mat, m, ka, kb, n int, e compute.Epilogue) {
	if a := e.Add; !a.Empty() && (a.Rows != dst.Rows || a.Cols != dst.Cols) {
		panic(fmt.Sprintf("compute: %s: add %v for %v", op, a, dst))
	}
	e.Add = Mat{}
	compute.CheckProduct(op, dst, m, ka, kb, n, e)
}

// rowsOf returns e for the rows [lo, hi) of dst.
func rowsOf(e compute.Epilogue, lo, hi int) compute.Epilogue {
	if !e.Add.Empty() {
		e.Add = e.Add.RowSpan(lo, hi)
	}
	return e
}
