//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "evex_amd64.h"

// Tiles of float32.
#define MUL(s, v, d) VFMADD231PS512(s, v, d)
#define TILES6 ·tiles6AVX512
#define TILES4 ·tiles4AVX512
#define TILES1 ·tiles1AVX512
#define HALVES12 ·halves12AVX512

#include "tiles_avx512_amd64.h"

// func peakAVX512(n int)
// n rounds of 60 multiply-adds on 12 accumulators, for the benchmarks: as many operations as in peakAVX2.
TEXT ·peakAVX512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ZERO(Z0)
	ZERO(Z1)
	ZERO(Z2)
	ZERO(Z4)
	ZERO(Z5)
	ZERO(Z6)
	ZERO(Z7)
	ZERO(Z8)
	ZERO(Z9)
	ZERO(Z10)
	ZERO(Z11)
	ZERO(Z12)
	ZERO(Z13)
	ZERO(Z14)
	ZERO(Z15)

#define FMA12 \
	MUL(0, 2, 4)        \
	MUL(1, 2, 5)        \
	MUL(0, 2, 6)        \
	MUL(1, 2, 7)        \
	MUL(0, 2, 8)        \
	MUL(1, 2, 9)        \
	MUL(0, 2, 10)       \
	MUL(1, 2, 11)       \
	MUL(0, 2, 12)       \
	MUL(1, 2, 13)       \
	MUL(0, 2, 14)       \
	MUL(1, 2, 15)

round:
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	DECQ CX
	JNE  round
	VZEROUPPER
	RET
