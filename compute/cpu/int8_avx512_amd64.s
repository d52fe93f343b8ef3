//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "int8_amd64.h"

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
// The same bits.
TEXT ·int8Dot4AVX512(SB), NOSPLIT, $0-112
	DOT4

narrow:
	FOUR512(PREFETCHT0)
	JNE narrow
	JMP sum

wide:
	FOUR512(PREFETCHT1)
	JNE wide

sum:
	SUM4
