//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"
#include "exp_arm64.h"

GLOBL consts<>(SB), RODATA|NOPTR, $TABLE

// NEXT is p = min(q + stride, last), for the rows of dots.
#define NEXT(q, p) \
	ADD  R10, q, p      \
	CMP  R11, p         \
	CSEL HI, R11, p, p

// DOT adds the products of 8 elements of a row with x, in Y8, to the row's sums in Y(d). Rows take turns at
// the registers.
#define DOT(p, d, y, a, b) \
	FLDPQ.P 32(p), (a, b) \
	FMA8(d, 8, y)

// func dotsSIMD(dst *float32, n int, x *float32, dim int, y *float32, stride int, scale float32)
//
// 8 rows at a time, each with an accumulator of its own; where fewer are left, the last one stands in for
// those that are missing. dim is a multiple of 8, n is not 0.
// Registers: R0 dst, R1 x, R2 to R9 rows, R10 stride, R11 the last row, R12 dim, R13 rows left, R14 the next
// group, R15 from element to element of x, R17 elements left.
TEXT ·dotsSIMD(SB), NOSPLIT, $0-52
	MOVD dst+0(FP), R0
	MOVD n+8(FP), R13
	MOVD x+16(FP), R1
	MOVD dim+24(FP), R12
	MOVD y+32(FP), R14
	MOVD stride+40(FP), R10
	SPLAT(scale+48(FP), V31)
	LSL  $2, R10
	SUB  $1, R13, R11
	MUL  R10, R11
	ADD  R14, R11

group:
	MOVD R14, R2
	NEXT(R2, R3)
	NEXT(R3, R4)
	NEXT(R4, R5)
	NEXT(R5, R6)
	NEXT(R6, R7)
	NEXT(R7, R8)
	NEXT(R8, R9)
	ADD  R10, R9, R14
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)
	ZERO(V4)
	ZERO(V5)
	ZERO(V6)
	ZERO(V7)
	ZERO(V8)
	ZERO(V9)
	ZERO(V10)
	ZERO(V11)
	ZERO(V12)
	ZERO(V13)
	ZERO(V14)
	ZERO(V15)
	MOVD R1, R15
	MOVD R12, R17

inner:
	FLDPQ.P 32(R15), (F16, F17)
	DOT(R2, 0, 9, F18, F19)
	DOT(R3, 1, 10, F20, F21)
	DOT(R4, 2, 11, F22, F23)
	DOT(R5, 3, 12, F24, F25)
	DOT(R6, 4, 9, F18, F19)
	DOT(R7, 5, 10, F20, F21)
	DOT(R8, 6, 11, F22, F23)
	DOT(R9, 7, 12, F24, F25)
	SUBS    $8, R17
	BNE     inner

	FADDP(0, 0, 2)
	FADDP(1, 1, 3)
	FADDP(4, 4, 6)
	FADDP(5, 5, 7)
	FADDP(8, 8, 10)
	FADDP(9, 9, 11)
	FADDP(12, 12, 14)
	FADDP(13, 13, 15)
	FADDP(0, 0, 4)
	FADDP(1, 1, 5)
	FADDP(8, 8, 12)
	FADDP(9, 9, 13)
	FADD(0, 0, 1)
	FADD(1, 8, 9)
	MULC(0, 0, 31)
	SUBS    $8, R13
	BLT     rest
	FSTPQ.P (F0, F1), 32(R0)
	BNE     group
	RET

rest:
	ADD $8, R13
	STOREREST(R0, R13, V0, V1)
	RET

// TERM adds the next 16 elements of a row, times its coefficient, to four registers from V(d) on.
#define TERM16(off, d) \
	FLDPQ off(R6), (F20, F21)    \
	FLDPQ off+32(R6), (F22, F23) \
	FMLAX(d, 20, 16, 0)          \
	FMLAX(d+1, 21, 16, 0)        \
	FMLAX(d+2, 22, 16, 0)        \
	FMLAX(d+3, 23, 16, 0)

// COEFFICIENT goes to the next one, in V16.
#define COEFFICIENT \
	FMOVS (R4), F16 \
	ADD   R8, R4

// func combineSIMD(dst *float32, dim int, c *float32, cstride int, x *float32, stride, n int)
//
// 64 columns at a time, then 32, then 8; dim is a multiple of 8.
// Registers: R0 dst, R1 columns left, R2 c, R3 x, R4 and R6 from row to row, R7 n, R8 cstride, R9 stride, R10 rows left.
TEXT ·combineSIMD(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), R0
	MOVD dim+8(FP), R1
	MOVD c+16(FP), R2
	MOVD cstride+24(FP), R8
	MOVD x+32(FP), R3
	MOVD stride+40(FP), R9
	MOVD n+48(FP), R7
	LSL  $2, R8
	LSL  $2, R9

by64:
	CMP   $64, R1
	BLT   by32
	MOVD  R2, R4
	MOVD  R3, R6
	MOVD  R7, R10
	FLDPQ (R0), (F0, F1)
	FLDPQ 32(R0), (F2, F3)
	FLDPQ 64(R0), (F4, F5)
	FLDPQ 96(R0), (F6, F7)
	FLDPQ 128(R0), (F8, F9)
	FLDPQ 160(R0), (F10, F11)
	FLDPQ 192(R0), (F12, F13)
	FLDPQ 224(R0), (F14, F15)

loop64:
	COEFFICIENT
	TERM16(0, 0)
	TERM16(64, 4)
	TERM16(128, 8)
	TERM16(192, 12)
	ADD   R9, R6
	SUBS  $1, R10
	BNE   loop64
	FSTPQ (F0, F1), (R0)
	FSTPQ (F2, F3), 32(R0)
	FSTPQ (F4, F5), 64(R0)
	FSTPQ (F6, F7), 96(R0)
	FSTPQ (F8, F9), 128(R0)
	FSTPQ (F10, F11), 160(R0)
	FSTPQ (F12, F13), 192(R0)
	FSTPQ (F14, F15), 224(R0)
	ADD   $256, R0
	ADD   $256, R3
	SUB   $64, R1
	B     by64

by32:
	CMP   $32, R1
	BLT   by8
	MOVD  R2, R4
	MOVD  R3, R6
	MOVD  R7, R10
	FLDPQ (R0), (F0, F1)
	FLDPQ 32(R0), (F2, F3)
	FLDPQ 64(R0), (F4, F5)
	FLDPQ 96(R0), (F6, F7)

loop32:
	COEFFICIENT
	TERM16(0, 0)
	TERM16(64, 4)
	ADD   R9, R6
	SUBS  $1, R10
	BNE   loop32
	FSTPQ (F0, F1), (R0)
	FSTPQ (F2, F3), 32(R0)
	FSTPQ (F4, F5), 64(R0)
	FSTPQ (F6, F7), 96(R0)
	ADD   $128, R0
	ADD   $128, R3
	SUB   $32, R1

by8:
	CMP   $8, R1
	BLT   done
	MOVD  R2, R4
	MOVD  R3, R6
	MOVD  R7, R10
	FLDPQ (R0), (F0, F1)

loop8:
	COEFFICIENT
	FLDPQ (R6), (F20, F21)
	FMLAX(0, 20, 16, 0)
	FMLAX(1, 21, 16, 0)
	ADD   R9, R6
	SUBS  $1, R10
	BNE   loop8
	FSTPQ.P (F0, F1), 32(R0)
	ADD   $32, R3
	SUB   $8, R1
	B     by8

done:
	RET

// func maximumSIMD(x *float32, n int) float32
TEXT ·maximumSIMD(SB), NOSPLIT, $0-20
	MOVD x+0(FP), R0
	MOVD n+8(FP), R5
	MOVD $0xff800000, R16 // −∞
	VDUP R16, V16.S4
	MOVC(0, 16)
	MOVC(1, 16)

loop16:
	SUBS   $16, R5
	BLT    few
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	MAX8(0, 0, 2)
	MAX8(1, 1, 3)
	B      loop16

few:
	ADD     $16, R5
	CMP     $8, R5
	BLT     rest
	FLDPQ.P 32(R0), (F4, F5)
	MAX8(0, 0, 2)
	SUB     $8, R5

rest:
	LOADREST(R0, R5, V4, V5)
	REST(R5, F6, F7)
	MOVC(4, 16)
	BSL8(3, 2, 4)
	MAX8(0, 0, 3)
	MAX8(0, 0, 1)
	FMAX(0, 0, 1)
	FMAXV(0, 0)
	FMOVS F0, ret+16(FP)
	RET

// func expSumSIMD(dst, x *float32, n int, shift float32) float32
TEXT ·expSumSIMD(SB), NOSPLIT, $0-36
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R5
	SPLAT(shift+24(FP), V24)
	ZERO(V16)
	ZERO(V17)
	EXPCONSTS

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	SUBC(0, 0, 24)
	EXP(0, 1, 2, 3, 4)
	FSTPQ.P (F6, F7), 32(R0)
	ADD8(8, 8, 3)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	SUBC(0, 0, 24)
	EXP(0, 1, 2, 3, 4)
	REST(R5, F0, F1)
	AND8(0, 0, 3)
	ADD8(8, 8, 0)
	STOREREST(R0, R5, V6, V7)

done:
	SUM8(16)
	FMOVS F16, ret+32(FP)
	RET

// func affineSIMD(x *float32, n int, a, b float32)
TEXT ·affineSIMD(SB), NOSPLIT, $0-24
	MOVD x+0(FP), R0
	MOVD n+8(FP), R5
	SPLAT(a+16(FP), V16)
	SPLAT(b+20(FP), V17)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ   (R0), (F0, F1)
	MULC(0, 0, 16)
	ADDC(0, 0, 17)
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R0, R5, V0, V1)
	MULC(0, 0, 16)
	ADDC(0, 0, 17)
	STOREREST(R0, R5, V0, V1)

done:
	RET

#define SOFTMAXBACK \
	SUBC(0, 0, 16) \
	MUL8(0, 0, 1)  \
	MULC(0, 0, 17)

// func softmaxBackwardSIMD(dp, p *float32, n int, delta, scale float32)
TEXT ·softmaxBackwardSIMD(SB), NOSPLIT, $0-32
	MOVD dp+0(FP), R0
	MOVD p+8(FP), R1
	MOVD n+16(FP), R5
	SPLAT(delta+24(FP), V16)
	SPLAT(scale+28(FP), V17)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ   (R0), (F0, F1)
	FLDPQ.P 32(R1), (F2, F3)
	SOFTMAXBACK
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R0, R5, V0, V1)
	LOADREST(R1, R5, V2, V3)
	SOFTMAXBACK
	STOREREST(R0, R5, V0, V1)

done:
	RET
