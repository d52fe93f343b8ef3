//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "avx2_amd64.h"
#include "int8_amd64.h"

// EIGHT turns 8 integers into floats in w.
#define EIGHT(disp, at, w) \
	VPMOVSXBD disp at, w \
	VCVTDQ2PS w, w

// BLOCK adds the product of 64 elements of a row of W, at at, with those of x, in Y0 to Y7, to total.
#define BLOCK(at, scale, total) \
	EIGHT(0, at, Y12)             \
	EIGHT(8, at, Y13)             \
	VMULPS       Y0, Y12, Y12     \
	VMULPS       Y1, Y13, Y13     \
	EIGHT(16, at, Y14)            \
	EIGHT(24, at, Y15)            \
	VFMADD231PS  Y2, Y14, Y12     \
	VFMADD231PS  Y3, Y15, Y13     \
	EIGHT(32, at, Y14)            \
	EIGHT(40, at, Y15)            \
	VFMADD231PS  Y4, Y14, Y12     \
	VFMADD231PS  Y5, Y15, Y13     \
	EIGHT(48, at, Y14)            \
	EIGHT(56, at, Y15)            \
	VFMADD231PS  Y6, Y14, Y12     \
	VFMADD231PS  Y7, Y15, Y13     \
	VBROADCASTSS scale, Y14       \
	VADDPS       Y13, Y12, Y12    \
	VFMADD231PS  Y14, Y12, total

// FOUR goes 64 elements further in 4 rows. What is fetched, the next four rows, comes from memory in its order there.
#define FOUR(FETCH) \
	VMOVUPS (BX), Y0                    \
	VMOVUPS 32(BX), Y1                  \
	VMOVUPS 64(BX), Y2                  \
	VMOVUPS 96(BX), Y3                  \
	VMOVUPS 128(BX), Y4                 \
	VMOVUPS 160(BX), Y5                 \
	VMOVUPS 192(BX), Y6                 \
	VMOVUPS 224(BX), Y7                 \
	FETCH   (AX)                        \
	BLOCK((SI), (DX), Y8)               \
	FETCH   64(AX)                      \
	BLOCK((SI)(R8*1), (DX)(R11*1), Y9)  \
	FETCH   128(AX)                     \
	BLOCK((SI)(R8*2), (DX)(R11*2), Y10) \
	FETCH   192(AX)                     \
	BLOCK((R9), (R12), Y11)             \
	ADDQ    $256, BX                    \
	ADDQ    $256, AX                    \
	ADDQ    $64, SI                     \
	ADDQ    $64, R9                     \
	ADDQ    $4, DX                      \
	ADDQ    $4, R12                     \
	DECQ    CX

// func int8Dot4SIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int)
// Four dot products of rows of integers with x, 64 elements of each at a time. Registers: see DOT4.
TEXT ·int8Dot4SIMD(SB), NOSPLIT, $0-112
	WIDE(·int8Dot4AVX512)
	DOT4

narrow:
	FOUR(PREFETCHT0)
	JNE narrow
	JMP sum

	// Four such rows and x don't fit into the first cache twice.
wide:
	FOUR(PREFETCHT1)
	JNE wide

sum:
	SUM4

// PAIR adds the products of 8 elements of two rows of W with 4 rows of x, disp bytes of W from where they are. The
// scales of the rows are in Y14 and Y15.
#define PAIR(disp, xdisp) \
	EIGHT(disp, (SI), Y8)               \
	EIGHT(disp, (SI)(R8*1), Y9)         \
	VMULPS      Y14, Y8, Y8             \
	VMULPS      Y15, Y9, Y9             \
	VMOVUPS     xdisp(BX), Y10          \
	VMOVUPS     xdisp(BX)(R10*1), Y11   \
	VMOVUPS     xdisp(BX)(R10*2), Y12   \
	VMOVUPS     xdisp(R12), Y13         \
	VFMADD231PS Y8, Y10, Y0             \
	VFMADD231PS Y9, Y10, Y4             \
	VFMADD231PS Y8, Y11, Y1             \
	VFMADD231PS Y9, Y11, Y5             \
	VFMADD231PS Y8, Y12, Y2             \
	VFMADD231PS Y9, Y12, Y6             \
	VFMADD231PS Y8, Y13, Y3             \
	VFMADD231PS Y9, Y13, Y7

// SUMS writes the sums of the lanes of 4 registers, which are lost.
#define SUMS(a, b, c, d, xa, xb, at) \
	VHADDPS      b, a, a      \
	VHADDPS      d, c, c      \
	VHADDPS      c, a, a      \
	VEXTRACTF128 $1, a, xb    \
	VADDPS       xb, xa, xa   \
	VMOVUPS      xa, at

// func int8PairSIMD(dst []float32, q []byte, scale, x []float32, blocks, stride int)
// Two rows of integers times four rows of x, which lie blocks·64 elements apart. Registers: SI row 0, R8 stride, AX
// what is fetched, the next two rows; DX, R11 likewise for the scales; BX row 0 of x, R12 row 3, R10 stride; CX blocks.
TEXT ·int8PairSIMD(SB), NOSPLIT, $0-112
	MOVQ   dst_base+0(FP), DI
	MOVQ   q_base+24(FP), SI
	MOVQ   scale_base+48(FP), DX
	MOVQ   x_base+72(FP), BX
	MOVQ   blocks+96(FP), CX
	MOVQ   stride+104(FP), R8
	LEAQ   (SI)(R8*2), AX
	MOVQ   R8, R11
	SHRQ   $4, R11
	MOVQ   CX, R10
	SHLQ   $8, R10
	LEAQ   (BX)(R10*2), R12
	ADDQ   R10, R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

block:
	VBROADCASTSS (DX), Y14
	VBROADCASTSS (DX)(R11*1), Y15
	PREFETCHT0   (AX)
	PREFETCHT0   64(AX)
	PAIR(0, 0)
	PAIR(8, 32)
	PAIR(16, 64)
	PAIR(24, 96)
	PAIR(32, 128)
	PAIR(40, 160)
	PAIR(48, 192)
	PAIR(56, 224)
	ADDQ         $64, SI
	ADDQ         $128, AX
	ADDQ         $256, BX
	ADDQ         $256, R12
	ADDQ         $4, DX
	DECQ         CX
	JNE          block
	SUMS(Y0, Y1, Y2, Y3, X0, X1, (DI))
	SUMS(Y4, Y5, Y6, Y7, X4, X5, 16(DI))
	VZEROUPPER
	RET
