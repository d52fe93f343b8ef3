package gguf

import "math"

// The K types of encode.go: each group of weights gets the scale that a search finds best, then the scales are
// rounded to small multiples of the block's, and the weights are quantized again with what came out.

// nearest rounds to the nearest integer, ties to even, by letting the sum drop the fraction; |x| < 2²². Beyond, and
// for infinities and NaN, it returns what the reference does.
func nearest(x float32) int {
	return int(math.Float32bits(x+12582912)&0x7fffff) - 0x400000
}

// Q4_K: eight groups of 32.
func encodeQ4_K(dst []byte, src []float32) {
	for ; len(src) >= 256; dst, src = dst[144:], src[256:] {
		var q [256]byte
		var scales, mins [8]float32
		for j := range 8 {
			scales[j], mins[j] = searchScaleMin((*[32]byte)(q[32*j:]), (*[32]float32)(src[32*j:]))
		}
		packScaleMins(dst, &scales, &mins)
		d, dmin := half(dst), half(dst[2:])
		for j := range 8 {
			s, m := scaleMin(j, dst[4:16])
			scale, lo := d*float32(s), float32(dmin*float32(m))
			if scale == 0 {
				continue // what the search found stands
			}
			for i, v := range src[32*j:][:32] {
				q[32*j+i] = byte(min(max(nearest((v+lo)/scale), 0), 15))
			}
		}
		for i := range 4 {
			lo, hi, out := q[64*i:][:32], q[64*i+32:][:32], dst[16+32*i:][:32]
			for j := range out {
				out[j] = lo[j] | hi[j]<<4
			}
		}
	}
}

// weights makes an error at a large element of x count more.
func weights(x *[32]float32) (w [32]float32) {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	rms := float32(math.Sqrt(float64(sum / 32)))
	for i, v := range x {
		w[i] = rms + abs(v)
	}
	return w
}

// packScaleMins writes d, dmin and the eight scales and minimums in six bits each, as scaleMin unpacks them.
func packScaleMins(dst []byte, scales, mins *[8]float32) {
	var most, mostMin, inv, invMin float32
	for j := range 8 {
		most, mostMin = max(most, scales[j]), max(mostMin, mins[j])
	}
	if most > 0 {
		inv = 63 / most
	}
	if mostMin > 0 {
		invMin = 63 / mostMin
	}
	putHalf(dst, most/63)
	putHalf(dst[2:], mostMin/63)
	b := dst[4:16]
	for j := range 8 {
		s := min(63, byte(nearest(float32(inv*scales[j]))))
		m := min(63, byte(nearest(float32(invMin*mins[j]))))
		if j < 4 {
			b[j], b[j+4] = s, m
			continue
		}
		b[j+4] = s&15 | m<<4
		b[j-4] |= s >> 4 << 6
		b[j] |= m >> 4 << 6
	}
}

// searchScaleMin finds scale and m ≥ 0, and q in 0 to 15, so that the error of scale×q - m against x, squared and
// weighted, is small: from 22 scales it takes the best, each with the scale and m that its q fit best by
// least squares. (ggml: make_qkx2_quants with rmin -1, rdelta 0.1 and 20 steps.)
func searchScaleMin(q *[32]byte, x *[32]float32) (scale, m float32) {
	const top = 15
	w := weights(x)
	lo, hi := bounds(x[:])
	sumW, sumX := w[0], float32(w[0]*x[0])
	for i, v := range x[1:] {
		sumW += w[1+i]
		sumX += float32(w[1+i] * v)
	}
	if lo > 0 {
		lo = 0
	}
	if lo == hi {
		*q = [32]byte{}
		return 0, -lo
	}
	inv := top / (hi - lo)
	scale = 1 / inv
	var least float32
	for i, v := range x {
		q[i] = level(inv, v, lo, top)
		least += weightedError(scale, lo, v, q[i], w[i])
	}
	for step := range 21 { // lo is that of the best so far
		inv = (-1 + float32(0.1*float32(step)) + top) / (hi - lo)
		var try [32]byte
		var sumL, sumL2, sumXL float32
		for i, v := range x {
			l := level(inv, v, lo, top)
			try[i] = l
			wl := float32(w[i] * float32(l))
			sumL += wl
			sumL2 += float32(wl * float32(l))
			sumXL += float32(wl * v)
		}
		det := float32(sumW*sumL2) - float32(sumL*sumL)
		if !(det > 0) {
			continue
		}
		s := (float32(sumW*sumXL) - float32(sumX*sumL)) / det
		b := (float32(sumL2*sumX) - float32(sumL*sumXL)) / det
		if b > 0 {
			b, s = 0, sumXL/sumL2
		}
		var err float32
		for i, v := range x {
			err += weightedError(s, b, v, try[i], w[i])
		}
		if err < least {
			*q, least, scale, lo = try, err, s, b
		}
	}
	return scale, -lo
}

// level returns (x - lo)×inv, rounded, from 0 to top.
func level(inv, x, lo float32, top int) byte {
	return byte(min(max(nearest(float32(inv*(x-lo))), 0), top))
}

func weightedError(scale, lo, x float32, q byte, w float32) float32 {
	diff := float32(scale*float32(q)) + lo - x
	return float32(w * float32(diff*diff))
}

// Q6_K: sixteen groups of 16.
func encodeQ6_K(dst []byte, src []float32) {
	for ; len(src) >= 256; dst, src = dst[210:], src[256:] {
		var q [256]byte
		var scales [16]float32
		for j := range scales {
			scales[j] = searchScale((*[16]byte)(q[16*j:]), (*[16]float32)(src[16*j:]))
		}
		most := extreme(scales[:])
		if abs(most) < tiny {
			clear(dst[:210])
			continue
		}
		inv := -128 / most
		putHalf(dst[208:], 1/inv)
		d := half(dst[208:])
		for j, s := range scales {
			k := int8(min(127, nearest(float32(inv*s))))
			dst[192+j] = byte(k)
			scale := d * float32(k)
			if scale == 0 {
				continue // what the search found stands
			}
			for i, v := range src[16*j:][:16] {
				q[16*j+i] = byte(min(max(nearest(v/scale), -32), 31) + 32) // not v×(1/scale), which rounds twice
			}
		}
		for h := range 2 {
			x, lo, hi := q[128*h:][:128], dst[64*h:][:64], dst[128+32*h:][:32]
			for j := range hi {
				a, b, c, d := x[j], x[j+32], x[j+64], x[j+96]
				lo[j], lo[j+32] = a&15|c<<4, b&15|d<<4
				hi[j] = a>>4 | b>>4<<2 | c>>4<<4 | d>>4<<6
			}
		}
	}
}

const tiny = 1e-15 // a scale or group below it is zero

// searchScale finds scale, and q-32 in -32 to 31, so that the error of scale×(q-32) against x, weighted by x² and
// squared, is small: from 19 scales it takes the best, each with the scale that its q fit best by least squares.
// (ggml: make_qx_quants with nmax 32 and rmse_type 1.)
func searchScale(q *[16]byte, x *[16]float32) float32 {
	most := extreme(x[:])
	if abs(most) < tiny {
		*q = [16]byte{}
		return 0
	}
	inv := -32 / most
	levels(q, x, inv)
	sumXL, sumL2 := fit(x, inv)
	var scale float32
	if sumL2 != 0 {
		scale = sumXL / sumL2
	}
	best := scale * sumXL
	for step := -9; step <= 9; step++ {
		if step == 0 {
			continue // it came first
		}
		inv = -(32 + float32(0.1*float32(step))) / most
		sumXL, sumL2 = fit(x, inv)
		if sumL2 > 0 && float32(sumXL*sumXL) > float32(best*sumL2) {
			levels(q, x, inv)
			scale = sumXL / sumL2
			best = scale * sumXL
		}
	}
	return scale
}

// levels sets q-32 to x×inv, rounded, from -32 to 31.
func levels(q *[16]byte, x *[16]float32, inv float32) {
	for i, v := range x {
		q[i] = byte(min(max(nearest(float32(inv*v)), -32), 31) + 32)
	}
}

// fit returns the sums of x²×x×l and x²×l×l, l being levels's x×inv: their quotient is the best scale for l.
func fit(x *[16]float32, inv float32) (sumXL, sumL2 float32) {
	for _, v := range x {
		l := float32(min(max(nearest(float32(inv*v)), -32), 31))
		w := float32(v * v)
		sumXL += float32(float32(w*v) * l)
		sumL2 += float32(float32(w*l) * l)
	}
	return sumXL, sumL2
}
