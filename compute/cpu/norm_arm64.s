//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"

// func sumSIMD(x *float32, n int) float32
TEXT ·sumSIMD(SB), NOSPLIT, $0-20
	MOVD x+0(FP), R0
	MOVD n+8(FP), R5
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)

loop:
	SUBS   $16, R5
	BLT    few
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	ADD8(0, 0, 2)
	ADD8(1, 1, 3)
	B      loop

few:
	ADD     $16, R5
	CMP     $8, R5
	BLT     rest
	FLDPQ.P 32(R0), (F4, F5)
	ADD8(0, 0, 2)
	SUB     $8, R5

rest:
	LOADREST(R0, R5, V4, V5)
	ADD8(1, 1, 2)
	ADD8(0, 0, 1)
	SUM8(0)
	FMOVS F0, ret+16(FP)
	RET

// func varianceSIMD(x *float32, n int, mean float32) float32
TEXT ·varianceSIMD(SB), NOSPLIT, $0-28
	MOVD x+0(FP), R0
	MOVD n+8(FP), R5
	SPLAT(mean+16(FP), V16)
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)

loop:
	SUBS   $16, R5
	BLT    few
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	SUBC(2, 2, 16)
	SUBC(3, 3, 16)
	FMA8(0, 2, 2)
	FMA8(1, 3, 3)
	B      loop

few:
	ADD     $16, R5
	CMP     $8, R5
	BLT     rest
	FLDPQ.P 32(R0), (F4, F5)
	SUBC(2, 2, 16)
	FMA8(0, 2, 2)
	SUB     $8, R5

rest:
	LOADREST(R0, R5, V4, V5)
	REST(R5, F6, F7)
	SUBC(2, 2, 16)
	AND8(2, 2, 3)
	FMA8(1, 2, 2)
	ADD8(0, 0, 1)
	SUM8(0)
	FMOVS F0, ret+24(FP)
	RET

// NORMALISE: of x, w, b in Y0 to Y2 leaves (x−mean)·rstd·w + b in Y2.
#define NORMALISE \
	SUBC(0, 0, 16) \
	MULC(0, 0, 17) \
	FMA8(2, 0, 1)

// func normaliseSIMD(dst, x, w, b *float32, n int, mean, rstd float32)
TEXT ·normaliseSIMD(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD w+16(FP), R2
	MOVD b+24(FP), R3
	MOVD n+32(FP), R5
	SPLAT(mean+40(FP), V16)
	SPLAT(rstd+44(FP), V17)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R2), (F2, F3)
	FLDPQ.P 32(R3), (F4, F5)
	NORMALISE
	FSTPQ.P (F4, F5), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	LOADREST(R2, R5, V2, V3)
	LOADREST(R3, R5, V4, V5)
	NORMALISE
	STOREREST(R0, R5, V4, V5)

done:
	RET

// func rmsSIMD(dst, x, w *float32, n int, rstd float32)
TEXT ·rmsSIMD(SB), NOSPLIT, $0-36
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD w+16(FP), R2
	MOVD n+24(FP), R5
	SPLAT(rstd+32(FP), V17)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R2), (F2, F3)
	MULC(0, 0, 17)
	MUL8(0, 0, 1)
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	LOADREST(R2, R5, V2, V3)
	MULC(0, 0, 17)
	MUL8(0, 0, 1)
	STOREREST(R0, R5, V0, V1)

done:
	RET

// func normSumsSIMD(dy, x, w *float32, n int, mean, rstd float32) (m1, m2 float32)
TEXT ·normSumsSIMD(SB), NOSPLIT, $0-48
	MOVD dy+0(FP), R0
	MOVD x+8(FP), R1
	MOVD w+16(FP), R2
	MOVD n+24(FP), R5
	SPLAT(mean+32(FP), V16)
	SPLAT(rstd+36(FP), V17)
	ZERO(V4)
	ZERO(V5)
	ZERO(V6)
	ZERO(V7)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R0), (F2, F3)
	FLDPQ.P 32(R2), (F8, F9)
	SUBC(0, 0, 16)
	MULC(0, 0, 17)
	MUL8(1, 1, 4)
	ADD8(2, 2, 1)
	FMA8(3, 1, 0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	LOADREST(R0, R5, V2, V3)
	LOADREST(R2, R5, V8, V9)
	REST(R5, F10, F11)
	SUBC(0, 0, 16)
	MULC(0, 0, 17)
	AND8(0, 0, 5)
	MUL8(1, 1, 4)
	ADD8(2, 2, 1)
	FMA8(3, 1, 0)

done:
	SUM8(4)
	SUM8(6)
	FMOVS F4, m1+40(FP)
	FMOVS F6, m2+44(FP)
	RET

// NORMBACK adds rstd·(dy·w − m1 − n·m2) to dx in Y2; x, dy and w are in Y0, Y1 and Y3.
#define NORMBACK \
	SUBC(0, 0, 16) \
	MULC(0, 0, 17) \
	MUL8(1, 1, 3)  \
	SUBC(1, 1, 18) \
	FMSC(1, 0, 19) \
	FMAC(2, 1, 17)

// func normBackwardSIMD(dx, dy, x, w *float32, n int, mean, rstd, m1, m2 float32)
TEXT ·normBackwardSIMD(SB), NOSPLIT, $0-56
	MOVD dx+0(FP), R0
	MOVD dy+8(FP), R3
	MOVD x+16(FP), R1
	MOVD w+24(FP), R2
	MOVD n+32(FP), R5
	SPLAT(mean+40(FP), V16)
	SPLAT(rstd+44(FP), V17)
	SPLAT(m1+48(FP), V18)
	SPLAT(m2+52(FP), V19)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R3), (F2, F3)
	FLDPQ   (R0), (F4, F5)
	FLDPQ.P 32(R2), (F6, F7)
	NORMBACK
	FSTPQ.P (F4, F5), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	LOADREST(R3, R5, V2, V3)
	LOADREST(R0, R5, V4, V5)
	LOADREST(R2, R5, V6, V7)
	NORMBACK
	STOREREST(R0, R5, V4, V5)

done:
	RET

// func addProductSIMD(dw, dy, x *float32, n int, mean, rstd float32)
TEXT ·addProductSIMD(SB), NOSPLIT, $0-40
	MOVD dw+0(FP), R0
	MOVD dy+8(FP), R2
	MOVD x+16(FP), R1
	MOVD n+24(FP), R5
	SPLAT(mean+32(FP), V16)
	SPLAT(rstd+36(FP), V17)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ   (R0), (F2, F3)
	FLDPQ.P 32(R2), (F4, F5)
	SUBC(0, 0, 16)
	MULC(0, 0, 17)
	FMA8(1, 0, 2)
	FSTPQ.P (F2, F3), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	LOADREST(R0, R5, V2, V3)
	LOADREST(R2, R5, V4, V5)
	SUBC(0, 0, 16)
	MULC(0, 0, 17)
	FMA8(1, 0, 2)
	STOREREST(R0, R5, V2, V3)

done:
	RET
