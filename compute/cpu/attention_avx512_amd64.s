//go:build !purego && !f64

#include "textflag.h"
#include "avx512_amd64.h"

// func combineSIMD(dst *float32, dim int, c *float32, cstride int, x *float32, stride, n int)
//
// 64 columns at a time, then 16, then 8 in half a register. A column's sum is one chain, so that calls for heads of 64 wait
// for its additions; the processor does the next call meanwhile.
FUNC(·combineSIMD, ·combineAVX512, $0-56)
	MOVQ dst+0(FP), DI
	MOVQ dim+8(FP), DX
	MOVQ cstride+24(FP), R8
	SHLQ $2, R8
	MOVQ x+32(FP), R11
	MOVQ stride+40(FP), R9
	SHLQ $2, R9

by64:
	CMPQ DX, $64
	JLT  by16
	MOVQ c+16(FP), SI
	MOVQ R11, BX
	MOVQ n+48(FP), CX
	VMOVUPS (DI), Z0
	VMOVUPS 64(DI), Z1
	VMOVUPS 128(DI), Z2
	VMOVUPS 192(DI), Z3

loop64:
	VBROADCASTSS (SI), Z8
	VFMADD231PS (BX), Z8, Z0
	VFMADD231PS 64(BX), Z8, Z1
	VFMADD231PS 128(BX), Z8, Z2
	VFMADD231PS 192(BX), Z8, Z3
	ADDQ R8, SI
	ADDQ R9, BX
	DECQ CX
	JNZ  loop64
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $256, DI
	ADDQ $256, R11
	SUBQ $64, DX
	JMP  by64

by16:
	MOVL $0xffff, AX
	CMPQ DX, $16
	JGE  some
	TESTQ DX, DX
	JZ   done
	MOVL $0xff, AX

some:
	KMOVW AX, K1
	MOVQ c+16(FP), SI
	MOVQ R11, BX
	MOVQ n+48(FP), CX
	VMOVUPS.Z (DI), K1, Z0

loop16:
	VBROADCASTSS (SI), Z8
	VFMADD231PS (BX), Z8, K1, Z0
	ADDQ R8, SI
	ADDQ R9, BX
	DECQ CX
	JNZ  loop16
	VMOVUPS Z0, K1, (DI)
	ADDQ $64, DI
	ADDQ $64, R11
	SUBQ $16, DX
	JGT  by16

done:
	VZEROUPPER
	RET
