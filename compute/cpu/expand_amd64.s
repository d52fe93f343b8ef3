//go:build amd64 && !purego && !f64

#include "textflag.h"

// Stored weights as floats. Rows of n elements, a multiple of 8, go to dst without gaps; blocks of 64 share a scale, and
// the first element of a row lies first elements into its block.

// func expandBF16SIMD(dst []float32, src []byte, n, rows, stride int)
// Registers: DI dst, R11 src from row to row and SI in it, R9 rows, R10 stride in bytes, CX what is left of the row.
TEXT ·expandBF16SIMD(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), R11
	MOVQ rows+56(FP), R9
	MOVQ stride+64(FP), R10

row:
	MOVQ n+48(FP), CX
	MOVQ R11, SI

eight:
	VPMOVZXWD  (SI), Y0
	VPSLLD     $16, Y0, Y0
	VMOVUPS    Y0, (DI)
	PREFETCHT0 1024(SI)
	ADDQ       $16, SI
	ADDQ       $32, DI
	SUBQ       $8, CX
	JNE        eight
	ADDQ       R10, R11
	DECQ       R9
	JNE        row
	VZEROUPPER
	RET

// func expandInt8SIMD(dst []float32, q []byte, scale []float32, first, n, rows, stride int)
// Registers: DI dst, R11 and R12 q and scale from row to row, SI and DX in it, R9 rows, R10 and R13 stride of both, CX what
// is left of the row, AX what is left of the block.
TEXT ·expandInt8SIMD(SB), NOSPLIT, $0-104
	MOVQ dst_base+0(FP), DI
	MOVQ rows+88(FP), R9
	MOVQ stride+96(FP), R10
	MOVQ q_base+24(FP), R11
	MOVQ scale_base+48(FP), R12
	MOVQ R10, R13
	SHRQ $4, R13

row:
	MOVQ n+80(FP), CX
	MOVQ $64, AX
	SUBQ first+72(FP), AX
	MOVQ R11, SI
	MOVQ R12, DX

block:
	VBROADCASTSS (DX), Y1
	ADDQ         $4, DX

eight:
	VPMOVSXBD  (SI), Y0
	VCVTDQ2PS  Y0, Y0
	VMULPS     Y1, Y0, Y0
	VMOVUPS    Y0, (DI)
	ADDQ       $8, SI
	ADDQ       $32, DI
	SUBQ       $8, CX
	JEQ        next
	SUBQ       $8, AX
	JNE        eight
	MOVQ       $64, AX
	PREFETCHT0 1024(SI)
	JMP        block

next:
	ADDQ R10, R11
	ADDQ R13, R12
	DECQ R9
	JNE  row
	VZEROUPPER
	RET

// The 16 levels of 4 bits, and how far each of 8 elements is shifted in its 32 bits.
DATA levels<>+0(SB)/4, $-1.0
DATA levels<>+4(SB)/4, $-0.6961928009986877
DATA levels<>+8(SB)/4, $-0.5250730514526367
DATA levels<>+12(SB)/4, $-0.39491748809814453
DATA levels<>+16(SB)/4, $-0.28444138169288635
DATA levels<>+20(SB)/4, $-0.18477343022823334
DATA levels<>+24(SB)/4, $-0.09105003625154495
DATA levels<>+28(SB)/4, $0.0
DATA levels<>+32(SB)/4, $0.07958029955625534
DATA levels<>+36(SB)/4, $0.16093020141124725
DATA levels<>+40(SB)/4, $0.24611230194568634
DATA levels<>+44(SB)/4, $0.33791524171829224
DATA levels<>+48(SB)/4, $0.44070982933044434
DATA levels<>+52(SB)/4, $0.5626170039176941
DATA levels<>+56(SB)/4, $0.7229568362236023
DATA levels<>+60(SB)/4, $1.0
GLOBL levels<>(SB), RODATA|NOPTR, $64

DATA nibbles<>+0(SB)/8, $0x0000000400000000
DATA nibbles<>+8(SB)/8, $0x0000000c00000008
DATA nibbles<>+16(SB)/8, $0x0000001400000010
DATA nibbles<>+24(SB)/8, $0x0000001c00000018
GLOBL nibbles<>(SB), RODATA|NOPTR, $32

// func expandInt4SIMD(dst []float32, q []byte, scale []float32, first, n, rows, stride int)
// Registers as above; Y4 and Y5 the levels, of which bit 3 of an element chooses one and the others a lane, Y6 the shifts.
TEXT ·expandInt4SIMD(SB), NOSPLIT, $0-104
	MOVQ    dst_base+0(FP), DI
	MOVQ    rows+88(FP), R9
	MOVQ    stride+96(FP), R10
	MOVQ    q_base+24(FP), R11
	MOVQ    scale_base+48(FP), R12
	MOVQ    R10, R13
	SHRQ    $3, R13
	VMOVUPS levels<>+0(SB), Y4
	VMOVUPS levels<>+32(SB), Y5
	VMOVDQU nibbles<>(SB), Y6

row:
	MOVQ n+80(FP), CX
	MOVQ $64, AX
	SUBQ first+72(FP), AX
	MOVQ R11, SI
	MOVQ R12, DX

block:
	VBROADCASTSS (DX), Y1
	ADDQ         $4, DX

eight:
	VPBROADCASTD (SI), Y0
	VPSRLVD      Y6, Y0, Y0
	VPERMPS      Y4, Y0, Y2
	VPERMPS      Y5, Y0, Y3
	VPSLLD       $28, Y0, Y0
	VBLENDVPS    Y0, Y3, Y2, Y0
	VMULPS       Y1, Y0, Y0
	VMOVUPS      Y0, (DI)
	ADDQ         $4, SI
	ADDQ         $32, DI
	SUBQ         $8, CX
	JEQ          next
	SUBQ         $8, AX
	JNE          eight
	MOVQ         $64, AX
	PREFETCHT0   512(SI)
	JMP          block

next:
	ADDQ R10, R11
	ADDQ R13, R12
	DECQ R9
	JNE  row
	VZEROUPPER
	RET
