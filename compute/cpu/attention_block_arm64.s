//go:build !purego && !f64

#include "textflag.h"
#include "neon_arm64.h"

// EACH does f on the 24 registers of the tile, in fours, and as many places from R16 on.
#define EACH(f) \
	f(0, 8, F8, F9, F10, F11)     \
	f(64, 12, F12, F13, F14, F15) \
	f(128, 16, F16, F17, F18, F19) \
	f(192, 20, F20, F21, F22, F23) \
	f(256, 24, F24, F25, F26, F27) \
	f(320, 28, F28, F29, F30, F31)

#define STOREP(off, d, a, b, c, e) \
	FSTPQ (a, b), off(R16)    \
	FSTPQ (c, e), off+32(R16)

#define ADDP(off, d, a, b, c, e) \
	FLDPQ off(R16), (F0, F1)    \
	FLDPQ off+32(R16), (F2, F3) \
	FADD(d, d, 0)               \
	FADD(d+1, d+1, 1)           \
	FADD(d+2, d+2, 2)           \
	FADD(d+3, d+3, 3)

// STOREC stores a row of the tile, times V4.
#define STOREC(off, d, a, b, c, e) \
	FMUL(d, d, 4)               \
	FMUL(d+1, d+1, 4)           \
	FMUL(d+2, d+2, 4)           \
	FMUL(d+3, d+3, 4)           \
	FSTPQ (a, b), (R16)         \
	FSTPQ (c, e), 32(R16)       \
	ADD   R8, R16

// ROW is an element of a row of a times V0 to V3.
#define ROW(p, v, n, d) \
	VLD1R.P (p)(R7), [v.S4] \
	FMLA(d, 0, n)           \
	FMLA(d+1, 1, n)         \
	FMLA(d+2, 2, n)         \
	FMLA(d+3, 3, n)

#define CLEAR4(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16 \
	VEOR b.B16, b.B16, b.B16 \
	VEOR c.B16, c.B16, c.B16 \
	VEOR d.B16, d.B16, d.B16

// func scoresSIMD(c, a, b, partial []float32, tiles, dim, cs int, scale float32)
//
// c = scale·a·b as in attention_amd64.h, for panels b [dim, 16]. V8 to V31 hold the tile of 6 rows, V0 to V3 a row of b, V4 to
// V7 elements of a.
// Registers: R0 c, R1 the tile's first row of a, R2 b, R3 tiles left, R4 dim/8, R5 the distance of rows of a, R6 partial,
// R7 32, R8 the distance of rows of c, R9 the chain, R10 to R15 rows of a, R16 b, partial or c, R17 steps left.
TEXT ·scoresSIMD(SB), NOSPLIT, $0-124
	MOVD c_base+0(FP), R0
	MOVD a_base+24(FP), R1
	MOVD b_base+48(FP), R2
	MOVD partial_base+72(FP), R6
	MOVD tiles+96(FP), R3
	MOVD dim+104(FP), R5
	MOVD cs+112(FP), R8
	LSR  $3, R5, R4
	LSL  $2, R5
	LSL  $2, R8
	MOVD $32, R7

tile:
	MOVD $0, R9

chain:
	ADD R9<<2, R1, R10
	ADD R5, R10, R11
	ADD R5, R11, R12
	ADD R5, R12, R13
	ADD R5, R13, R14
	ADD R5, R14, R15
	ADD R9<<6, R2, R16
	MOVD R4, R17
	CLEAR4(V8, V9, V10, V11)
	CLEAR4(V12, V13, V14, V15)
	CLEAR4(V16, V17, V18, V19)
	CLEAR4(V20, V21, V22, V23)
	CLEAR4(V24, V25, V26, V27)
	CLEAR4(V28, V29, V30, V31)

step:
	FLDPQ (R16), (F0, F1)
	FLDPQ 32(R16), (F2, F3)
	ROW(R10, V4, 4, 8)
	ROW(R11, V5, 5, 12)
	ROW(R12, V6, 6, 16)
	ROW(R13, V7, 7, 20)
	ROW(R14, V4, 4, 24)
	ROW(R15, V5, 5, 28)
	ADD  $512, R16
	SUBS $1, R17
	BNE  step

	ADD  $1, R9
	MOVD R6, R16
	TBZ  $0, R9, second
	EACH(STOREP)
	B    chain

second:
	EACH(ADDP)
	ADD $384, R16
	TBZ $1, R9, fourth
	EACH(STOREP)
	B   chain

fourth:
	EACH(ADDP)
	ADD $384, R16
	TBZ $2, R9, eighth
	EACH(STOREP)
	B   chain

eighth:
	EACH(ADDP)
	MOVWU scale+120(FP), R16
	VDUP  R16, V4.S4
	MOVD  R0, R16
	EACH(STOREC)
	MOVD R16, R0
	ADD  R5<<2, R1
	ADD  R5<<1, R1
	SUBS $1, R3
	BNE  tile
	RET
