//go:build !purego && !f64

#include "textflag.h"
#include "vector_amd64.h"
#include "philox_amd64.h"

CONST(magnitude, $0x7fffffff)
CONST(exponent, $0x7f800000)
CONST(upper, $0xffff0000)
CONST(quiet, $0x00400000)

// func loadStateSIMD(dst *float32, codes *byte, n int, top float32, m *compute.DynamicMap)
TEXT ·loadStateSIMD(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS top+24(FP), Y15
	MOVQ m+32(FP), BX

loop:
	VPMOVZXBD (SI), Y0
	VPCMPEQD Y2, Y2, Y2
	VGATHERDPS Y2, (BX)(Y0*4), Y1
	VMULPS Y15, Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ $8, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNE  loop
	VZEROUPPER
	RET

// func topSIMD(x *float32, n int) uint32
TEXT ·topSIMD(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VMOVDQU magnitude<>(SB), Y15
	VPXOR Y0, Y0, Y0

loop:
	VPAND (SI), Y15, Y1
	VPMAXUD Y1, Y0, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JNE  loop
	VEXTRACTI128 $1, Y0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPMAXUD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+16(FP)
	VZEROUPPER
	RET

// What compute.DynamicMap's lookup needs: its DynamicLeast, DynamicMost, DynamicKeys, and 255 for the lowest byte of four.
CONST(least, $13312)
CONST(most, $16256)
CONST(keys, $2945)
CONST(lowest, $255)

// func storeStateSIMD(codes *byte, x *float32, n int, inverse float32, m *compute.DynamicMap)
// Registers: DI codes, SI x, CX what is left, R8 and R9 the map's Between and First.
TEXT ·storeStateSIMD(SB), NOSPLIT, $0-40
	MOVQ codes+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS inverse+24(FP), Y15
	MOVQ m+32(FP), R8
	ADDQ $1024, R8
	LEAQ 1024(R8), R9
	VMOVDQU magnitude<>(SB), Y14
	VMOVDQU least<>(SB), Y13
	VMOVDQU most<>(SB), Y12
	VMOVDQU keys<>(SB), Y11
	VMOVDQU lowest<>(SB), Y10

loop:
	VMULPS (SI), Y15, Y0
	VPAND Y14, Y0, Y1
	VPSRLD $16, Y1, Y1
	VPMAXSD Y13, Y1, Y1
	VPMINSD Y12, Y1, Y1
	VPSUBD Y13, Y1, Y1
	VPSRAD $31, Y0, Y2
	VPAND Y11, Y2, Y2
	VPADDD Y2, Y1, Y1
	VPCMPEQD Y2, Y2, Y2
	VPGATHERDD Y2, (R9)(Y1*1), Y3
	VPAND Y10, Y3, Y3
	VPCMPEQD Y2, Y2, Y2
	VGATHERDPS Y2, (R8)(Y3*4), Y4
	VCMPPS $0x1e, Y4, Y0, Y4 // x > between
	VPSUBD Y4, Y3, Y3
	VEXTRACTI128 $1, Y3, X4
	VPACKUSDW X4, X3, X3
	VPACKUSWB X3, X3, X3
	VMOVQ X3, (DI)
	ADDQ $32, SI
	ADDQ $8, DI
	SUBQ $8, CX
	JNE  loop
	VZEROUPPER
	RET

// ROUND8 adds the 8 words of x to the elements at, and cuts them off; NaN and infinities stay.
#define ROUND8(x, at) \
	VPMOVZXWD x, Y2 \
	VMOVDQU at, Y3 \
	VPADDD Y3, Y2, Y2 \
	VPAND Y8, Y2, Y2 \
	VPAND Y9, Y3, Y4 \
	VPCMPEQD Y9, Y4, Y4 \
	VPBLENDVB Y4, Y3, Y2, Y2 \
	VMOVDQU Y2, at

// func roundSIMD(x *float32, n int, ctr *[4]uint32, keys *[80]uint64)
// Registers: Y13, Y12, Y11, Y10 the words of the counters, of which one yields random numbers for 8 elements.
TEXT ·roundSIMD(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ ctr+16(FP), BX
	MOVQ keys+24(FP), AX
	VPBROADCASTD 0(BX), Y13
	VPBROADCASTD 4(BX), Y12
	VPBROADCASTD 8(BX), Y11
	VPBROADCASTD 12(BX), Y10
	VPADDD lanes<>(SB), Y13, Y13
	VMOVDQU exponent<>(SB), Y9
	VMOVDQU upper<>(SB), Y8
	MULTIPLIERS
	MOVL $4, DX
	VMOVD DX, X7
	VPBROADCASTD X7, Y7

loop:
	VMOVDQA Y13, Y0
	VMOVDQA Y12, Y1
	VMOVDQA Y11, Y2
	VMOVDQA Y10, Y3
	WORDS
	ROUND8(X0, 0(DI))
	VEXTRACTI128 $1, Y0, X0
	ROUND8(X0, 32(DI))
	ROUND8(X1, 64(DI))
	VEXTRACTI128 $1, Y1, X1
	ROUND8(X1, 96(DI))
	VPADDD Y7, Y13, Y13
	ADDQ $128, DI
	SUBQ $32, CX
	JNE  loop
	VZEROUPPER
	RET

// NARROW shifts the upper half of each element down. NaN becomes quiet, lest it should become infinite.
#define NARROW(y, t) \
	VCMPPS $3, y, y, t \
	VPAND Y15, t, t \
	VPOR t, y, y \
	VPSRLD $16, y, y

// func narrowSIMD(dst *byte, x *float32, n int)
TEXT ·narrowSIMD(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VMOVDQU quiet<>(SB), Y15

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	NARROW(Y0, Y2)
	NARROW(Y1, Y3)
	VPACKUSDW Y1, Y0, Y0
	VPERMQ $0xd8, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $64, SI
	ADDQ $32, DI
	SUBQ $16, CX
	JNE  loop
	VZEROUPPER
	RET
