//go:build !purego && !f64

#include "textflag.h"
#include "neon_arm64.h"

// TRANSPOSE makes rows of the columns of the 4×4 matrix in a to d, which are V registers like t to w.
#define TRANSPOSE(a, b, c, d, t, u, v, w) \
	VTRN1 b.S4, a.S4, t.S4 \
	VTRN2 b.S4, a.S4, u.S4 \
	VTRN1 d.S4, c.S4, v.S4 \
	VTRN2 d.S4, c.S4, w.S4 \
	VTRN1 v.D2, t.D2, a.D2 \
	VTRN1 w.D2, u.D2, b.D2 \
	VTRN2 v.D2, t.D2, c.D2 \
	VTRN2 w.D2, u.D2, d.D2

// func packColsNEON(dst, src []float32, k, stride, lanes int)
// Registers: R0 dst, R1 src, R2 columns left, R3 stride, R4 lanes, R5 from row to row.
TEXT ·packColsNEON(SB), NOSPLIT, $0-72
	MOVD dst_base+0(FP), R0
	MOVD src_base+24(FP), R1
	MOVD k+48(FP), R2
	MOVD stride+56(FP), R3
	MOVD lanes+64(FP), R4
	LSL  $2, R3
	LSL  $2, R4

block:
	MOVD  R1, R5
	VLD1.P (R5)(R3), [V0.S4]
	VLD1.P (R5)(R3), [V1.S4]
	VLD1.P (R5)(R3), [V2.S4]
	VLD1.P (R5)(R3), [V3.S4]
	VLD1.P (R5)(R3), [V4.S4]
	VLD1.P (R5)(R3), [V5.S4]
	VLD1.P (R5)(R3), [V6.S4]
	VLD1   (R5), [V7.S4]
	TRANSPOSE(V0, V1, V2, V3, V16, V17, V18, V19)
	TRANSPOSE(V4, V5, V6, V7, V20, V21, V22, V23)
	FSTPQ (F0, F4), (R0)
	ADD   R4, R0
	FSTPQ (F1, F5), (R0)
	ADD   R4, R0
	FSTPQ (F2, F6), (R0)
	ADD   R4, R0
	FSTPQ (F3, F7), (R0)
	ADD   R4, R0
	ADD   $16, R1
	SUBS  $4, R2
	BNE   block
	RET

// func packTall6NEON(dst, src []float32, k, tiles, stride int)
// Registers: R0 dst, R1 src, R2 k, R3 tiles left, R4 stride, R5 to R10 rows, R11 columns left.
TEXT ·packTall6NEON(SB), NOSPLIT, $0-72
	MOVD dst_base+0(FP), R0
	MOVD src_base+24(FP), R1
	MOVD k+48(FP), R2
	MOVD tiles+56(FP), R3
	MOVD stride+64(FP), R4
	LSL  $2, R4

tile:
	MOVD R1, R5
	ADD  R4, R5, R6
	ADD  R4, R6, R7
	ADD  R4, R7, R8
	ADD  R4, R8, R9
	ADD  R4, R9, R10
	ADD  R4, R10, R1
	SUBS $4, R2, R11
	BLT  rest

step4:
	FMOVQ.P 16(R5), F0
	FMOVQ.P 16(R6), F1
	FMOVQ.P 16(R7), F2
	FMOVQ.P 16(R8), F3
	FMOVQ.P 16(R9), F4
	FMOVQ.P 16(R10), F5
	TRANSPOSE(V0, V1, V2, V3, V16, V17, V18, V19)
	VZIP1  V5.S4, V4.S4, V6.S4
	VZIP2  V5.S4, V4.S4, V7.S4
	VST1.P [V0.S4], 16(R0)
	VST1.P V6.D[0], 8(R0)
	VST1.P [V1.S4], 16(R0)
	VST1.P V6.D[1], 8(R0)
	VST1.P [V2.S4], 16(R0)
	VST1.P V7.D[0], 8(R0)
	VST1.P [V3.S4], 16(R0)
	VST1.P V7.D[1], 8(R0)
	SUBS   $4, R11
	BGE    step4

rest:
	ADDS $4, R11
	BEQ  next

step1:
	FMOVS.P 4(R5), F0
	FMOVS.P 4(R6), F1
	FMOVS.P 4(R7), F2
	FMOVS.P 4(R8), F3
	FMOVS.P 4(R9), F4
	FMOVS.P 4(R10), F5
	FSTPS   (F0, F1), (R0)
	FSTPS   (F2, F3), 8(R0)
	FSTPS   (F4, F5), 16(R0)
	ADD     $24, R0
	SUBS    $1, R11
	BNE     step1

next:
	SUBS $1, R3
	BNE  tile
	RET

// func packTall4NEON(dst, src []float32, k, tiles, stride int)
// As packTall6NEON.
TEXT ·packTall4NEON(SB), NOSPLIT, $0-72
	MOVD dst_base+0(FP), R0
	MOVD src_base+24(FP), R1
	MOVD k+48(FP), R2
	MOVD tiles+56(FP), R3
	MOVD stride+64(FP), R4
	LSL  $2, R4

tile:
	MOVD R1, R5
	ADD  R4, R5, R6
	ADD  R4, R6, R7
	ADD  R4, R7, R8
	ADD  R4, R8, R1
	SUBS $4, R2, R11
	BLT  rest

step4:
	FMOVQ.P 16(R5), F0
	FMOVQ.P 16(R6), F1
	FMOVQ.P 16(R7), F2
	FMOVQ.P 16(R8), F3
	TRANSPOSE(V0, V1, V2, V3, V16, V17, V18, V19)
	VST1.P  [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS    $4, R11
	BGE     step4

rest:
	ADDS $4, R11
	BEQ  next

step1:
	FMOVS.P 4(R5), F0
	FMOVS.P 4(R6), F1
	FMOVS.P 4(R7), F2
	FMOVS.P 4(R8), F3
	FSTPS   (F0, F1), (R0)
	FSTPS   (F2, F3), 8(R0)
	ADD     $16, R0
	SUBS    $1, R11
	BNE     step1

next:
	SUBS $1, R3
	BNE  tile
	RET

// func storeRowNEON(dst, c, bias, add []float32, panels, panel int, scale float32)
TEXT ·storeRowNEON(SB), NOSPLIT, $0-116
	MOVD  dst_base+0(FP), R0
	MOVD  c_base+24(FP), R1
	MOVD  bias_base+48(FP), R2
	MOVD  add_base+72(FP), R3
	MOVD  panels+96(FP), R4
	MOVD  panel+104(FP), R5
	MOVWU scale+112(FP), R6
	VDUP  R6, V31.S4
	LSL   $2, R5

panel:
	VLD1 (R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMUL(0, 0, 31)
	FMUL(1, 1, 31)
	FMUL(2, 2, 31)
	FMUL(3, 3, 31)
	CBZ    R2, add
	VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]
	FADD(0, 0, 4)
	FADD(1, 1, 5)
	FADD(2, 2, 6)
	FADD(3, 3, 7)

add:
	CBZ    R3, store
	VLD1.P 64(R3), [V4.S4, V5.S4, V6.S4, V7.S4]
	FADD(0, 0, 4)
	FADD(1, 1, 5)
	FADD(2, 2, 6)
	FADD(3, 3, 7)

store:
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	ADD    R5, R1
	SUBS   $1, R4
	BNE    panel
	RET

#define MUL8(m) \
	FMUL(0, 0, m) \
	FMUL(1, 1, m) \
	FMUL(2, 2, m) \
	FMUL(3, 3, m) \
	FMUL(4, 4, m) \
	FMUL(5, 5, m) \
	FMUL(6, 6, m) \
	FMUL(7, 7, m)

#define BIAS8(m) \
	FADD(0, 0, m) \
	FADD(1, 1, m) \
	FADD(2, 2, m) \
	FADD(3, 3, m) \
	FADD(4, 4, m) \
	FADD(5, 5, m) \
	FADD(6, 6, m) \
	FADD(7, 7, m)

// ADDROW adds 4 elements of the next row of add.
#define ADDROW(d) \
	VLD1.P (R12)(R8), [V16.S4] \
	FADD(d, d, 16)

// func storeColsNEON(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)
// Registers: R0 dst, R1 c, R2 bias, R3 add, R4 rows left, R5 lanes, R6 stride, R8 addStride, R12 row by row.
TEXT ·storeColsNEON(SB), NOSPLIT, $0-132
	MOVD  dst_base+0(FP), R0
	MOVD  c_base+24(FP), R1
	MOVD  bias_base+48(FP), R2
	MOVD  add_base+72(FP), R3
	MOVD  rows+96(FP), R4
	MOVD  lanes+104(FP), R5
	MOVD  stride+112(FP), R6
	MOVD  addStride+120(FP), R8
	MOVWU scale+128(FP), R7
	VDUP  R7, V31.S4
	LSL   $2, R5
	LSL   $2, R6
	LSL   $2, R8

block:
	FLDPQ (R1), (F0, F4)
	ADD   R5, R1
	FLDPQ (R1), (F1, F5)
	ADD   R5, R1
	FLDPQ (R1), (F2, F6)
	ADD   R5, R1
	FLDPQ (R1), (F3, F7)
	ADD   R5, R1
	TRANSPOSE(V0, V1, V2, V3, V16, V17, V18, V19)
	TRANSPOSE(V4, V5, V6, V7, V20, V21, V22, V23)
	MUL8(31)
	CBZ     R2, add
	FMOVQ.P 16(R2), F16
	BIAS8(16)

add:
	CBZ  R3, store
	MOVD R3, R12
	ADD  $16, R3
	ADDROW(0)
	ADDROW(1)
	ADDROW(2)
	ADDROW(3)
	ADDROW(4)
	ADDROW(5)
	ADDROW(6)
	VLD1 (R12), [V16.S4]
	FADD(7, 7, 16)

store:
	MOVD   R0, R12
	ADD    $16, R0
	VST1.P [V0.S4], (R12)(R6)
	VST1.P [V1.S4], (R12)(R6)
	VST1.P [V2.S4], (R12)(R6)
	VST1.P [V3.S4], (R12)(R6)
	VST1.P [V4.S4], (R12)(R6)
	VST1.P [V5.S4], (R12)(R6)
	VST1.P [V6.S4], (R12)(R6)
	VST1   [V7.S4], (R12)
	SUBS   $4, R4
	BNE    block
	RET

// DOT adds the products of 16 elements of a row with x, in V0 to V3, to four sums from V(d) on.
#define DOT(p, d) \
	VLD1.P 64(p), [V4.S4, V5.S4, V6.S4, V7.S4] \
	FMLA(d, 4, 0)   \
	FMLA(d+1, 5, 1) \
	FMLA(d+2, 6, 2) \
	FMLA(d+3, 7, 3)

#define ZERO4(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16 \
	VEOR b.B16, b.B16, b.B16 \
	VEOR c.B16, c.B16, c.B16 \
	VEOR d.B16, d.B16, d.B16

// func dot4NEON(dst, w, x []float32, k, stride int)
// Four dot products of rows of w with x, each in the order of AVX2's. Registers: R4 to R7 rows of w, R1 x,
// R2 elements left.
TEXT ·dot4NEON(SB), NOSPLIT, $0-88
	MOVD dst_base+0(FP), R0
	MOVD w_base+24(FP), R4
	MOVD x_base+48(FP), R1
	MOVD k+72(FP), R2
	MOVD stride+80(FP), R3
	LSL  $2, R3
	ADD  R3, R4, R5
	ADD  R3, R5, R6
	ADD  R3, R6, R7
	ZERO4(V16, V17, V18, V19)
	ZERO4(V20, V21, V22, V23)
	ZERO4(V24, V25, V26, V27)
	ZERO4(V28, V29, V30, V31)
	SUBS $16, R2
	BLT  sum

step16:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	DOT(R4, 16)
	DOT(R5, 20)
	DOT(R6, 24)
	DOT(R7, 28)
	SUBS $16, R2
	BGE  step16

	// Element i of V16 becomes the sum of row i.
sum:
	FADD(16, 16, 18)
	FADD(17, 17, 19)
	FADD(20, 20, 22)
	FADD(21, 21, 23)
	FADD(24, 24, 26)
	FADD(25, 25, 27)
	FADD(28, 28, 30)
	FADD(29, 29, 31)
	FADDP(16, 16, 20)
	FADDP(17, 17, 21)
	FADDP(24, 24, 28)
	FADDP(25, 25, 29)
	FADDP(16, 16, 24)
	FADDP(17, 17, 25)
	FADD(16, 16, 17)
	ADDS $16, R2
	BEQ  done

step1:
	FMOVS.P 4(R1), F0
	VLD1.P  4(R4), V4.S[0]
	VLD1.P  4(R5), V4.S[1]
	VLD1.P  4(R6), V4.S[2]
	VLD1.P  4(R7), V4.S[3]
	FMLAX(16, 4, 0, 0)
	SUBS    $1, R2
	BNE     step1

done:
	VST1 [V16.S4], (R0)
	RET
