//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "evex_amd64.h"

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

// func roundAlong(dst, src []float32, rows, cols, dstStride, srcStride int)
// Of each row, dst [i] is src [2i] and src [2i+1] in bfloat16, the first in its lower half. What comes after the last of cols
// elements is 0. Registers: DI dst, SI src, CX rows left, R8 and R9 their strides, DX cols; in a row: R11 dst, R12 src,
// R13 8 rows ahead, AX elements left. K1 and K2 are the elements of the rest, K3 its words.
TEXT ·roundAlong(SB), NOSPLIT, $0-80
	MOVQ  cols+56(FP), CX
	ANDL  $31, CX
	MOVL  $1, AX
	SHLL  CX, AX
	DECL  AX
	KMOVW AX, K1
	SHRL  $16, AX
	KMOVW AX, K2
	INCL  CX
	SHRL  $1, CX
	MOVL  $1, AX
	SHLL  CX, AX
	DECL  AX
	KMOVW AX, K3
	MOVQ  dst_base+0(FP), DI
	MOVQ  src_base+24(FP), SI
	MOVQ  rows+48(FP), CX
	MOVQ  cols+56(FP), DX
	MOVQ  dstStride+64(FP), R8
	MOVQ  srcStride+72(FP), R9
	SHLQ  $2, R8
	SHLQ  $2, R9

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
	VCVTNE2PS2BF16(0, 1, 2)
	VMOVUPS Z2, (R11)
	SUBQ    $-128, R12
	SUBQ    $-128, R13
	ADDQ    $64, R11
	SUBQ    $32, AX
	JGE     step32

rest:
	ADDQ      $32, AX
	JEQ       next
	VMOVUPS.Z (R12), K1, Z0
	VMOVUPS.Z 64(R12), K2, Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VMOVUPS   Z2, K3, (R11)

next:
	ADDQ R8, DI
	ADDQ R9, SI
	DECQ CX
	JNE  row
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

// func roundDown(dst, src []float32, rows, cols, dstStride, srcStride int)
// dst [i, j] is src [2i, j] and src [2i+1, j] in bfloat16, the first in its lower half, or 0 for a row that is beyond the last.
// Registers: DI dst, SI src, CX rows of src left, R8 and R9 the strides, DX cols, R10 16 rows of src; in a row: R11 dst, R12 and
// R13 a pair of src, AX words left. K1 is the rest of a row.
TEXT ·roundDown(SB), NOSPLIT, $0-80
	MOVQ    cols+56(FP), CX
	ANDL    $15, CX
	MOVL    $1, AX
	SHLL    CX, AX
	DECL    AX
	KMOVW   AX, K1
	MOVQ    dst_base+0(FP), DI
	MOVQ    src_base+24(FP), SI
	MOVQ    rows+48(FP), CX
	MOVQ    cols+56(FP), DX
	MOVQ    dstStride+64(FP), R8
	MOVQ    srcStride+72(FP), R9
	SHLQ    $2, R8
	SHLQ    $2, R9
	MOVQ    R9, R10
	SHLQ    $4, R10
	VMOVUPS ·zip<>(SB), Z3

row:
	MOVQ DI, R11
	MOVQ SI, R12
	LEAQ (SI)(R9*1), R13
	MOVQ DX, AX
	CMPQ CX, $1
	JEQ  alone
	SUBQ $16, AX
	JLT  rest

step16:
	PREFETCHT0 (R12)(R10*1) // rows are too far apart for the processor to guess
	PREFETCHT0 (R13)(R10*1)
	VMOVUPS (R12), Z0
	VMOVUPS (R13), Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW  Z2, Z3, Z2
	VMOVUPS Z2, (R11)
	ADDQ    $64, R12
	ADDQ    $64, R13
	ADDQ    $64, R11
	SUBQ    $16, AX
	JGE     step16

rest:
	ADDQ      $16, AX
	JEQ       next
	VMOVUPS.Z (R12), K1, Z0
	VMOVUPS.Z (R13), K1, Z1
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW    Z2, Z3, Z2
	VMOVUPS   Z2, K1, (R11)

next:
	ADDQ R8, DI
	LEAQ (SI)(R9*2), SI
	SUBQ $2, CX
	JGT  row
	VZEROUPPER
	RET

	// The last row has none beside it.
alone:
	VPXORD Z1, Z1, Z1
	SUBQ   $16, AX
	JLT    rest1

step1:
	VMOVUPS (R12), Z0
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW  Z2, Z3, Z2
	VMOVUPS Z2, (R11)
	ADDQ    $64, R12
	ADDQ    $64, R11
	SUBQ    $16, AX
	JGE     step1

rest1:
	ADDQ      $16, AX
	JEQ       next
	VMOVUPS.Z (R12), K1, Z0
	VCVTNE2PS2BF16(0, 1, 2)
	VPERMW    Z2, Z3, Z2
	VMOVUPS   Z2, K1, (R11)
	JMP       next

// func zipRows(dst []float32, src []byte, rows, cols, dstStride, srcStride int)
// The word dst [i, j] is the elements j of rows 2i and 2i+1 of src, the first in its lower half, and 0 for a row beyond the
// last. Registers: DI dst, SI src, CX rows of src left, R8 bytes of a row of dst, R9 those of src, DX cols; in a row: R11 dst, R12
// and R13 a pair of src, AX words left. K1 is the rest of a row, K2 and K3 the lanes of the second of a pair: none if there is none.
TEXT ·zipRows(SB), NOSPLIT, $0-80
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
	PREFETCHT0  (R12)(R9*8) // rows are too far apart for the processor to guess
	PREFETCHT0  (R13)(R9*8)
	VPMOVZXWD   (R12), Z0
	VPMOVZXWD.Z (R13), K2, Z1
	VPSLLD      $16, Z1, Z1
	VPORD       Z1, Z0, Z0
	VMOVDQU32   Z0, (R11)
	ADDQ        $32, R12
	ADDQ        $32, R13
	ADDQ        $64, R11
	SUBQ        $16, AX
	JGE         step16

rest:
	ADDQ        $16, AX
	JEQ         next
	VPMOVZXWD.Z (R12), K1, Z0
	VPMOVZXWD.Z (R13), K3, Z1
	VPSLLD      $16, Z1, Z1
	VPORD       Z1, Z0, Z0
	VMOVDQU32   Z0, K1, (R11)

next:
	ADDQ R8, DI
	LEAQ (SI)(R9*2), SI
	SUBQ $2, CX
	JGT  row
	VZEROUPPER
	RET
