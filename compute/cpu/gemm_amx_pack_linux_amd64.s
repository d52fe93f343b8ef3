//go:build !purego && !f64

#include "textflag.h"

DATA ·evens<>+0(SB)/8, $0x0000000200000000
DATA ·evens<>+8(SB)/8, $0x0000000600000004
DATA ·evens<>+16(SB)/8, $0x0000000A00000008
DATA ·evens<>+24(SB)/8, $0x0000000E0000000C
DATA ·evens<>+32(SB)/8, $0x0000001200000010
DATA ·evens<>+40(SB)/8, $0x0000001600000014
DATA ·evens<>+48(SB)/8, $0x0000001A00000018
DATA ·evens<>+56(SB)/8, $0x0000001E0000001C
GLOBL ·evens<>(SB), RODATA|NOPTR, $64

// SPLIT makes words of the pairs of floats in e and o: hi, mid and lo. It uses Z10 to Z15; Z30 is 0x8000 and Z31 0xFFFF0000 in
// each lane.
#define SPLIT(e, o, hi, mid, lo) \
	VPADDD e, Z30, Z10   \
	VPADDD o, Z30, Z11   \
	VPSRLD $16, Z10, hi  \
	VPANDD Z10, Z31, Z10 \
	VPANDD Z11, Z31, Z11 \
	VPORD  hi, Z11, hi   \
	VSUBPS Z10, e, e     \
	VSUBPS Z11, o, o     \
	VPADDD e, Z30, Z10   \
	VPADDD o, Z30, Z11   \
	VPSRLD $16, Z10, mid \
	VPANDD Z10, Z31, Z10 \
	VPANDD Z11, Z31, Z11 \
	VPORD  mid, Z11, mid \
	VSUBPS Z10, e, e     \
	VSUBPS Z11, o, o     \
	VPSRLD $16, e, lo    \
	VPANDD o, Z31, o     \
	VPORD  lo, o, lo

#define CONSTANTS \
	MOVL         $0x8000, AX     \
	VPBROADCASTD AX, Z30         \
	MOVL         $0xFFFF0000, AX \
	VPBROADCASTD AX, Z31

// func splitAlong(dst, src []float32, rows, cols, dstStride, srcStride int)
// Of each 32 elements of a row of src, 48 words of dst: 16 pairs' upper parts, their middle and their lower parts. What the last
// of them lacks is 0. Registers: DI dst, SI src, CX rows left, R8 and R9 their strides, DX cols; in a row: R11 dst, R12 src, R13 8
// rows ahead, AX elements left. K1 and K2 are the elements of the rest.
TEXT ·splitAlong(SB), NOSPLIT, $0-80
	CONSTANTS
	VMOVUPS ·evens<>(SB), Z28
	MOVL    $1, AX
	VPBROADCASTD AX, Z29
	VPADDD  Z28, Z29, Z29
	MOVQ    cols+56(FP), CX
	ANDL    $31, CX
	MOVL    $1, AX
	SHLL    CX, AX
	DECL    AX
	KMOVW   AX, K1
	SHRL    $16, AX
	KMOVW   AX, K2
	MOVQ    dst_base+0(FP), DI
	MOVQ    src_base+24(FP), SI
	MOVQ    rows+48(FP), CX
	MOVQ    cols+56(FP), DX
	MOVQ    dstStride+64(FP), R8
	MOVQ    srcStride+72(FP), R9
	SHLQ    $2, R8
	SHLQ    $2, R9

row:
	MOVQ DI, R11
	MOVQ SI, R12
	LEAQ (SI)(R9*8), R13
	MOVQ DX, AX
	SUBQ $32, AX
	JLT  rest

step32:
	PREFETCHT0 (R13)
	PREFETCHT0 64(R13)
	VMOVUPS (R12), Z0
	VMOVUPS 64(R12), Z1

words:
	VMOVAPS  Z0, Z2
	VPERMT2PS Z1, Z28, Z0 // evens
	VPERMT2PS Z1, Z29, Z2 // odds
	SPLIT(Z0, Z2, Z4, Z5, Z6)
	VMOVUPS Z4, (R11)
	VMOVUPS Z5, 64(R11)
	VMOVUPS Z6, 128(R11)
	SUBQ    $-128, R12
	SUBQ    $-128, R13
	ADDQ    $192, R11
	SUBQ    $32, AX
	JGE     step32

rest:
	CMPQ      AX, $-32
	JLE       next
	VMOVUPS.Z (R12), K1, Z0
	VMOVUPS.Z 64(R12), K2, Z1
	MOVQ      $0, AX
	JMP       words

next:
	ADDQ R8, DI
	ADDQ R9, SI
	DECQ CX
	JNE  row
	VZEROUPPER
	RET

// func splitDown(dst, src []float32, rows, cols, dstStride, srcStride int)
// Of up to 32 rows of src, 48 rows of words of dst: row i of the upper parts is rows 2i and 2i+1 of src, the middle ones are 16 rows on, the
// lower ones 32. Only the words that the rows of src make up are written. Registers: DI dst, SI src, CX rows of src left,
// R8 and R9 the strides, DX cols, R10 16 rows of src, BX 16 rows of dst; in a row: R11 dst, R12 and R13 a pair of src, AX words
// left. K1 is the rest of a row, K2 and K3 the lanes of the second of a pair: none if there is none.
TEXT ·splitDown(SB), NOSPLIT, $0-80
	CONSTANTS
	MOVQ   cols+56(FP), CX
	ANDL   $15, CX
	MOVL   $1, AX
	SHLL   CX, AX
	DECL   AX
	KMOVW  AX, K1
	MOVQ   dst_base+0(FP), DI
	MOVQ   src_base+24(FP), SI
	MOVQ   rows+48(FP), CX
	MOVQ   cols+56(FP), DX
	MOVQ   dstStride+64(FP), R8
	MOVQ   srcStride+72(FP), R9
	SHLQ   $2, R8
	SHLQ   $2, R9
	MOVQ   R9, R10
	SHLQ   $4, R10
	MOVQ   R8, BX
	SHLQ   $4, BX
	KXNORW K2, K2, K2
	KMOVW  K1, K3

row:
	MOVQ   DI, R11
	MOVQ   SI, R12
	LEAQ   (SI)(R9*1), R13
	MOVQ   DX, AX
	CMPQ   CX, $1
	JNE    pair
	KXORW  K2, K2, K2
	KXORW  K3, K3, K3

pair:
	SUBQ $16, AX
	JLT  rest

step16:
	PREFETCHT0 (R12)(R10*1) // rows are too far apart for the processor to guess
	PREFETCHT0 (R13)(R10*1)
	VMOVUPS   (R12), Z0
	VMOVUPS.Z (R13), K2, Z1
	SPLIT(Z0, Z1, Z4, Z5, Z6)
	VMOVUPS   Z4, (R11)
	VMOVUPS   Z5, (R11)(BX*1)
	VMOVUPS   Z6, (R11)(BX*2)
	ADDQ      $64, R12
	ADDQ      $64, R13
	ADDQ      $64, R11
	SUBQ      $16, AX
	JGE       step16

rest:
	ADDQ      $16, AX
	JEQ       next
	VMOVUPS.Z (R12), K1, Z0
	VMOVUPS.Z (R13), K3, Z1
	SPLIT(Z0, Z1, Z4, Z5, Z6)
	VMOVUPS   Z4, K1, (R11)
	VMOVUPS   Z5, K1, (R11)(BX*1)
	VMOVUPS   Z6, K1, (R11)(BX*2)

next:
	ADDQ R8, DI
	LEAQ (SI)(R9*2), SI
	SUBQ $2, CX
	JGT  row
	VZEROUPPER
	RET
