//go:build !purego && !f64

#include "textflag.h"
#include "vector_amd64.h"

// BINARY is dst = OP(a, b).
#define BINARY(OP) \
	MOVQ dst+0(FP), DI \
	MOVQ a+8(FP), SI \
	MOVQ b+16(FP), DX \
	MOVQ n+24(FP), CX \
loop: \
	SUBQ $8, CX \
	JLT  rest \
	VMOVUPS (SI), Y0 \
	OP (DX), Y0, Y0 \
	VMOVUPS Y0, (DI) \
	ADDQ $32, SI \
	ADDQ $32, DX \
	ADDQ $32, DI \
	JMP  loop \
rest: \
	ADDQ $8, CX \
	JZ   done \
	REST(Y2) \
	VMASKMOVPS (SI), Y2, Y0 \
	VMASKMOVPS (DX), Y2, Y1 \
	OP Y1, Y0, Y0 \
	VMASKMOVPS Y0, Y2, (DI) \
done: \
	VZEROUPPER \
	RET

// func addSIMD(dst, a, b *float32, n int)
TEXT ·addSIMD(SB), NOSPLIT, $0-32
	BINARY(VADDPS)

// func mulSIMD(dst, a, b *float32, n int)
TEXT ·mulSIMD(SB), NOSPLIT, $0-32
	BINARY(VMULPS)

// func rotateSIMD(u, v, cos, sin *float32, n int, sign float32)
TEXT ·rotateSIMD(SB), NOSPLIT, $0-44
	MOVQ u+0(FP), DI
	MOVQ v+8(FP), SI
	MOVQ cos+16(FP), DX
	MOVQ sin+24(FP), BX
	MOVQ n+32(FP), CX
	VBROADCASTSS sign+40(FP), Y10

loop:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (DI), Y0
	VMOVUPS (SI), Y1
	VMOVUPS (DX), Y2
	VMULPS (BX), Y10, Y3
	VMULPS Y3, Y1, Y4
	VMULPS Y3, Y0, Y5
	VFMSUB231PS Y2, Y0, Y4
	VFMADD231PS Y2, Y1, Y5
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, (SI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, BX
	JMP  loop

rest:
	ADDQ $8, CX
	JZ   done
	REST(Y11)
	VMASKMOVPS (DI), Y11, Y0
	VMASKMOVPS (SI), Y11, Y1
	VMASKMOVPS (DX), Y11, Y2
	VMASKMOVPS (BX), Y11, Y3
	VMULPS Y3, Y10, Y3
	VMULPS Y3, Y1, Y4
	VMULPS Y3, Y0, Y5
	VFMSUB231PS Y2, Y0, Y4
	VFMADD231PS Y2, Y1, Y5
	VMASKMOVPS Y4, Y11, (DI)
	VMASKMOVPS Y5, Y11, (SI)

done:
	VZEROUPPER
	RET
