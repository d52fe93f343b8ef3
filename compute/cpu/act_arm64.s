//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"
#include "exp_arm64.h"

CONST8(TABLE, $0x43480000)     // 200: beyond, σ is 0 or 1
CONST8(TABLE+32, $0xc3480000)
CONST8(TABLE+64, $0x41533333)  // 13.2: beyond, the tail is 0 in float32
CONST8(TABLE+96, $0x40800000)  // 4
CONST8(TABLE+128, $0xbf000000) // −½
CONST8(TABLE+160, $0x3ecc422a) // 1/√(2π)
CONST8(TABLE+192, $0x3dcc4a0b) // minimax of ½·erfcx(a/√2)/t on 0 ≤ a ≤ 13.3 in t = 4/(a+4), off by 7e-9
CONST8(TABLE+224, $0x3dcba92f)
CONST8(TABLE+256, $0x3dc464b3)
CONST8(TABLE+288, $0x3d9009ed)
CONST8(TABLE+320, $0x3dbad54c)
CONST8(TABLE+352, $0x3b96e2e2)
CONST8(TABLE+384, $0x3d1aabe5)
CONST8(TABLE+416, $0x3d380bbe)
CONST8(TABLE+448, $0xbd75e83b)
CONST8(TABLE+480, $0x3c83cbe4)
GLOBL consts<>(SB), RODATA|NOPTR, $896

// SiLU and the tanh form of GELU are both x·σ(z) with z = x(c₁ + c₃x²), since ½(1+tanh u) = σ(2u).
// V16 is −c₁, V17 −c₃, V18 −3c₃, V19 and V20 are ±200.

#define GATEDCONSTS \
	EXPCONSTS                 \
	FMOVQ (TABLE)(R15), F19   \
	FMOVQ (TABLE+32)(R15), F20

// SIGMOID: of x in Y0 leaves x clamped in Y1, x² in Y2, e = exp(−z) in Y3 and 1+e in Y4. It uses Y5 to Y7.
#define SIGMOID \
	MINC(1, 0, 19)     \
	MAXC(1, 1, 20)     \
	MUL8(2, 1, 1)      \
	MOVC(4, 16)        \
	FMAC(4, 2, 17)     \
	MUL8(4, 4, 1)      \
	EXP(4, 5, 6, 3, 7) \
	ADDC(4, 3, 26)

// GATED is y = x/(1+e) in Y0, with x clamped below, where 1/(1+e) is small but not 0.
#define GATED \
	MAXC(0, 0, 20) \
	DIV8(0, 0, 4)

// func gatedSIMD(dst, x *float32, n int, c1, c3 float32)
TEXT ·gatedSIMD(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R5
	SPLAT(c1+24(FP), V16)
	SPLAT(c3+28(FP), V17)
	GATEDCONSTS

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	SIGMOID
	GATED
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	SIGMOID
	GATED
	STOREREST(R0, R5, V0, V1)

done:
	RET

// GATEDSLOPE turns what SIGMOID left into f' = s(1 + x·(e·s)·z') in Y0, with s = 1/(1+e).
#define GATEDSLOPE \
	MOVC(5, 26)    \
	DIV8(4, 5, 4)  \
	MOVC(6, 16)    \
	FMAC(6, 2, 18) \
	MUL8(3, 3, 4)  \
	MUL8(3, 3, 1)  \
	FMS8(5, 3, 6)  \
	MUL8(0, 5, 4)

// func gatedBackwardSIMD(dst, dy, x *float32, n int, c1, c3, c3x3 float32)
TEXT ·gatedBackwardSIMD(SB), NOSPLIT, $0-44
	MOVD dst+0(FP), R0
	MOVD dy+8(FP), R2
	MOVD x+16(FP), R1
	MOVD n+24(FP), R5
	SPLAT(c1+32(FP), V16)
	SPLAT(c3+36(FP), V17)
	SPLAT(c3x3+40(FP), V18)
	GATEDCONSTS

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	SIGMOID
	GATEDSLOPE
	FLDPQ.P 32(R2), (F2, F3)
	MUL8(0, 0, 1)
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	SIGMOID
	GATEDSLOPE
	LOADREST(R2, R5, V2, V3)
	MUL8(0, 0, 1)
	STOREREST(R0, R5, V0, V1)

done:
	RET

// V16 is 13.2, V17 4, V18 −½, V19 1/√(2π).
#define TAILCONSTS \
	EXPCONSTS                   \
	FMOVQ (TABLE+64)(R15), F16  \
	FMOVQ (TABLE+96)(R15), F17  \
	FMOVQ (TABLE+128)(R15), F18 \
	FMOVQ (TABLE+160)(R15), F19

// TAIL: of x in Y0 leaves a = |x| (at most 13.2) in Y1, E = exp(−½a²) in Y3 and the upper tail of the
// normal distribution Q = 1−Φ(a) = E·t·R(t) in Y4. It uses Y2, Y5, Y6, Y7. The rounding of a² is made good,
// since exp would magnify it.
#define TAIL \
	ABS8(1, 0)                 \
	MINC(1, 1, 16)             \
	MUL8(7, 1, 1)              \
	NEG8(2, 7)                 \
	FMA8(2, 1, 1)              \
	MULC(7, 7, 18)             \
	EXP(7, 5, 6, 3, 4)         \
	MULC(2, 2, 18)             \
	FMA8(3, 3, 2)              \
	MOVC(5, 17)                \
	ADD8(6, 1, 5)              \
	DIV8(5, 5, 6)              \
	LOADY(4, TABLE+480)        \
	HORNER(TABLE+448, 5, 4, 7) \
	HORNER(TABLE+416, 5, 7, 4) \
	HORNER(TABLE+384, 5, 4, 7) \
	HORNER(TABLE+352, 5, 7, 4) \
	HORNER(TABLE+320, 5, 4, 7) \
	HORNER(TABLE+288, 5, 7, 4) \
	HORNER(TABLE+256, 5, 4, 7) \
	HORNER(TABLE+224, 5, 7, 4) \
	HORNER(TABLE+192, 5, 4, 7) \
	MUL8(4, 7, 5)              \
	MUL8(4, 4, 3)

// GELUVALUE: x·Φ(x) = max(x, 0) − |x|·Q(|x|), in Y0.
#define GELUVALUE \
	TAIL          \
	NONNEG8(5, 0) \
	AND8(0, 0, 5) \
	FMS8(0, 4, 1)

// func geluSIMD(dst, x *float32, n int)
TEXT ·geluSIMD(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R5
	TAILCONSTS

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	GELUVALUE
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	GELUVALUE
	STOREREST(R0, R5, V0, V1)

done:
	RET

// GELUSLOPE: f' is h = Q(a) − a·φ(a) where x is negative, 1−h elsewhere, in Y0.
#define GELUSLOPE \
	TAIL           \
	MULC(3, 3, 19) \
	FMS8(4, 3, 1)  \
	MOVC(5, 26)    \
	SUB8(5, 5, 4)  \
	SIGN8(0, 0)    \
	BSL8(0, 4, 5)

// func geluBackwardSIMD(dst, dy, x *float32, n int)
TEXT ·geluBackwardSIMD(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD dy+8(FP), R2
	MOVD x+16(FP), R1
	MOVD n+24(FP), R5
	TAILCONSTS

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ.P 32(R1), (F0, F1)
	GELUSLOPE
	FLDPQ.P 32(R2), (F2, F3)
	MUL8(0, 0, 1)
	FSTPQ.P (F0, F1), 32(R0)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R1, R5, V0, V1)
	GELUSLOPE
	LOADREST(R2, R5, V2, V3)
	MUL8(0, 0, 1)
	STOREREST(R0, R5, V0, V1)

done:
	RET
