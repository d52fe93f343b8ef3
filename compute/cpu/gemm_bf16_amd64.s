//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "evex_amd64.h"

#define MULADD(b, a, c) VDPBF16PS(b, a, c)
#define TILES6 ·tiles6BF16
#define TILES4 ·tiles4BF16
#define TILES1 ·tiles1BF16
#define HALVES12 ·halves12BF16
#include "gemm_avx512_amd64.h"

// func packRows32(dst, src []float32, k, panels, stride, panel int)
// Registers: DI dst of row 0, SI src, CX rows left; in a row: R11 dst, R12 src, AX panels left.
TEXT ·packRows32(SB), NOSPLIT, $0-80
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ k+48(FP), CX
	MOVQ panels+56(FP), DX
	MOVQ stride+64(FP), R8
	MOVQ panel+72(FP), R9
	SHLQ $2, R8
	SHLQ $2, R9

row:
	MOVQ DI, R11
	MOVQ SI, R12
	MOVQ DX, AX

panel:
	VMOVUPS (R12), Z0
	VMOVUPS 64(R12), Z1
	VMOVUPS Z0, (R11)
	VMOVUPS Z1, 64(R11)
	SUBQ    $-128, R12
	ADDQ    R9, R11
	DECQ    AX
	JNE     panel

	SUBQ $-128, DI
	ADDQ R8, SI
	DECQ CX
	JNE  row
	VZEROUPPER
	RET

// func roundAlong(dst, src []float32)
// dst [i] is src [2i] and src [2i+1] in bfloat16, the first in its lower half, or 0 for what src lacks.
// Registers: DI dst, SI src, CX elements left; for the rest: AX and K1 its lower 16 elements, BX and K2 its upper ones, K3 words.
TEXT ·roundAlong(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), CX
	SUBQ $32, CX
	JLT  rest

step32:
	PREFETCHT0 1024(SI)
	PREFETCHT0 1088(SI)
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VMOVUPS Z2, (DI)
	SUBQ    $-128, SI
	ADDQ    $64, DI
	SUBQ    $32, CX
	JGE     step32

rest:
	ADDQ      $32, CX
	JEQ       done
	MOVL      $1, AX
	SHLL      CX, AX
	DECL      AX
	MOVL      AX, BX
	SHRL      $16, BX
	INCL      CX
	SHRL      $1, CX
	MOVL      $1, DX
	SHLL      CX, DX
	DECL      DX
	KMOVW     AX, K1
	KMOVW     BX, K2
	KMOVW     DX, K3
	VMOVUPS.Z (SI), K1, Z0
	VMOVUPS.Z 64(SI), K2, Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VMOVUPS   Z2, K3, (DI)

done:
	VZEROUPPER
	RET

// halfwords 0, 16, 1, 17 and so on
DATA ·zip<>+0(SB)/8, $0x0011000100100000
DATA ·zip<>+8(SB)/8, $0x0013000300120002
DATA ·zip<>+16(SB)/8, $0x0015000500140004
DATA ·zip<>+24(SB)/8, $0x0017000700160006
DATA ·zip<>+32(SB)/8, $0x0019000900180008
DATA ·zip<>+40(SB)/8, $0x001B000B001A000A
DATA ·zip<>+48(SB)/8, $0x001D000D001C000C
DATA ·zip<>+56(SB)/8, $0x001F000F001E000E
GLOBL ·zip<>(SB), RODATA|NOPTR, $64

// func roundDown(dst, even, odd []float32)
// dst [i] is even [i] and odd [i] in bfloat16, the first in its lower half. odd may be empty, which is 0.
// Registers: DI dst, SI even, BX odd, CX words left, K1 which of 16.
TEXT ·roundDown(SB), NOSPLIT, $0-72
	MOVQ    dst_base+0(FP), DI
	MOVQ    dst_len+8(FP), CX
	MOVQ    even_base+24(FP), SI
	MOVQ    odd_base+48(FP), BX
	MOVQ    odd_len+56(FP), DX
	VMOVUPS ·zip<>(SB), Z3
	VPXORD  Z1, Z1, Z1
	KXNORW  K1, K1, K1
	TESTQ   DX, DX
	JEQ     alone
	SUBQ    $16, CX
	JLT     rest

step16:
	VMOVUPS (SI), Z0
	VMOVUPS (BX), Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW  Z2, Z3, Z2
	VMOVUPS Z2, (DI)
	ADDQ    $64, SI
	ADDQ    $64, BX
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     step16

rest:
	ADDQ      $16, CX
	JEQ       done
	MOVL      $1, AX
	SHLL      CX, AX
	DECL      AX
	KMOVW     AX, K1
	VMOVUPS.Z (SI), K1, Z0
	VMOVUPS.Z (BX), K1, Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW    Z2, Z3, Z2
	VMOVUPS   Z2, K1, (DI)
	JMP       done

alone:
	CMPQ      CX, $16
	JGE       some
	MOVL      $1, AX
	SHLL      CX, AX
	DECL      AX
	KMOVW     AX, K1

some:
	VMOVUPS.Z (SI), K1, Z0
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW    Z2, Z3, Z2
	VMOVUPS   Z2, K1, (DI)
	ADDQ      $64, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JGT       alone

done:
	VZEROUPPER
	RET
