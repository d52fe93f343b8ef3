package dataset

import (
	"math/bits"
)

// permutation returns numpy.random.default_rng(seed).permutation(n), element for element: SeedSequence
// spreads the seed, PCG64 (XSL-RR 128/64) draws, and Generator.shuffle picks each partner by masked
// rejection. It is what datasets' shuffle and train_test_split draw from.
func permutation(n int, seed uint64) []uint32 {
	p := make([]uint32, n)
	for i := range p {
		p[i] = uint32(i)
	}
	g := newPCG64(seed)
	for i := n - 1; i > 0; i-- {
		j := g.interval(uint64(i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// pcg64 is numpy's default bit generator: 128 bits of state, an odd 128-bit increment, and the unused
// upper half of the last word when 32 bits were asked for.
type pcg64 struct {
	hi, lo       uint64
	incHi, incLo uint64
	half         uint32
	hasHalf      bool
}

// The multiplier of the 128-bit linear congruential step.
const pcgMulHi, pcgMulLo = 0x2360ED051FC65DA4, 0x4385DF649FCCF645

func newPCG64(seed uint64) *pcg64 {
	w := seedSequence(seed)
	g := new(pcg64)
	g.incHi, g.incLo = w[2]<<1|w[3]>>63, w[3]<<1|1
	g.step()
	var carry uint64
	g.lo, carry = bits.Add64(g.lo, w[1], 0)
	g.hi, _ = bits.Add64(g.hi, w[0], carry)
	g.step()
	return g
}

func (g *pcg64) step() {
	hi, lo := bits.Mul64(g.lo, pcgMulLo)
	hi += g.hi*pcgMulLo + g.lo*pcgMulHi
	lo, carry := bits.Add64(lo, g.incLo, 0)
	g.hi, g.lo = hi+g.incHi+carry, lo
}

func (g *pcg64) uint64() uint64 {
	g.step()
	return bits.RotateLeft64(g.hi^g.lo, -int(g.hi>>58))
}

// uint32 hands out the low half of a word first, then the high half.
func (g *pcg64) uint32() uint32 {
	if g.hasHalf {
		g.hasHalf = false
		return g.half
	}
	w := g.uint64()
	g.half, g.hasHalf = uint32(w>>32), true
	return uint32(w)
}

// interval draws from [0, max], max > 0.
func (g *pcg64) interval(max uint64) uint64 {
	mask := ^uint64(0) >> bits.LeadingZeros64(max)
	for {
		var v uint64
		if max <= 0xffffffff {
			v = uint64(g.uint32()) & mask
		} else {
			v = g.uint64() & mask
		}
		if v <= max {
			return v
		}
	}
}

// seedSequence is numpy's SeedSequence(seed).generate_state(4, uint64), after Melissa O'Neill's seed_seq_fe.
func seedSequence(seed uint64) (out [4]uint64) {
	const (
		initA, mulA = 0x43b0d7e5, 0x931e8875
		initB, mulB = 0x8b51f9dd, 0x58f38ded
		mixL, mixR  = 0xca01f9dd, 0x4973f715
	)
	hash := uint32(initA)
	scramble := func(v uint32) uint32 {
		v ^= hash
		hash *= mulA
		v *= hash
		return v ^ v>>16
	}
	// The entropy is the seed's 32-bit words, the lowest first; a missing word counts as 0.
	pool := [4]uint32{uint32(seed), uint32(seed >> 32)}
	for i := range pool {
		pool[i] = scramble(pool[i])
	}
	for from := range pool {
		for to := range pool {
			if from != to {
				v := pool[to]*mixL - scramble(pool[from])*mixR
				pool[to] = v ^ v>>16
			}
		}
	}
	hash = initB
	for i := range 8 {
		v := pool[i%4] ^ hash
		hash *= mulB
		v *= hash
		v ^= v >> 16
		out[i/2] |= uint64(v) << (32 * (i % 2))
	}
	return out
}
