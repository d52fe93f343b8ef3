// func expSumSIMD(dst, x *float32, n int, shift float32) float32
FUNC(·expSumSIMD, ·expSumAVX512, $0-36)
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS shift+24(FP), V10
	VXORPS V9, V9, V9
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	VSUBPS V10, V0, V0
	EXP(V0, V1, V2, V3)
	VMOVUPS V3, (DI)
	ADDTO(Y9, V3, Y3, Y4)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	VSUBPS V10, V0, V0
	EXP(V0, V1, V2, V3)
	STOREREST(V3, DI)
	ONLYREST(V3)
	ADDTO(Y9, V3, Y3, Y4)

done:
	SUM8(Y9, X9, X0)
	VMOVSS X9, ret+32(FP)
	VZEROUPPER
	RET

// func affineSIMD(x *float32, n int, a, b float32)
FUNC(·affineSIMD, ·affineAVX512, $0-24)
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS a+16(FP), V8
	VBROADCASTSS b+20(FP), V9

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMULPS (SI), V8, V0
	VADDPS V9, V0, V0
	VMOVUPS V0, (SI)
	ADDQ $(4*LANES), SI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	VMULPS V8, V0, V0
	VADDPS V9, V0, V0
	STOREREST(V0, SI)

done:
	VZEROUPPER
	RET

// func softmaxBackwardSIMD(dp, p *float32, n int, delta, scale float32)
FUNC(·softmaxBackwardSIMD, ·softmaxBackwardAVX512, $0-32)
	MOVQ dp+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS delta+24(FP), V8
	VBROADCASTSS scale+28(FP), V9

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (DI), V0
	VSUBPS V8, V0, V0
	VMULPS (SI), V0, V0
	VMULPS V9, V0, V0
	VMOVUPS V0, (DI)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(DI, V0)
	LOADREST(SI, V1)
	VSUBPS V8, V0, V0
	VMULPS V1, V0, V0
	VMULPS V9, V0, V0
	STOREREST(V0, DI)

done:
	VZEROUPPER
	RET
