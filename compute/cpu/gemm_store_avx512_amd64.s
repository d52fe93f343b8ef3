//go:build amd64 && !purego && !f64

#include "textflag.h"

// PART gathers 4 rows, 4 apart, of 4 columns of c.
#define PART(row0, row4, row8, row12, z, x) \
	VMOVUPS row0, x                     \
	VINSERTF32X4 $1, row4, z, z         \
	VINSERTF32X4 $2, row8, z, z         \
	VINSERTF32X4 $3, row12, z, z

// COLS4 writes 4 columns of c, d bytes from the first, to 4 rows of dst. DI goes to the next 4, R14 too.
#define COLS4(d) \
	PART(d(SI), d(R11), d(R12), d(R13), Z0, X0)                                     \
	PART(d(SI)(AX*1), d(R11)(AX*1), d(R12)(AX*1), d(R13)(AX*1), Z1, X1)             \
	PART(d(SI)(AX*2), d(R11)(AX*2), d(R12)(AX*2), d(R13)(AX*2), Z2, X2)             \
	PART(d(SI)(DX*1), d(R11)(DX*1), d(R12)(DX*1), d(R13)(DX*1), Z3, X3)             \
	VUNPCKLPS Z1, Z0, Z4        \
	VUNPCKHPS Z1, Z0, Z5        \
	VUNPCKLPS Z3, Z2, Z6        \
	VUNPCKHPS Z3, Z2, Z7        \
	VUNPCKLPD Z6, Z4, Z0        \
	VUNPCKHPD Z6, Z4, Z1        \
	VUNPCKLPD Z7, Z5, Z2        \
	VUNPCKHPD Z7, Z5, Z3        \
	VMULPS Z15, Z0, Z0          \
	VMULPS Z15, Z1, Z1          \
	VMULPS Z15, Z2, Z2          \
	VMULPS Z15, Z3, Z3          \
	TESTQ BX, BX                \
	JEQ  5(PC)                  \
	VADDPS Z14, Z0, Z0          \
	VADDPS Z14, Z1, Z1          \
	VADDPS Z14, Z2, Z2          \
	VADDPS Z14, Z3, Z3          \
	CMPQ add_base+72(FP), $0    \
	JEQ  9(PC)                  \
	VADDPS (R14), Z0, Z0        \
	ADDQ R9, R14                \
	VADDPS (R14), Z1, Z1        \
	ADDQ R9, R14                \
	VADDPS (R14), Z2, Z2        \
	ADDQ R9, R14                \
	VADDPS (R14), Z3, Z3        \
	ADDQ R9, R14                \
	VMOVUPS Z0, (DI)            \
	VMOVUPS Z1, (DI)(R8*1)      \
	VMOVUPS Z2, (DI)(R8*2)      \
	VMOVUPS Z3, (DI)(R10*1)     \
	LEAQ (DI)(R8*4), DI

// func storeCols16AVX512(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)
// Registers: SI, R11, R12, R13 rows 0, 4, 8, 12 of c, AX lanes, DX 3·lanes, DI dst, R8 stride, R10 3·stride, BX bias, R14 add,
// R9 addStride, CX blocks of 16 rows left.
TEXT ·storeCols16AVX512(SB), NOSPLIT, $0-132
	MOVQ dst_base+0(FP), DI
	MOVQ c_base+24(FP), SI
	MOVQ bias_base+48(FP), BX
	MOVQ add_base+72(FP), R14
	MOVQ rows+96(FP), CX
	MOVQ lanes+104(FP), AX
	MOVQ stride+112(FP), R8
	MOVQ addStride+120(FP), R9
	VBROADCASTSS scale+128(FP), Z15
	SHRQ $4, CX
	SHLQ $2, AX
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (AX)(AX*2), DX
	LEAQ (R8)(R8*2), R10

block:
	LEAQ (SI)(AX*4), R11
	LEAQ (R11)(AX*4), R12
	LEAQ (R12)(AX*4), R13
	TESTQ BX, BX
	JEQ  3(PC)
	VMOVUPS (BX), Z14
	ADDQ $64, BX
	COLS4(0)
	COLS4(16)
	COLS4(32)
	COLS4(48)
	LEAQ (R13)(AX*4), SI

	// To the next 16 elements of the first row.
	MOVQ R8, R11
	SHLQ $4, R11
	SUBQ R11, DI
	ADDQ $64, DI
	MOVQ R9, R11
	SHLQ $4, R11
	SUBQ R11, R14
	ADDQ $64, R14 // means nothing without add
	DECQ CX
	JNE  block
	VZEROUPPER
	RET
