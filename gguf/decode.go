package gguf

import "encoding/binary"

// Every decoder fills dst with the weights of the whole blocks in src. A product that is added or
// subtracted, even a line later, has its own rounding, by float32(…): where the compiler fuses the two (arm64), the
// result would differ from the reference's. GOARCH=arm64 go build -gcflags=-S must show no FMADD, FMSUB or FNMSUB.
//
// q is a stored integer; d, the scale, and m, the minimum, are float16 in front of it.

// Q8_0: d, 32 int8. w = d×q.
func decodeQ8_0(dst []float32, src []byte) {
	for ; len(src) >= 34; dst, src = dst[32:], src[34:] {
		d, q, y := half(src), src[2:34], dst[:32]
		for i := range y {
			y[i] = d * float32(int8(q[i]))
		}
	}
}

// Q4_0: d, 16 bytes: weight j in the low half of byte j, weight 16+j in the high. w = d×(q-8).
func decodeQ4_0(dst []float32, src []byte) {
	for ; len(src) >= 18; dst, src = dst[32:], src[18:] {
		d, q := half(src), src[2:18]
		lo, hi := dst[:16], dst[16:32]
		for i, b := range q {
			lo[i] = d * float32(int32(b&15)-8)
			hi[i] = d * float32(int32(b>>4)-8)
		}
	}
}

// Q4_1: d, m, 16 bytes as in Q4_0. w = d×q + m.
func decodeQ4_1(dst []float32, src []byte) {
	for ; len(src) >= 20; dst, src = dst[32:], src[20:] {
		d, m, q := half(src), half(src[2:]), src[4:20]
		lo, hi := dst[:16], dst[16:32]
		for i, b := range q {
			lo[i] = float32(d*float32(b&15)) + m
			hi[i] = float32(d*float32(b>>4)) + m
		}
	}
}

// Q5_0: d, 32 bits, each the fifth bit of a weight, 16 bytes as in Q4_0. w = d×(q-16).
func decodeQ5_0(dst []float32, src []byte) {
	for ; len(src) >= 22; dst, src = dst[32:], src[22:] {
		d, h, q := half(src), binary.LittleEndian.Uint32(src[2:]), src[6:22]
		lo, hi := dst[:16], dst[16:32]
		for i, b := range q {
			lo[i] = d * float32(int32(uint32(b&15)|h>>i&1<<4)-16)
			hi[i] = d * float32(int32(uint32(b>>4)|h>>(16+i)&1<<4)-16)
		}
	}
}

// Q5_1: d, m, then as in Q5_0. w = d×q + m.
func decodeQ5_1(dst []float32, src []byte) {
	for ; len(src) >= 24; dst, src = dst[32:], src[24:] {
		d, m, h, q := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:]), src[8:24]
		lo, hi := dst[:16], dst[16:32]
		for i, b := range q {
			lo[i] = float32(d*float32(uint32(b&15)|h>>i&1<<4)) + m
			hi[i] = float32(d*float32(uint32(b>>4)|h>>(16+i)&1<<4)) + m
		}
	}
}

// iq4 is what the sixteen indices of IQ4_NL and IQ4_XS stand for: finer near zero, where weights are denser.
var iq4 = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// IQ4_NL: d, 16 bytes as in Q4_0. w = d×iq4[q].
func decodeIQ4_NL(dst []float32, src []byte) {
	for ; len(src) >= 18; dst, src = dst[32:], src[18:] {
		decodeIQ4(dst[:32], half(src), src[2:18])
	}
}

// IQ4_XS: d, the upper two bits of eight scales, their lower four bits, then for each scale 16 bytes as in Q4_0.
// w = d×(scale-32)×iq4[q].
func decodeIQ4_XS(dst []float32, src []byte) {
	for ; len(src) >= 136; dst, src = dst[256:], src[136:] {
		d, high, low := half(src), binary.LittleEndian.Uint16(src[2:]), src[4:8]
		for i := range 8 {
			scale := int32(low[i/2]>>(i%2*4)&15) | int32(high>>(2*i)&3)<<4
			decodeIQ4(dst[32*i:32*i+32], d*float32(scale-32), src[8+16*i:24+16*i])
		}
	}
}

func decodeIQ4(dst []float32, d float32, q []byte) {
	lo, hi := dst[:16], dst[16:32]
	for i, b := range q[:16] {
		lo[i], hi[i] = d*iq4[b&15], d*iq4[b>>4]
	}
}
