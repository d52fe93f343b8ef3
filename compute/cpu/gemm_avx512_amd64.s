//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "evex_amd64.h"

// Tiles of float32.
#define MUL(s, v, d) VFMADD231PS512(s, v, d)
#define HALF(addr, tr, t, acc, z) VFMADD231PS.BCST addr, Z0, z
#define TILES6 ·tiles6AVX512
#define TILES4 ·tiles4AVX512
#define TILES1 ·tiles1AVX512
#define HALVES12 ·halves12AVX512

#include "tiles_avx512_amd64.h"

// Tiles of 12 rows: two packed tiles at a time, whose elements of a are broadcast within the multiply-adds. That is 26
// instructions for 24 multiply-adds where tiles of 6 rows have 22 for 12, which counts when another thread shares the core.

#define ROW12(addr, lo, hi) \
	VFMADD231PS.BCST addr, Z0, lo   \
	VFMADD231PS.BCST addr, Z1, hi

// STEPPAIR multiplies the elements of a step, a bytes from SI and R12, and b bytes from R13.
#define STEPPAIR(a, b) \
	VMOVUPS b(R13), Z0              \
	VMOVUPS b+64(R13), Z1           \
	ROW12(a(SI), Z8, Z9)            \
	ROW12(a+4(SI), Z10, Z11)        \
	ROW12(a+8(SI), Z12, Z13)        \
	ROW12(a+12(SI), Z14, Z15)       \
	ROW12(a+16(SI), Z16, Z17)       \
	ROW12(a+20(SI), Z18, Z19)       \
	ROW12(a(R12), Z20, Z21)         \
	ROW12(a+4(R12), Z22, Z23)       \
	ROW12(a+8(R12), Z24, Z25)       \
	ROW12(a+12(R12), Z26, Z27)      \
	ROW12(a+16(R12), Z28, Z29)      \
	ROW12(a+20(R12), Z30, Z31)

#define ZERO2(lo, hi) \
	VPXORD lo, lo, lo   \
	VPXORD hi, hi, hi

// LOADROW and STOREROW move a row of c and go on to the next.
#define LOADROW(lo, hi) \
	VMOVUPS (R11), lo   \
	VMOVUPS 64(R11), hi \
	ADDQ R8, R11

#define STOREROW(lo, hi) \
	VMOVUPS lo, (DI)   \
	VMOVUPS hi, 64(DI) \
	ADDQ R8, DI

// FETCHROW fetches a row of c, to be written (PREFETCHW), and goes on to the next.
#define FETCHROW \
	BYTE $0x41; BYTE $0x0F; BYTE $0x0D; BYTE $0x0B             \
	BYTE $0x41; BYTE $0x0F; BYTE $0x0D; BYTE $0x4B; BYTE $0x40 \
	ADDQ R8, R11

// func tiles12AVX512(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)
// rs is 1, ks 6, step 6·k: packed tiles.
// Registers: DI c, SI and R12 a, R13 b, CX pairs left, AX steps left, DX the next panel of b, R14 the next pair of tiles, R8 cs, R9
// bytes of a tile, R11 c while it is read.
TEXT ·tiles12AVX512(SB), NOSPLIT, $0-121
	MOVQ c_base+0(FP), DI
	MOVQ a_base+24(FP), SI
	MOVQ pairs+72(FP), CX
	MOVQ k+80(FP), DX
	IMUL3Q $24, DX, R9
	SHLQ $7, DX
	ADDQ b_base+48(FP), DX
	MOVQ cs+112(FP), R8
	SHLQ $2, R8
	LEAQ (SI)(R9*2), R14

pair:
	CMPB first+120(FP), $0
	JEQ  load
	ZERO2(Z8, Z9)
	ZERO2(Z10, Z11)
	ZERO2(Z12, Z13)
	ZERO2(Z14, Z15)
	ZERO2(Z16, Z17)
	ZERO2(Z18, Z19)
	ZERO2(Z20, Z21)
	ZERO2(Z22, Z23)
	ZERO2(Z24, Z25)
	ZERO2(Z26, Z27)
	ZERO2(Z28, Z29)
	ZERO2(Z30, Z31)
	JMP  steps

load:
	MOVQ DI, R11
	LOADROW(Z8, Z9)
	LOADROW(Z10, Z11)
	LOADROW(Z12, Z13)
	LOADROW(Z14, Z15)
	LOADROW(Z16, Z17)
	LOADROW(Z18, Z19)
	LOADROW(Z20, Z21)
	LOADROW(Z22, Z23)
	LOADROW(Z24, Z25)
	LOADROW(Z26, Z27)
	LOADROW(Z28, Z29)
	LOADROW(Z30, Z31)

steps:
	CMPQ CX, $1
	JEQ  last
	LEAQ (R8)(R8*2), R11
	LEAQ (DI)(R11*4), R11
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW
	FETCHROW

last:
	LEAQ (SI)(R9*1), R12
	MOVQ b_base+48(FP), R13
	MOVQ k+80(FP), AX
	SUBQ $8, AX
	JLT  rest

	// The next two tiles of a are fetched at the pace of these, and two lines of the next panel of b.
	PCALIGN $64
step8:
	STEPPAIR(0, 0)
	PREFETCHT0 0(R14)
	STEPPAIR(24, 128)
	PREFETCHT0 64(R14)
	STEPPAIR(48, 256)
	PREFETCHT0 128(R14)
	STEPPAIR(72, 384)
	PREFETCHT0 192(R14)
	STEPPAIR(96, 512)
	PREFETCHT0 256(R14)
	STEPPAIR(120, 640)
	PREFETCHT0 320(R14)
	STEPPAIR(144, 768)
	PREFETCHT0 (DX)
	STEPPAIR(168, 896)
	PREFETCHT0 64(DX)
	ADDQ $192, SI
	ADDQ $192, R12
	ADDQ $1024, R13
	ADDQ $384, R14
	SUBQ $-128, DX
	SUBQ $8, AX
	JGE  step8

rest:
	ADDQ $8, AX
	JEQ  store

step1:
	STEPPAIR(0, 0)
	ADDQ $24, SI
	ADDQ $24, R12
	ADDQ $48, R14
	SUBQ $-128, R13
	DECQ AX
	JNE  step1

store:
	STOREROW(Z8, Z9)
	STOREROW(Z10, Z11)
	STOREROW(Z12, Z13)
	STOREROW(Z14, Z15)
	STOREROW(Z16, Z17)
	STOREROW(Z18, Z19)
	STOREROW(Z20, Z21)
	STOREROW(Z22, Z23)
	STOREROW(Z24, Z25)
	STOREROW(Z26, Z27)
	STOREROW(Z28, Z29)
	STOREROW(Z30, Z31)
	MOVQ R12, SI
	DECQ CX
	JNE  pair
	VZEROUPPER
	RET

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
