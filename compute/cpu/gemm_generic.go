//go:build !f64

package cpu

// A gemmKernel is the inner loops of the products for one kind of processor. Strides count elements. Slices
// are at least as long as the loops need.
type gemmKernel struct {
	name    string
	lanes   int    // width of a tile and of a panel, a multiple of 8
	heights [3]int // of the tiles, the first the fastest, the last 1
	rows    int    // what the rows of a task are a multiple of
	depth   int    // words of the depth in a block, so that a panel of B stays in the first cache
	step    int    // words of the depth that a tile takes at once; blocks are filled with zeros to a multiple of it
	inRows  bool   // A is read in rows, which are never packed into tiles: rs is their distance, ks 1

	rounding *rounding // of the factors, nil if they are float32

	// few is the kernel of gradients from fewer rows of x than least says for their form, nil if there is none. That of MatMulNT is the
	// same always: a row's logits don't depend on how many others there are.
	few   *gemmKernel
	least [3]int

	// tiles adds a·b to c, or sets c to it if it is the first: for each of n tiles of that height,
	// c [height, lanes] += a [height, k] · b [k, lanes]. Element (r, k) of a is at r·rs + k·ks. Tiles of a
	// are step apart, rows of c are cs apart, b is the same for all. k is at least 1.
	tiles tilesFunc
	// halves is tiles where only the first half of the lanes need be right.
	halves tilesFunc
	// packRows copies k rows of panels·lanes elements from src into panels, which are panel apart.
	packRows func(dst, src []float32, k, panels, stride, panel int)
	// packCols transposes 8 rows of k elements, a multiple of 8, into dst with rows lanes apart.
	packCols func(dst, src []float32, k, stride, lanes int)
	// packTiles copies k rows of n·height elements into n tiles [k, height].
	packTiles func(height int, dst, src []float32, k, n, stride int)
	// packTall does that for n·height rows of k elements.
	packTall func(height int, dst, src []float32, k, n, stride int)
	// storeRow sets lanes elements of dst from each of so many panels, which are panel apart:
	// dst = scale·c + bias + add. Either of the latter may be nil.
	storeRow func(dst, c, bias, add []float32, panels, panel int, scale float32)
	// storeCols transposes c [rows, 8], with rows lanes apart and a multiple of 8 of them, into 8 rows of
	// dst: dst = scale·cᵀ + bias + add.
	storeCols storeFunc
	// storeCols16, which may be nil, is storeCols for 16 columns and a multiple of 16 rows.
	storeCols16 storeFunc
	// dot4 sets dst [4] to the dot products of 4 rows of w with x, of length k.
	dot4 func(dst, w, x []float32, k, stride int)
}

// A storeFunc transposes and stores columns of C.
type storeFunc func(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)

// A tilesFunc computes tiles of C, as gemmKernel tells.
type tilesFunc func(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool)

// generic is the kernel in plain Go.
var generic = gemmKernel{
	name: "go", lanes: 16, heights: [3]int{4, 1, 1}, rows: 24, depth: 256, step: 1,
	tiles: tilesGo, halves: tilesGo, packRows: packRowsGo, packCols: packColsGo, packTiles: packTilesGo, packTall: packTallGo,
	storeRow: storeRowGo, storeCols: storeColsGo, dot4: dot4Go,
}

func tilesGo(height int, c, a, b []float32, n, k, rs, ks, step, cs int, first bool) {
	for t := range n {
		c, a := c[t*height*cs:], a[t*step:]
		for r := range height {
			if first {
				clear(c[r*cs:][:16])
			}
			if height != 4 {
				for i := range k {
					axpy16((*[16]float32)(c[r*cs:]), a[r*rs+i*ks], (*[16]float32)(b[i*16:]))
				}
			}
		}
		if height == 4 {
			for l := 0; l < 16; l += 2 {
				tile4x2(c[l:], a, b[l:], k, rs, ks, cs)
			}
		}
	}
}

// tile4x2 is as much of a tile as stays in registers without vectors.
func tile4x2(c, a, b []float32, k, rs, ks, cs int) {
	a0, a1, a2, a3 := a, a[rs:], a[2*rs:], a[3*rs:]
	c0, c1, c2, c3 := c[:2], c[cs:][:2], c[2*cs:][:2], c[3*cs:][:2]
	c00, c01, c10, c11 := c0[0], c0[1], c1[0], c1[1]
	c20, c21, c30, c31 := c2[0], c2[1], c3[0], c3[1]
	for i := range k {
		b0, b1 := b[i*16], b[i*16+1]
		v := a0[i*ks]
		c00 += v * b0
		c01 += v * b1
		v = a1[i*ks]
		c10 += v * b0
		c11 += v * b1
		v = a2[i*ks]
		c20 += v * b0
		c21 += v * b1
		v = a3[i*ks]
		c30 += v * b0
		c31 += v * b1
	}
	c0[0], c0[1], c1[0], c1[1] = c00, c01, c10, c11
	c2[0], c2[1], c3[0], c3[1] = c20, c21, c30, c31
}

func axpy16(c *[16]float32, a float32, b *[16]float32) {
	for l := range c {
		c[l] += a * b[l]
	}
}

func packRowsGo(dst, src []float32, k, panels, stride, panel int) {
	for i := range k {
		for j := range panels {
			copy(dst[j*panel+i*16:][:16], src[i*stride+j*16:])
		}
	}
}

func packColsGo(dst, src []float32, k, stride, lanes int) {
	for i := range 8 {
		for j, v := range src[i*stride : i*stride+k] {
			dst[j*lanes+i] = v
		}
	}
}

func packTilesGo(height int, dst, src []float32, k, n, stride int) {
	for t := range n {
		for i := range k {
			copy(dst[(t*k+i)*height:][:height], src[i*stride+t*height:])
		}
	}
}

func packTallGo(height int, dst, src []float32, k, n, stride int) {
	for i := range n * height {
		tile := dst[i/height*height*k:][i%height:]
		for j, v := range src[i*stride : i*stride+k] {
			tile[j*height] = v
		}
	}
}

func storeRowGo(dst, c, bias, add []float32, panels, panel int, scale float32) {
	for j := range panels {
		for l, v := range c[j*panel : j*panel+16] {
			i := j*16 + l
			v = float32(v * scale)
			if bias != nil {
				v += bias[i]
			}
			if add != nil {
				v += add[i]
			}
			dst[i] = v
		}
	}
}

func storeColsGo(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32) {
	for i := range 8 {
		for j := range rows {
			v := float32(c[j*lanes+i] * scale)
			if bias != nil {
				v += bias[j]
			}
			if add != nil {
				v += add[i*addStride+j]
			}
			dst[i*stride+j] = v
		}
	}
}

func dot4Go(dst, w, x []float32, k, stride int) {
	w0, w1, w2, w3 := w[:k], w[stride:][:k], w[2*stride:][:k], w[3*stride:][:k]
	var s0, s1, s2, s3 float32
	for i, v := range x[:k] {
		s0 += w0[i] * v
		s1 += w1[i] * v
		s2 += w2[i] * v
		s3 += w3[i] * v
	}
	dst[0], dst[1], dst[2], dst[3] = s0, s1, s2, s3
}
