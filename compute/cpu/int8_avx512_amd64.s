//go:build amd64 && !purego && !f64

#include "textflag.h"

// BLOCK512 is BLOCK with both of its sums in one register.
#define BLOCK512(at, scale, total) \
	VPMOVSXBD     at, Z12         \
	VCVTDQ2PS     Z12, Z12        \
	VMULPS        Z0, Z12, Z12    \
	VPMOVSXBD     16 at, Z14      \
	VCVTDQ2PS     Z14, Z14        \
	VFMADD231PS   Z1, Z14, Z12    \
	VPMOVSXBD     32 at, Z15      \
	VCVTDQ2PS     Z15, Z15        \
	VFMADD231PS   Z2, Z15, Z12    \
	VPMOVSXBD     48 at, Z14      \
	VCVTDQ2PS     Z14, Z14        \
	VFMADD231PS   Z3, Z14, Z12    \
	VBROADCASTSS  scale, Y14      \
	VEXTRACTF64X4 $1, Z12, Y13    \
	VADDPS        Y13, Y12, Y12   \
	VFMADD231PS   Y14, Y12, total

#define FOUR512(FETCH) \
	VMOVUPS (BX), Z0                       \
	VMOVUPS 64(BX), Z1                     \
	VMOVUPS 128(BX), Z2                    \
	VMOVUPS 192(BX), Z3                    \
	FETCH   (AX)                           \
	BLOCK512((SI), (DX), Y8)               \
	FETCH   64(AX)                         \
	BLOCK512((SI)(R8*1), (DX)(R11*1), Y9)  \
	FETCH   128(AX)                        \
	BLOCK512((SI)(R8*2), (DX)(R11*2), Y10) \
	FETCH   192(AX)                        \
	BLOCK512((R9), (R12), Y11)             \
	ADDQ    $256, BX                       \
	ADDQ    $256, AX                       \
	ADDQ    $64, SI                        \
	ADDQ    $64, R9                        \
	ADDQ    $4, DX                         \
	ADDQ    $4, R12                        \
	DECQ    CX

// func int8Dot4AVX512(dst []float32, q []byte, scale, x []float32, blocks, stride int)
// Registers as in int8Dot4SIMD, and the same bits.
TEXT ·int8Dot4AVX512(SB), NOSPLIT, $0-112
	MOVQ   dst_base+0(FP), DI
	MOVQ   q_base+24(FP), SI
	MOVQ   scale_base+48(FP), DX
	MOVQ   x_base+72(FP), BX
	MOVQ   blocks+96(FP), CX
	MOVQ   stride+104(FP), R8
	LEAQ   (SI)(R8*2), R9
	ADDQ   R8, R9
	LEAQ   (SI)(R8*4), AX
	MOVQ   R8, R11
	SHRQ   $4, R11
	LEAQ   (DX)(R11*2), R12
	ADDQ   R11, R12
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	CMPQ   CX, $24
	JGT    wide

narrow:
	FOUR512(PREFETCHT0)
	JNE narrow
	JMP sum

wide:
	FOUR512(PREFETCHT1)
	JNE wide

sum:
	VHADDPS      Y9, Y8, Y8
	VHADDPS      Y11, Y10, Y10
	VHADDPS      Y10, Y8, Y8
	VEXTRACTF128 $1, Y8, X9
	VADDPS       X9, X8, X8
	VMOVUPS      X8, (DI)
	VZEROUPPER
	RET
