package gguf

import (
	"encoding/binary"
	"math"
)

// Every encoder fills dst with the whole blocks in src, byte for byte as ggml's reference (quantize_row_…_ref on
// a machine without fused multiplication: float32(…) sees to that here). The weights are finite and within
// float16, see maxWeight.
//
// The integers are found with the scale in float32, before it is rounded to float16.

// Q8_0: the greatest magnitude becomes 127, the rest rounds, halves away from zero.
func encodeQ8_0(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[34:], src[32:] {
		x, q := src[:32], dst[2:34]
		d := abs(extreme(x)) / 127
		putHalf(dst, d)
		id, ok := inverse(d)
		if !ok {
			clear(q)
			continue
		}
		for i, v := range x {
			q[i] = byte(int8(roundAway(float32(v * id))))
		}
	}
}

// Q4_0: the weight of the greatest magnitude becomes -8.
func encodeQ4_0(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[18:], src[32:] {
		var q [32]byte
		d := extreme(src[:32]) / -8
		putHalf(dst, d)
		quantize(&q, src, d, 0, 8.5, 15)
		pack4(dst[2:18], &q)
	}
}

// Q5_0: the weight of the greatest magnitude becomes -16.
func encodeQ5_0(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[22:], src[32:] {
		var q [32]byte
		d := extreme(src[:32]) / -16
		putHalf(dst, d)
		quantize(&q, src, d, 0, 16.5, 31)
		binary.LittleEndian.PutUint32(dst[2:], fifthBits(&q))
		pack4(dst[6:22], &q)
	}
}

// Q4_1: the least weight becomes 0, the greatest 15.
func encodeQ4_1(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[20:], src[32:] {
		var q [32]byte
		lo, hi := bounds(src[:32])
		d := (hi - lo) / 15
		putHalf(dst, d)
		putHalf(dst[2:], lo)
		quantize(&q, src, d, lo, 0.5, 15)
		pack4(dst[4:20], &q)
	}
}

// Q5_1: the least weight becomes 0, the greatest 31.
func encodeQ5_1(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[24:], src[32:] {
		var q [32]byte
		lo, hi := bounds(src[:32])
		d := (hi - lo) / 31
		putHalf(dst, d)
		putHalf(dst[2:], lo)
		quantize(&q, src, d, lo, 0.5, 31)
		binary.LittleEndian.PutUint32(dst[4:], fifthBits(&q))
		pack4(dst[8:24], &q)
	}
}

// quantize sets q to (x - lo)/d + shift of 32 weights, rounded down and at most top.
func quantize(q *[32]byte, x []float32, d, lo, shift float32, top byte) {
	id, ok := inverse(d)
	if !ok {
		return
	}
	for i, v := range x[:32] {
		q[i] = min(top, byte(int32(float32((v-lo)*id)+shift)))
	}
}

// inverse returns 1/d, or 0 for 0. It is not ok where 1/d overflows: such a d is 0 in float16, the integers mean
// nothing, and the reference stores zeros.
func inverse(d float32) (id float32, ok bool) {
	if d == 0 {
		return 0, true
	}
	id = 1 / d
	return id, abs(id) <= math.MaxFloat32
}

// pack4 packs the lower four bits of q as Q4_0 has them.
func pack4(dst []byte, q *[32]byte) {
	for i := range dst[:16] {
		dst[i] = q[i]&15 | q[16+i]<<4
	}
}

func fifthBits(q *[32]byte) (h uint32) {
	for i, v := range q {
		h |= uint32(v>>4&1) << i
	}
	return h
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// extreme returns the first element of the greatest magnitude, 0 if all are zero.
func extreme(x []float32) float32 {
	var most, v float32
	for _, e := range x {
		if a := abs(e); a > most {
			most, v = a, e
		}
	}
	return v
}

// bounds returns the least and the greatest element, the first of equals.
func bounds(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, e := range x[1:] {
		if e < lo {
			lo = e
		}
		if e > hi {
			hi = e
		}
	}
	return lo, hi
}

// roundAway rounds to the nearest integer, halves away from zero; |x| < 2²².
func roundAway(x float32) int32 {
	return int32(float64(x) + math.Copysign(0.5, float64(x))) // in float32, 0.49999997 + 0.5 is 1
}
