//go:build !purego && !f64

#include "textflag.h"
#include "avx512_amd64.h"

// As dropout_amd64.s, for 32 elements at a time: eight counters in each register.

#define ROUND(k, c0, c1, c2, c3, p0, p1) \
	VPMULUDQ Z15, c0, p0 \
	VPMULUDQ Z14, c2, p1 \
	VPSHUFD $0xf5, p1, c0 \
	VPTERNLOGQ.BCST $0x96, k(AX), c1, c0 \
	VPSHUFD $0xf5, p0, c2 \
	VPTERNLOGQ.BCST $0x96, k+32(AX), c3, c2

#define TWO(k) \
	ROUND(k, Z0, Z1, Z2, Z3, Z4, Z5) \
	ROUND(k+64, Z0, Z5, Z2, Z4, Z3, Z1)

DATA lanes8<>+0(SB)/8, $0
DATA lanes8<>+8(SB)/8, $1
DATA lanes8<>+16(SB)/8, $2
DATA lanes8<>+24(SB)/8, $3
DATA lanes8<>+32(SB)/8, $4
DATA lanes8<>+40(SB)/8, $5
DATA lanes8<>+48(SB)/8, $6
DATA lanes8<>+56(SB)/8, $7
GLOBL lanes8<>(SB), RODATA|NOPTR, $64

// Halves of two registers in turn: the first four of each, the last four.
DATA turns<>+0(SB)/8, $0
DATA turns<>+8(SB)/8, $8
DATA turns<>+16(SB)/8, $1
DATA turns<>+24(SB)/8, $9
DATA turns<>+32(SB)/8, $2
DATA turns<>+40(SB)/8, $10
DATA turns<>+48(SB)/8, $3
DATA turns<>+56(SB)/8, $11
DATA turns<>+64(SB)/8, $4
DATA turns<>+72(SB)/8, $12
DATA turns<>+80(SB)/8, $5
DATA turns<>+88(SB)/8, $13
DATA turns<>+96(SB)/8, $6
DATA turns<>+104(SB)/8, $14
DATA turns<>+112(SB)/8, $7
DATA turns<>+120(SB)/8, $15
GLOBL turns<>(SB), RODATA|NOPTR, $128

// PHILOX leaves in K2 and K3 which of the next 32 elements are to be kept. Z13 holds the counters' second words, Z12
// the first, Z10 the third, Z8 the threshold.
#define PHILOX \
	VMOVDQA64 Z12, Z0 \
	VMOVDQA64 Z13, Z1 \
	VMOVDQA64 Z10, Z2 \
	VPXORQ Z3, Z3, Z3 \
	TWO(0) \
	TWO(128) \
	TWO(256) \
	TWO(384) \
	TWO(512) \
	VPSLLQ $32, Z1, Z1 \
	VMOVDQA32 Z1, K4, Z0 \
	VPSLLQ $32, Z3, Z3 \
	VMOVDQA32 Z3, K4, Z2 \
	VMOVDQA64 Z0, Z1 \
	VPERMT2Q Z2, Z6, Z0 \
	VPERMT2Q Z2, Z11, Z1 \
	VPCMPUD $5, Z8, Z0, K2 \
	VPCMPUD $5, Z8, Z1, K3

// func maskSIMD(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32)
FUNC(·maskSIMD, ·maskAVX512, $0-48)
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ ctr+24(FP), BX
	VPBROADCASTD 0(BX), Z12
	VPBROADCASTD 4(BX), Z13
	VPBROADCASTD 8(BX), Z10
	VPADDD lanes8<>(SB), Z13, Z13
	MOVQ keys+32(FP), AX
	VPBROADCASTD drop+40(FP), Z8
	VBROADCASTSS keep+44(FP), Z9
	MOVL $0xD2511F53, DX
	VPBROADCASTD DX, Z15
	MOVL $0xCD9E8D57, DX
	VPBROADCASTD DX, Z14
	MOVL $8, DX
	VPBROADCASTD DX, Z7
	MOVL $0xaaaa, DX
	KMOVW DX, K4
	VMOVDQU64 turns<>(SB), Z6
	VMOVDQU64 turns<>+64(SB), Z11

loop:
	SUBQ $32, CX
	JLT  rest
	PHILOX
	VMULPS.Z (SI), Z9, K2, Z2
	VMULPS.Z 64(SI), Z9, K3, Z3
	VMOVUPS Z2, (DI)
	VMOVUPS Z3, 64(DI)
	VPADDD Z7, Z13, Z13
	ADDQ $128, SI
	ADDQ $128, DI
	JMP  loop

rest:
	ADDQ $32, CX
	JZ   done
	PHILOX
	MOVL $1, DX
	SHLL CX, DX
	DECL DX
	KMOVD DX, K5
	KSHIFTRD $16, K5, K6
	VMOVUPS.Z (SI), K5, Z2
	VMOVUPS.Z 64(SI), K6, Z3
	VMULPS.Z Z2, Z9, K2, Z2
	VMULPS.Z Z3, Z9, K3, Z3
	VMOVUPS Z2, K5, (DI)
	VMOVUPS Z3, K6, 64(DI)

done:
	VZEROUPPER
	RET
