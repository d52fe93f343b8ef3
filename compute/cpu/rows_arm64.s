//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"

// BINARY is dst = OP(a, b).
#define BINARY(OP) \
	MOVD    dst+0(FP), R0        \
	MOVD    a+8(FP), R1          \
	MOVD    b+16(FP), R2         \
	MOVD    n+24(FP), R5         \
loop: \
	SUBS    $8, R5               \
	BLT     rest                 \
	FLDPQ.P 32(R1), (F0, F1)     \
	FLDPQ.P 32(R2), (F2, F3)     \
	OP(0, 0, 1)                  \
	FSTPQ.P (F0, F1), 32(R0)     \
	B       loop                 \
rest: \
	ADDS    $8, R5               \
	BEQ     done                 \
	LOADREST(R1, R5, V0, V1)     \
	LOADREST(R2, R5, V2, V3)     \
	OP(0, 0, 1)                  \
	STOREREST(R0, R5, V0, V1)    \
done: \
	RET

// func addSIMD(dst, a, b *float32, n int)
TEXT ·addSIMD(SB), NOSPLIT, $0-32
	BINARY(ADD8)

// func mulSIMD(dst, a, b *float32, n int)
TEXT ·mulSIMD(SB), NOSPLIT, $0-32
	BINARY(MUL8)

// ROTATE turns u and v in Y0 and Y1 by cos and sin in Y2 and Y3 to Y4 and Y5.
#define ROTATE \
	MULC(3, 3, 16) \
	MUL8(4, 1, 3)  \
	MUL8(5, 0, 3)  \
	NEG8(4, 4)     \
	FMA8(4, 0, 2)  \
	FMA8(5, 1, 2)

// func rotateSIMD(u, v, cos, sin *float32, n int, sign float32)
TEXT ·rotateSIMD(SB), NOSPLIT, $0-44
	MOVD u+0(FP), R0
	MOVD v+8(FP), R1
	MOVD cos+16(FP), R2
	MOVD sin+24(FP), R3
	MOVD n+32(FP), R5
	SPLAT(sign+40(FP), V16)

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ   (R0), (F0, F1)
	FLDPQ   (R1), (F2, F3)
	FLDPQ.P 32(R2), (F4, F5)
	FLDPQ.P 32(R3), (F6, F7)
	ROTATE
	FSTPQ.P (F8, F9), 32(R0)
	FSTPQ.P (F10, F11), 32(R1)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R0, R5, V0, V1)
	LOADREST(R1, R5, V2, V3)
	LOADREST(R2, R5, V4, V5)
	LOADREST(R3, R5, V6, V7)
	ROTATE
	STOREREST(R0, R5, V8, V9)
	STOREREST(R1, R5, V10, V11)

done:
	RET
