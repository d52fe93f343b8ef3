//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"

// Stored weights as floats, as in expand_amd64.s.

// func expandBF16SIMD(dst []float32, src []byte, n, rows, stride int)
// SHLL shifts 16 bits into the upper half of 32. Registers: R0 dst, R1 src from row to row and R3 in it, R5 rows, R6
// stride in bytes, R8 what is left of the row.
TEXT ·expandBF16SIMD(SB), NOSPLIT, $0-72
	MOVD dst_base+0(FP), R0
	MOVD src_base+24(FP), R1
	MOVD rows+56(FP), R5
	MOVD stride+64(FP), R6

row:
	MOVD n+48(FP), R8
	MOVD R1, R3

eight:
	FMOVQ.P 16(R3), F2
	VOP2(0x2e613800, 0, 2)
	VOP2(0x6e613800, 1, 2)
	FSTPQ.P (F0, F1), 32(R0)
	SUBS    $8, R8
	BNE     eight
	ADD     R6, R1
	SUBS    $1, R5
	BNE     row
	RET

// func expandInt8SIMD(dst []float32, q []byte, scale []float32, first, n, rows, stride int)
// Rows of n elements, a multiple of 8, of which the first lies first elements into a block. Registers: R0 dst, R1 q
// and R2 scale from row to row, R3 and R4 in a row, R5 rows, R6 stride, R7 that of the scales, R8 what is left of the
// row, R9 what is left of the block.
TEXT ·expandInt8SIMD(SB), NOSPLIT, $0-104
	MOVD dst_base+0(FP), R0
	MOVD q_base+24(FP), R1
	MOVD scale_base+48(FP), R2
	MOVD rows+88(FP), R5
	MOVD stride+96(FP), R6
	LSR  $4, R6, R7

row:
	MOVD n+80(FP), R8
	MOVD first+72(FP), R9
	MOVD $64, R10
	SUB  R9, R10, R9
	MOVD R1, R3
	MOVD R2, R4

block:
	VLD1R.P 4(R4), [V28.S4]

eight:
	FMOVD.P 8(R3), F0
	VOP2(0x0f08a400, 0, 0) // to 16 bits
	VOP2(0x4f10a400, 1, 0) // to 32
	VOP2(0x0f10a400, 0, 0)
	VOP2(0x4e21d800, 0, 0) // to floats
	VOP2(0x4e21d800, 1, 1)
	MULC(0, 0, 28)
	FSTPQ.P (F0, F1), 32(R0)
	SUBS    $8, R8
	BEQ     next
	SUBS    $8, R9
	BNE     eight
	MOVD    $64, R9
	B       block

next:
	ADD  R6, R1
	ADD  R7, R2
	SUBS $1, R5
	BNE  row
	RET
