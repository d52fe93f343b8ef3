//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"

// ADAMW: of w, g, m, v in Y0 to Y3 leaves the new w in Y5, m in Y2 and v in Y3. The order of operations is that
// of torch.
#define ADAMW \
	MULC(1, 1, 24) \
	SUB8(4, 1, 2)  \
	FMAC(2, 4, 25) \
	MUL8(4, 1, 1)  \
	MULC(4, 4, 27) \
	FMAC(4, 3, 26) \
	MOV8(3, 4)     \
	SQRT8(4, 4)    \
	MOVC(6, 29)    \
	FMAC(6, 4, 28) \
	MULC(5, 2, 30) \
	DIV8(5, 5, 6)  \
	NEG8(5, 5)     \
	FMAC(5, 0, 31)

// func adamwSIMD(w, grad, m, v *float32, n int, c *[8]float32)
//
// c, in V24 to V31, is the gradient's scale, 1−β₁, β₂, 1−β₂, 1/√(1−β₂ᵗ), ε, the step size and the decay.
TEXT ·adamwSIMD(SB), NOSPLIT, $0-48
	MOVD    w+0(FP), R0
	MOVD    grad+8(FP), R1
	MOVD    m+16(FP), R2
	MOVD    v+24(FP), R3
	MOVD    n+32(FP), R5
	MOVD    c+40(FP), R4
	VLD1R.P 4(R4), [V24.S4]
	VLD1R.P 4(R4), [V25.S4]
	VLD1R.P 4(R4), [V26.S4]
	VLD1R.P 4(R4), [V27.S4]
	VLD1R.P 4(R4), [V28.S4]
	VLD1R.P 4(R4), [V29.S4]
	VLD1R.P 4(R4), [V30.S4]
	VLD1R   (R4), [V31.S4]

loop:
	SUBS    $8, R5
	BLT     rest
	FLDPQ   (R0), (F0, F1)
	FLDPQ.P 32(R1), (F2, F3)
	FLDPQ   (R2), (F4, F5)
	FLDPQ   (R3), (F6, F7)
	ADAMW
	FSTPQ.P (F10, F11), 32(R0)
	FSTPQ.P (F4, F5), 32(R2)
	FSTPQ.P (F6, F7), 32(R3)
	B       loop

rest:
	ADDS $8, R5
	BEQ  done
	LOADREST(R0, R5, V0, V1)
	LOADREST(R1, R5, V2, V3)
	LOADREST(R2, R5, V4, V5)
	LOADREST(R3, R5, V6, V7)
	ADAMW
	STOREREST(R0, R5, V10, V11)
	STOREREST(R2, R5, V4, V5)
	STOREREST(R3, R5, V6, V7)

done:
	RET

// On two doubles.
#define DADD(d, n, m) VOP3(0x4e60d400, d, n, m)
#define DADDP(d, n) VOP2(0x7e70d800, d, n)
#define DMLA(d, n, m) VOP3(0x4e60cc00, d, n, m)

// SQUARES adds the squares of the floats in V(n), in double precision, to V(d) and V(d+1).
#define SQUARES(n, d) \
	VOP2(0x0e617800, 20, n) \
	VOP2(0x4e617800, 21, n) \
	DMLA(d, 20, 20)         \
	DMLA(d+1, 21, 21)

// func sumSquaresSIMD(x *float32, n int) float64
TEXT ·sumSquaresSIMD(SB), NOSPLIT, $0-24
	MOVD x+0(FP), R0
	MOVD n+8(FP), R5
	ZERO(V0)
	ZERO(V1)
	ZERO(V2)
	ZERO(V3)
	ZERO(V4)
	ZERO(V5)
	ZERO(V6)
	ZERO(V7)

loop:
	SUBS    $16, R5
	BLT     few
	VLD1.P  64(R0), [V16.S4, V17.S4, V18.S4, V19.S4]
	SQUARES(16, 0)
	SQUARES(17, 2)
	SQUARES(18, 4)
	SQUARES(19, 6)
	B       loop

few:
	ADD     $16, R5
	CMP     $8, R5
	BLT     rest
	FLDPQ.P 32(R0), (F16, F17)
	SQUARES(16, 0)
	SQUARES(17, 2)
	SUB     $8, R5

rest:
	LOADREST(R0, R5, V16, V17)
	SQUARES(16, 4)
	SQUARES(17, 6)
	DADD(0, 0, 2)
	DADD(1, 1, 3)
	DADD(4, 4, 6)
	DADD(5, 5, 7)
	DADD(0, 0, 4)
	DADD(1, 1, 5)
	DADD(0, 0, 1)
	DADDP(0, 0)
	FMOVD F0, ret+16(FP)
	RET
