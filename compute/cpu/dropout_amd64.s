//go:build !purego && !f64

#include "textflag.h"
#include "vector_amd64.h"
#include "avx2_amd64.h"

// The four counters of 16 elements stand in the 64-bit lanes of four registers, one for each of their
// words; the upper halves of the lanes are of no account, as multiplication reads only the lower ones.
//
// ROUND turns the words c0 to c3 with the round's keys from AX; p0 and p1 are free registers. After it
// c0 is in c0, c1 in p1, c2 in c2 and c3 in p0.
#define ROUND(k, c0, c1, c2, c3, p0, p1) \
	VPMULUDQ Y15, c0, p0 \
	VPMULUDQ Y14, c2, p1 \
	VPSRLQ $32, p1, c0 \
	VPXOR c1, c0, c0 \
	VPXOR k(AX), c0, c0 \
	VPSRLQ $32, p0, c2 \
	VPXOR c3, c2, c2 \
	VPXOR k+32(AX), c2, c2

// TWO rounds end where the first began.
#define TWO(k) \
	ROUND(k, Y0, Y1, Y2, Y3, Y4, Y5) \
	ROUND(k+64, Y0, Y5, Y2, Y4, Y3, Y1)

DATA lanes<>+0(SB)/8, $0
DATA lanes<>+8(SB)/8, $1
DATA lanes<>+16(SB)/8, $2
DATA lanes<>+24(SB)/8, $3
GLOBL lanes<>(SB), RODATA|NOPTR, $32
CONST(signBit, $0x80000000)

// PHILOX leaves in Y0 and Y1 ones where the next 16 elements are to be dropped, in their order. Y13 holds the
// counters' second words, Y12 the first, Y10 the third, Y8 the threshold with its sign flipped.
#define PHILOX \
	VMOVDQA Y12, Y0 \
	VMOVDQA Y13, Y1 \
	VMOVDQA Y10, Y2 \
	VPXOR Y3, Y3, Y3 \
	TWO(0) \
	TWO(128) \
	TWO(256) \
	TWO(384) \
	TWO(512) \
	VPSLLQ $32, Y1, Y1 \
	VPBLENDD $0xaa, Y1, Y0, Y0 \
	VPSLLQ $32, Y3, Y3 \
	VPBLENDD $0xaa, Y3, Y2, Y2 \
	VPUNPCKLQDQ Y2, Y0, Y4 \
	VPUNPCKHQDQ Y2, Y0, Y5 \
	VPERM2I128 $0x20, Y5, Y4, Y0 \
	VPERM2I128 $0x31, Y5, Y4, Y1 \
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
	MOVL $0xD2511F53, DX
	VMOVD DX, X15
	VPBROADCASTD X15, Y15
	MOVL $0xCD9E8D57, DX
	VMOVD DX, X14
	VPBROADCASTD X14, Y14
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
