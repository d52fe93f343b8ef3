//go:build !purego && !f64

#include "textflag.h"
#include "neon_arm64.h"

// Registers of the tiles functions:
//   R0 c, R1 the tile's first row of a, R2 b, R3 tiles left, R4 k, R5 rs, R6 ks, R7 step, R8 cs, R9 first
//   in the loop over k: R10 to R15 rows of a, or R10 a packed tile, R16 b, R17 steps left
//   while c is read or written: R16
// V8 to V31 hold the tile. A packed tile needs V0 to V3 for b and V4 to V6 for a: an element of 6 rows is
// part of a vector, and multiplication picks it out. In place, a vector of each row, 4 steps, is V2 to V7,
// and V0, V1 hold half a row of b.

#define ARGS \
	MOVD  c_base+0(FP), R0     \
	MOVD  a_base+24(FP), R1    \
	MOVD  b_base+48(FP), R2    \
	MOVD  tiles+72(FP), R3     \
	MOVD  k+80(FP), R4         \
	MOVD  rs+88(FP), R5        \
	MOVD  ks+96(FP), R6        \
	MOVD  step+104(FP), R7     \
	MOVD  cs+112(FP), R8       \
	MOVBU first+120(FP), R9    \
	LSL   $2, R5               \
	LSL   $2, R7               \
	LSL   $2, R8

#define ZERO2(a, b) \
	VEOR a.B16, a.B16, a.B16 \
	VEOR b.B16, b.B16, b.B16

#define ZERO4(a, b, c, d) \
	ZERO2(a, b) \
	ZERO2(c, d)

// LOADC and STOREC move a row of c.
#define LOADC(a, b, c, d) \
	FLDPQ (R16), (a, b)   \
	FLDPQ 32(R16), (c, d) \
	ADD   R8, R16

#define STOREC(a, b, c, d) \
	FSTPQ (a, b), (R16)   \
	FSTPQ (c, d), 32(R16) \
	ADD   R8, R16

#define ROWS4 \
	ADD R5, R10, R11 \
	ADD R5, R11, R12 \
	ADD R5, R12, R13

#define ROWS6 \
	ROWS4            \
	ADD R5, R13, R14 \
	ADD R5, R14, R15

#define LOADB(off) \
	FLDPQ off(R16), (F0, F1) \
	FLDPQ off+32(R16), (F2, F3)

// ROW is a row of the tile, from V(d) on, and element i of V(m).
#define ROW(d, m, i) \
	FMLAX(d, 0, m, i)   \
	FMLAX(d+1, 1, m, i) \
	FMLAX(d+2, 2, m, i) \
	FMLAX(d+3, 3, m, i)

// PAIR6 is two steps of a packed tile of 6.
#define PAIR6(aoff, boff) \
	FLDPQ aoff(R10), (F4, F5) \
	FMOVQ aoff+32(R10), F6    \
	LOADB(boff)               \
	ROW(8, 4, 0)              \
	ROW(12, 4, 1)             \
	ROW(16, 4, 2)             \
	ROW(20, 4, 3)             \
	ROW(24, 5, 0)             \
	ROW(28, 5, 1)             \
	LOADB(boff+64)            \
	ROW(8, 5, 2)              \
	ROW(12, 5, 3)             \
	ROW(16, 6, 0)             \
	ROW(20, 6, 1)             \
	ROW(24, 6, 2)             \
	ROW(28, 6, 3)

// COLUMN is element i of rows from V2 on times V(n).
#define COLUMN4(d, n, i) \
	FMLAX(d, n, 2, i)    \
	FMLAX(d+4, n, 3, i)  \
	FMLAX(d+8, n, 4, i)  \
	FMLAX(d+12, n, 5, i)

#define COLUMN6(d, n, i) \
	COLUMN4(d, n, i)     \
	FMLAX(d+16, n, 6, i) \
	FMLAX(d+20, n, 7, i)

#define INPLACE(COLUMN, off, i) \
	FLDPQ off(R16), (F0, F1)    \
	COLUMN(8, 0, i)             \
	COLUMN(9, 1, i)             \
	FLDPQ off+32(R16), (F0, F1) \
	COLUMN(10, 0, i)            \
	COLUMN(11, 1, i)

// func tiles6NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT ·tiles6NEON(SB), NOSPLIT, $0-121
	ARGS

tile:
	CBZ R9, load
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	ZERO4(V16, V17, V18, V19)
	ZERO4(V20, V21, V22, V23)
	ZERO4(V24, V25, V26, V27)
	ZERO4(V28, V29, V30, V31)
	B   steps

load:
	MOVD R0, R16
	LOADC(F8, F9, F10, F11)
	LOADC(F12, F13, F14, F15)
	LOADC(F16, F17, F18, F19)
	LOADC(F20, F21, F22, F23)
	LOADC(F24, F25, F26, F27)
	LOADC(F28, F29, F30, F31)

steps:
	MOVD R1, R10
	MOVD R2, R16
	CMP  $1, R6
	BEQ  rows
	SUBS $4, R4, R17
	BLT  packed1

	PCALIGN $32
packed4:
	PAIR6(0, 0)
	PAIR6(48, 128)
	ADD  $96, R10
	ADD  $256, R16
	SUBS $4, R17
	BGE  packed4

packed1:
	ADDS $4, R17
	BEQ  store

packedrest:
	FMOVQ (R10), F4
	FMOVD 16(R10), F5
	LOADB(0)
	ROW(8, 4, 0)
	ROW(12, 4, 1)
	ROW(16, 4, 2)
	ROW(20, 4, 3)
	ROW(24, 5, 0)
	ROW(28, 5, 1)
	ADD  $24, R10
	ADD  $64, R16
	SUBS $1, R17
	BNE  packedrest
	B    store

rows:
	ROWS6
	SUBS $4, R4, R17
	BLT  rows1

	PCALIGN $32
rows4:
	FMOVQ.P 16(R10), F2
	FMOVQ.P 16(R11), F3
	FMOVQ.P 16(R12), F4
	FMOVQ.P 16(R13), F5
	FMOVQ.P 16(R14), F6
	FMOVQ.P 16(R15), F7
	INPLACE(COLUMN6, 0, 0)
	INPLACE(COLUMN6, 64, 1)
	INPLACE(COLUMN6, 128, 2)
	INPLACE(COLUMN6, 192, 3)
	ADD  $256, R16
	SUBS $4, R17
	BGE  rows4

rows1:
	ADDS $4, R17
	BEQ  store

rowsrest:
	FMOVS.P 4(R10), F2
	FMOVS.P 4(R11), F3
	FMOVS.P 4(R12), F4
	FMOVS.P 4(R13), F5
	FMOVS.P 4(R14), F6
	FMOVS.P 4(R15), F7
	INPLACE(COLUMN6, 0, 0)
	ADD  $64, R16
	SUBS $1, R17
	BNE  rowsrest

store:
	MOVD R0, R16
	STOREC(F8, F9, F10, F11)
	STOREC(F12, F13, F14, F15)
	STOREC(F16, F17, F18, F19)
	STOREC(F20, F21, F22, F23)
	STOREC(F24, F25, F26, F27)
	STOREC(F28, F29, F30, F31)
	MOVD R16, R0
	ADD  R7, R1
	SUBS $1, R3
	BNE  tile
	RET

// func tiles4NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT ·tiles4NEON(SB), NOSPLIT, $0-121
	ARGS

tile:
	CBZ R9, load
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	ZERO4(V16, V17, V18, V19)
	ZERO4(V20, V21, V22, V23)
	B   steps

load:
	MOVD R0, R16
	LOADC(F8, F9, F10, F11)
	LOADC(F12, F13, F14, F15)
	LOADC(F16, F17, F18, F19)
	LOADC(F20, F21, F22, F23)

steps:
	MOVD R1, R10
	MOVD R2, R16
	CMP  $1, R6
	BEQ  rows
	MOVD R4, R17

packed:
	FMOVQ.P 16(R10), F4
	LOADB(0)
	ROW(8, 4, 0)
	ROW(12, 4, 1)
	ROW(16, 4, 2)
	ROW(20, 4, 3)
	ADD  $64, R16
	SUBS $1, R17
	BNE  packed
	B    store

rows:
	ROWS4
	SUBS $4, R4, R17
	BLT  rows1

rows4:
	FMOVQ.P 16(R10), F2
	FMOVQ.P 16(R11), F3
	FMOVQ.P 16(R12), F4
	FMOVQ.P 16(R13), F5
	INPLACE(COLUMN4, 0, 0)
	INPLACE(COLUMN4, 64, 1)
	INPLACE(COLUMN4, 128, 2)
	INPLACE(COLUMN4, 192, 3)
	ADD  $256, R16
	SUBS $4, R17
	BGE  rows4

rows1:
	ADDS $4, R17
	BEQ  store

rowsrest:
	FMOVS.P 4(R10), F2
	FMOVS.P 4(R11), F3
	FMOVS.P 4(R12), F4
	FMOVS.P 4(R13), F5
	INPLACE(COLUMN4, 0, 0)
	ADD  $64, R16
	SUBS $1, R17
	BNE  rowsrest

store:
	MOVD R0, R16
	STOREC(F8, F9, F10, F11)
	STOREC(F12, F13, F14, F15)
	STOREC(F16, F17, F18, F19)
	STOREC(F20, F21, F22, F23)
	MOVD R16, R0
	ADD  R7, R1
	SUBS $1, R3
	BNE  tile
	RET

// func tiles1NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT ·tiles1NEON(SB), NOSPLIT, $0-121
	ARGS

tile:
	ZERO4(V8, V9, V10, V11)
	CBNZ R9, steps
	MOVD R0, R16
	LOADC(F8, F9, F10, F11)

steps:
	MOVD R1, R10
	MOVD R2, R16
	MOVD R4, R17

step:
	FMOVS.P 4(R10), F4
	LOADB(0)
	ROW(8, 4, 0)
	ADD  $64, R16
	SUBS $1, R17
	BNE  step

	MOVD R0, R16
	STOREC(F8, F9, F10, F11)
	MOVD R16, R0
	ADD  R7, R1
	SUBS $1, R3
	BNE  tile
	RET

// With half of the columns of b a tile of 6 rows is V8 to V19.

#define LOADHALF(a, b) \
	FLDPQ (R16), (a, b) \
	ADD   R8, R16

#define STOREHALF(a, b) \
	FSTPQ (a, b), (R16) \
	ADD   R8, R16

#define HALF(d, m, i) \
	FMLAX(d, 0, m, i)   \
	FMLAX(d+1, 1, m, i)

#define HALVES(off, i) \
	FLDPQ off(R16), (F0, F1) \
	HALF(8, 2, i)            \
	HALF(10, 3, i)           \
	HALF(12, 4, i)           \
	HALF(14, 5, i)           \
	HALF(16, 6, i)           \
	HALF(18, 7, i)

// func halves6NEON(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
// As tiles6NEON, but sets only the first 8 columns of c.
TEXT ·halves6NEON(SB), NOSPLIT, $0-121
	ARGS

tile:
	CBZ R9, load
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	ZERO4(V16, V17, V18, V19)
	B   steps

load:
	MOVD R0, R16
	LOADHALF(F8, F9)
	LOADHALF(F10, F11)
	LOADHALF(F12, F13)
	LOADHALF(F14, F15)
	LOADHALF(F16, F17)
	LOADHALF(F18, F19)

steps:
	MOVD R1, R10
	MOVD R2, R16
	CMP  $1, R6
	BEQ  rows
	MOVD R4, R17

packed:
	FMOVQ (R10), F4
	FMOVD 16(R10), F5
	FLDPQ (R16), (F0, F1)
	HALF(8, 4, 0)
	HALF(10, 4, 1)
	HALF(12, 4, 2)
	HALF(14, 4, 3)
	HALF(16, 5, 0)
	HALF(18, 5, 1)
	ADD  $24, R10
	ADD  $64, R16
	SUBS $1, R17
	BNE  packed
	B    store

rows:
	ROWS6
	SUBS $4, R4, R17
	BLT  rows1

rows4:
	FMOVQ.P 16(R10), F2
	FMOVQ.P 16(R11), F3
	FMOVQ.P 16(R12), F4
	FMOVQ.P 16(R13), F5
	FMOVQ.P 16(R14), F6
	FMOVQ.P 16(R15), F7
	HALVES(0, 0)
	HALVES(64, 1)
	HALVES(128, 2)
	HALVES(192, 3)
	ADD  $256, R16
	SUBS $4, R17
	BGE  rows4

rows1:
	ADDS $4, R17
	BEQ  store

rowsrest:
	FMOVS.P 4(R10), F2
	FMOVS.P 4(R11), F3
	FMOVS.P 4(R12), F4
	FMOVS.P 4(R13), F5
	FMOVS.P 4(R14), F6
	FMOVS.P 4(R15), F7
	HALVES(0, 0)
	ADD  $64, R16
	SUBS $1, R17
	BNE  rowsrest

store:
	MOVD R0, R16
	STOREHALF(F8, F9)
	STOREHALF(F10, F11)
	STOREHALF(F12, F13)
	STOREHALF(F14, F15)
	STOREHALF(F16, F17)
	STOREHALF(F18, F19)
	MOVD R16, R0
	ADD  R7, R1
	SUBS $1, R3
	BNE  tile
	RET

#define PEAK6(m, i) \
	ROW(8, m, i)  \
	ROW(12, m, i) \
	ROW(16, m, i) \
	ROW(20, m, i) \
	ROW(24, m, i) \
	ROW(28, m, i)

// func peakNEON(n int)
// n rounds of 240 multiply-adds on 24 accumulators, for the benchmarks: nothing runs faster.
TEXT ·peakNEON(SB), NOSPLIT, $0-8
	MOVD n+0(FP), R3
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	ZERO4(V16, V17, V18, V19)
	ZERO4(V20, V21, V22, V23)
	ZERO4(V24, V25, V26, V27)
	ZERO4(V28, V29, V30, V31)

round:
	PEAK6(4, 0)
	PEAK6(4, 1)
	PEAK6(4, 2)
	PEAK6(4, 3)
	PEAK6(5, 0)
	PEAK6(5, 1)
	PEAK6(5, 2)
	PEAK6(5, 3)
	PEAK6(6, 0)
	PEAK6(6, 1)
	SUBS $1, R3
	BNE  round
	RET
