// BINARY is dst = OP(a, b).
#define BINARY(OP) \
	MOVQ dst+0(FP), DI \
	MOVQ a+8(FP), SI \
	MOVQ b+16(FP), DX \
	MOVQ n+24(FP), CX \
loop: \
	SUBQ $LANES, CX \
	JLT  rest \
	VMOVUPS (SI), V0 \
	OP (DX), V0, V0 \
	VMOVUPS V0, (DI) \
	ADDQ $(4*LANES), SI \
	ADDQ $(4*LANES), DX \
	ADDQ $(4*LANES), DI \
	JMP  loop \
rest: \
	ADDQ $LANES, CX \
	JZ   done \
	REST \
	LOADREST(SI, V0) \
	LOADREST(DX, V1) \
	OP V1, V0, V0 \
	STOREREST(V0, DI) \
done: \
	VZEROUPPER \
	RET

// func addSIMD(dst, a, b *float32, n int)
FUNC(·addSIMD, ·addAVX512, $0-32)
	BINARY(VADDPS)

// func mulSIMD(dst, a, b *float32, n int)
FUNC(·mulSIMD, ·mulAVX512, $0-32)
	BINARY(VMULPS)

// func rotateSIMD(u, v, cos, sin *float32, n int, sign float32)
FUNC(·rotateSIMD, ·rotateAVX512, $0-44)
	MOVQ u+0(FP), DI
	MOVQ v+8(FP), SI
	MOVQ cos+16(FP), DX
	MOVQ sin+24(FP), BX
	MOVQ n+32(FP), CX
	VBROADCASTSS sign+40(FP), V10

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (DI), V0
	VMOVUPS (SI), V1
	VMOVUPS (DX), V2
	VMULPS (BX), V10, V3
	VMULPS V3, V1, V4
	VMULPS V3, V0, V5
	VFMSUB231PS V2, V0, V4
	VFMADD231PS V2, V1, V5
	VMOVUPS V4, (DI)
	VMOVUPS V5, (SI)
	ADDQ $(4*LANES), DI
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DX
	ADDQ $(4*LANES), BX
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(DI, V0)
	LOADREST(SI, V1)
	LOADREST(DX, V2)
	LOADREST(BX, V3)
	VMULPS V3, V10, V3
	VMULPS V3, V1, V4
	VMULPS V3, V0, V5
	VFMSUB231PS V2, V0, V4
	VFMADD231PS V2, V1, V5
	STOREREST(V4, DI)
	STOREREST(V5, SI)

done:
	VZEROUPPER
	RET
