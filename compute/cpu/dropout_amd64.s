//go:build !purego && !f64

#include "textflag.h"
#include "vector_amd64.h"
#include "avx2_amd64.h"
#include "philox_amd64.h"

CONST(signBit, $0x80000000)

// PHILOX leaves in Y0 and Y1 ones where the next 16 elements are to be dropped, in their order. Y13 holds the
// counters' second words, Y12 the first, Y10 the third, Y8 the threshold with its sign flipped.
#define PHILOX \
	VMOVDQA Y12, Y0 \
	VMOVDQA Y13, Y1 \
	VMOVDQA Y10, Y2 \
	VPXOR Y3, Y3, Y3 \
	WORDS \
	VPXOR signBit<>(SB), Y0, Y0 \
	VPXOR signBit<>(SB), Y1, Y1 \
	VPCMPGTD Y0, Y8, Y0 \
	VPCMPGTD Y1, Y8, Y1

// func maskSIMD(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32)
//
// ctr is row, column/4 and head; keys are the 10 rounds' two keys, each in the lower halves of four lanes.
TEXT ·maskSIMD(SB), NOSPLIT, $0-48
	WIDE(·maskAVX512)
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ ctr+24(FP), BX
	VPBROADCASTD 0(BX), Y12
	VPBROADCASTD 4(BX), Y13
	VPBROADCASTD 8(BX), Y10
	VPADDD lanes<>(SB), Y13, Y13
	MOVQ keys+32(FP), AX
	VBROADCASTSS drop+40(FP), Y8
	VPXOR signBit<>(SB), Y8, Y8
	VBROADCASTSS keep+44(FP), Y9
	MULTIPLIERS
	MOVL $4, DX
	VMOVD DX, X7
	VPBROADCASTD X7, Y7

loop:
	SUBQ $16, CX
	JLT  rest
	PHILOX
	VMULPS (SI), Y9, Y2
	VMULPS 32(SI), Y9, Y3
	VANDNPS Y2, Y0, Y2
	VANDNPS Y3, Y1, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	VPADDD Y7, Y13, Y13
	ADDQ $64, SI
	ADDQ $64, DI
	JMP  loop

rest:
	ADDQ $16, CX
	JZ   done
	PHILOX
	CMPQ CX, $8
	JLT  last
	VMULPS (SI), Y9, Y2
	VANDNPS Y2, Y0, Y2
	VMOVUPS Y2, (DI)
	VMOVAPS Y1, Y0
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JZ   done

last:
	REST
	VMASKMOVPS (SI), Y11, Y2
	VMULPS Y2, Y9, Y2
	VANDNPS Y2, Y0, Y2
	VMASKMOVPS Y2, Y11, (DI)

done:
	VZEROUPPER
	RET
