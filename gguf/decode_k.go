package gguf

// The K types: 256 weights share d and, where they have a minimum, dmin; groups of 16 or 32 have small integers
// that multiply these. As in decode.go, float32(…) keeps products from being fused.

// Q2_K: 16 bytes (scale in the low half, minimum in the high), 64 bytes of two-bit weights, d, dmin.
// w = d×scale×q - dmin×min.
func decodeQ2_K(dst []float32, src []byte) {
	for ; len(src) >= 84; dst, src = dst[256:], src[84:] {
		scales, d, dmin := src[:16], half(src[80:]), half(src[82:])
		for i, s := range scales { // 16 weights; 128 of them take 32 bytes, 32 take the same two bits
			dl, ml := d*float32(s&15), float32(dmin*float32(s>>4))
			q, shift := src[16+i/8*32+i%2*16:][:16], i/2%4*2
			for j, b := range q {
				dst[16*i+j] = float32(dl*float32(b>>shift&3)) - ml
			}
		}
	}
}

// Q3_K: 32 bytes of third bits, 64 bytes of two-bit weights, 12 bytes of six-bit scales, d.
// w = d×(scale-32)×(q-4), where q's third bit is the one of the 32 bytes.
func decodeQ3_K(dst []float32, src []byte) {
	for ; len(src) >= 110; dst, src = dst[256:], src[110:] {
		high, packed, d := src[:32], src[96:108], half(src[108:])
		for i := range 16 {
			scale := int32(packed[i%8]>>(i/8*4)&15) | int32(packed[8+i%4]>>(i/4*2)&3)<<4
			dl := d * float32(scale-32)
			q, h, shift := src[32+i/8*32+i%2*16:][:16], high[i%2*16:][:16], i/2%4*2
			for j, b := range q {
				dst[16*i+j] = dl * float32(int32(b>>shift&3|h[j]>>(i/2)&1<<2)-4)
			}
		}
	}
}

// scaleMin unpacks scale and minimum j, of eight, from the 12 bytes of Q4_K and Q5_K. The first four pairs are the
// lower six bits of eight bytes; the others have four bits in the last four bytes and two on top of the first eight.
func scaleMin(j int, b []byte) (scale, min byte) {
	if j < 4 {
		return b[j] & 63, b[j+4] & 63
	}
	return b[j+4]&15 | b[j-4]>>6<<4, b[j+4]>>4 | b[j]>>6<<4
}

// Q4_K: d, dmin, 12 bytes of scales and minimums, 128 bytes: for every 64 weights 32 bytes, the first half of the
// weights low, the second high. w = d×scale×q - dmin×min.
func decodeQ4_K(dst []float32, src []byte) {
	for ; len(src) >= 144; dst, src = dst[256:], src[144:] {
		d, dmin, packed := half(src), half(src[2:]), src[4:16]
		for i := range 4 {
			s0, m0 := scaleMin(2*i, packed)
			s1, m1 := scaleMin(2*i+1, packed)
			d0, dm0 := d*float32(s0), float32(dmin*float32(m0))
			d1, dm1 := d*float32(s1), float32(dmin*float32(m1))
			q, lo, hi := src[16+32*i:][:32], dst[64*i:][:32], dst[64*i+32:][:32]
			for j, b := range q {
				lo[j] = float32(d0*float32(b&15)) - dm0
				hi[j] = float32(d1*float32(b>>4)) - dm1
			}
		}
	}
}

// Q5_K: as Q4_K, with 32 bytes of fifth bits before the 128; bit i of byte j belongs to weight 32×i+j.
func decodeQ5_K(dst []float32, src []byte) {
	for ; len(src) >= 176; dst, src = dst[256:], src[176:] {
		d, dmin, packed, high := half(src), half(src[2:]), src[4:16], src[16:48]
		for i := range 4 {
			s0, m0 := scaleMin(2*i, packed)
			s1, m1 := scaleMin(2*i+1, packed)
			d0, dm0 := d*float32(s0), float32(dmin*float32(m0))
			d1, dm1 := d*float32(s1), float32(dmin*float32(m1))
			q, lo, hi := src[48+32*i:][:32], dst[64*i:][:32], dst[64*i+32:][:32]
			for j, b := range q {
				h := high[j] >> (2 * i)
				lo[j] = float32(d0*float32(b&15|h&1<<4)) - dm0
				hi[j] = float32(d1*float32(b>>4|h>>1&1<<4)) - dm1
			}
		}
	}
}

// Q6_K: 128 bytes of four-bit parts, 64 bytes of two-bit parts, 16 int8 scales, d. For every 128 weights: weight
// 32×g+j has its lower part in byte 32×(g%2)+j, low half for g < 2, and its upper part in bits 2g of byte j.
// w = d×scale×(q-32).
func decodeQ6_K(dst []float32, src []byte) {
	for ; len(src) >= 210; dst, src = dst[256:], src[210:] {
		scales, d := src[192:208], half(src[208:])
		for i, s := range scales { // 16 weights
			dl := d * float32(int8(s))
			h, g, j := i/8, i/2%4, i%2*16
			lo, hi, y := src[64*h+32*(g%2)+j:][:16], src[128+32*h+j:][:16], dst[16*i:][:16]
			low, high := g/2*4, 2*g
			for k, b := range lo {
				y[k] = dl * float32(int32(b>>low&15|hi[k]>>high&3<<4)-32)
			}
		}
	}
}
