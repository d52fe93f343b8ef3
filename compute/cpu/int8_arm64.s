//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"

// EIGHT turns the next 8 integers into floats, by way of 16 and 32 bits, in V(y) and the register after it; f is
// V(y)'s name as F register.
#define EIGHT(p, f, y) \
	FMOVD.P 8(p), f            \
	VOP2(0x0f08a400, y, y)     \
	VOP2(0x4f10a400, (y)+1, y) \
	VOP2(0x0f10a400, y, y)     \
	VOP2(0x4e21d800, y, y)     \
	VOP2(0x4e21d800, (y)+1, (y)+1)

// BLOCK adds the product of 64 elements of a row of W with those of x, in Y0 to Y7, to Y(total).
#define BLOCK(p, scale, total) \
	EIGHT(p, F16, 16)            \
	EIGHT(p, F18, 18)            \
	MUL8(8, 8, 0)                \
	MUL8(9, 9, 1)                \
	EIGHT(p, F20, 20)            \
	EIGHT(p, F22, 22)            \
	FMA8(8, 10, 2)               \
	FMA8(9, 11, 3)               \
	EIGHT(p, F20, 20)            \
	EIGHT(p, F22, 22)            \
	FMA8(8, 10, 4)               \
	FMA8(9, 11, 5)               \
	EIGHT(p, F20, 20)            \
	EIGHT(p, F22, 22)            \
	FMA8(8, 10, 6)               \
	FMA8(9, 11, 7)               \
	FMOVS.P 4(scale), F20        \
	ADD8(8, 8, 9)                \
	FMLAX(2*(total), 16, 20, 0)  \
	FMLAX(2*(total)+1, 17, 20, 0)

// SUMS writes the sums of the 8 elements of four Y registers, the first of them V(a), to R0.
#define SUMS(a, v) \
	FADDP(a, a, a+2)      \
	FADDP(a+1, a+1, a+3)  \
	FADDP(a+4, a+4, a+6)  \
	FADDP(a+5, a+5, a+7)  \
	FADDP(a, a, a+4)      \
	FADDP(a+1, a+1, a+5)  \
	FADD(a, a, a+1)       \
	VST1.P [v.S4], 16(R0)

#define ZERO4(a, b, c, d) \
	ZERO(a) \
	ZERO(b) \
	ZERO(c) \
	ZERO(d)

// func int8Dot4SIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int)
// Four dot products of rows of integers with x, 64 elements of each at a time. Registers: R1 to R4 rows, R5 to R8
// their scales, R9 x, R10 blocks, R11 stride, R12 that of the scales.
TEXT ·int8Dot4SIMD(SB), NOSPLIT, $0-112
	MOVD dst_base+0(FP), R0
	MOVD q_base+24(FP), R1
	MOVD scale_base+48(FP), R5
	MOVD x_base+72(FP), R9
	MOVD blocks+96(FP), R10
	MOVD stride+104(FP), R11
	LSR  $4, R11, R12
	ADD  R11, R1, R2
	ADD  R11, R2, R3
	ADD  R11, R3, R4
	ADD  R12, R5, R6
	ADD  R12, R6, R7
	ADD  R12, R7, R8
	ZERO4(V24, V25, V26, V27)
	ZERO4(V28, V29, V30, V31)

block:
	VLD1.P 64(R9), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R9), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1.P 64(R9), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1.P 64(R9), [V12.S4, V13.S4, V14.S4, V15.S4]
	BLOCK(R1, R5, 12)
	BLOCK(R2, R6, 13)
	BLOCK(R3, R7, 14)
	BLOCK(R4, R8, 15)
	SUBS   $1, R10
	BNE    block
	SUMS(24, V24)
	RET

// PAIR adds the products of 8 elements of two rows of W, scaled by V28 and V29, with 4 rows of x.
#define PAIR \
	EIGHT(R1, F16, 16)         \
	EIGHT(R2, F18, 18)         \
	MULC(8, 8, 28)             \
	MULC(9, 9, 29)             \
	FLDPQ.P 32(R9), (F20, F21)  \
	FLDPQ.P 32(R10), (F22, F23) \
	FLDPQ.P 32(R11), (F24, F25) \
	FLDPQ.P 32(R12), (F26, F27) \
	FMA8(0, 8, 10)             \
	FMA8(4, 9, 10)             \
	FMA8(1, 8, 11)             \
	FMA8(5, 9, 11)             \
	FMA8(2, 8, 12)             \
	FMA8(6, 9, 12)             \
	FMA8(3, 8, 13)             \
	FMA8(7, 9, 13)

// func int8PairSIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int)
// Two rows of integers times four rows of x, which lie blocks·64 elements apart. Registers: R1, R2 rows, R5, R6 their
// scales, R9 to R12 rows of x, R13 blocks.
TEXT ·int8PairSIMD(SB), NOSPLIT, $0-112
	MOVD dst_base+0(FP), R0
	MOVD q_base+24(FP), R1
	MOVD scale_base+48(FP), R5
	MOVD x_base+72(FP), R9
	MOVD blocks+96(FP), R13
	MOVD stride+104(FP), R2
	LSR  $4, R2, R6
	ADD  R1, R2
	ADD  R5, R6
	ADD  R13<<8, R9, R10
	ADD  R13<<8, R10, R11
	ADD  R13<<8, R11, R12
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)

block:
	VLD1R.P 4(R5), [V28.S4]
	VLD1R.P 4(R6), [V29.S4]
	PAIR
	PAIR
	PAIR
	PAIR
	PAIR
	PAIR
	PAIR
	PAIR
	SUBS    $1, R13
	BNE     block
	SUMS(0, V0)
	SUMS(8, V8)
	RET
