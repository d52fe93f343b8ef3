CONST(clampHi, $0x43480000) // 200: beyond, σ is 0 or 1
CONST(clampLo, $0xc3480000)

// SiLU and the tanh form of GELU are both x·σ(z) with z = x(c₁ + c₃x²), since ½(1+tanh u) = σ(2u).
// V10 is −c₁, V9 −c₃.

// SIGMOID: of x in V0 leaves x clamped in V1, x² in V2, e = exp(−z) in V3 and 1+e in V4. It uses V5, V6.
#define SIGMOID \
	VMOVUPS clampHi<>(SB), V1 \
	VMOVUPS clampLo<>(SB), V2 \
	VMINPS V0, V1, V1 \
	VMAXPS V1, V2, V1 \
	VMULPS V1, V1, V2 \
	VMOVAPS V10, V4 \
	VFMADD231PS V9, V2, V4 \
	VMULPS V1, V4, V4 \
	EXP(V4, V5, V6, V3) \
	VADDPS one<>(SB), V3, V4

// GATED is y = x/(1+e) in V0, with x clamped below, where 1/(1+e) is small but not 0.
#define GATED \
	VMOVUPS clampLo<>(SB), V2 \
	VMAXPS V0, V2, V0 \
	VDIVPS V4, V0, V0

// func gatedSIMD(dst, x *float32, n int, c1, c3 float32)
FUNC(·gatedSIMD, ·gatedAVX512, $0-32)
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS c1+24(FP), V10
	VBROADCASTSS c3+28(FP), V9
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	SIGMOID
	GATED
	VMOVUPS V0, (DI)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	SIGMOID
	GATED
	STOREREST(V0, DI)

done:
	VZEROUPPER
	RET

// GATEDSLOPE turns what SIGMOID left into f' = s(1 + x·(e·s)·z') in V0, with s = 1/(1+e). V10 is −c₁,
// V8 −3c₃, and so −z' comes out.
#define GATEDSLOPE \
	VMOVUPS one<>(SB), V5 \
	VDIVPS V4, V5, V4 \
	VMOVAPS V10, V6 \
	VFMADD231PS V8, V2, V6 \
	VMULPS V4, V3, V3 \
	VMULPS V1, V3, V3 \
	VFNMADD231PS V6, V3, V5 \
	VMULPS V4, V5, V0

// func gatedBackwardSIMD(dst, dy, x *float32, n int, c1, c3, c3x3 float32)
FUNC(·gatedBackwardSIMD, ·gatedBackwardAVX512, $0-44)
	MOVQ dst+0(FP), DI
	MOVQ dy+8(FP), DX
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	VBROADCASTSS c1+32(FP), V10
	VBROADCASTSS c3+36(FP), V9
	VBROADCASTSS c3x3+40(FP), V8
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	SIGMOID
	GATEDSLOPE
	VMULPS (DX), V0, V0
	VMOVUPS V0, (DI)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DX
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	SIGMOID
	GATEDSLOPE
	LOADREST(DX, V1)
	VMULPS V1, V0, V0
	STOREREST(V0, DI)

done:
	VZEROUPPER
	RET

// func gluSIMD(dst, gate, up *float32, n int, c1, c3 float32)
FUNC(·gluSIMD, ·gluAVX512, $0-40)
	MOVQ dst+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), DX
	MOVQ n+24(FP), CX
	VBROADCASTSS c1+32(FP), V10
	VBROADCASTSS c3+36(FP), V9
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	SIGMOID
	GATED
	VMULPS (DX), V0, V0
	VMOVUPS V0, (DI)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DX
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	SIGMOID
	GATED
	LOADREST(DX, V1)
	VMULPS V1, V0, V0
	STOREREST(V0, DI)

done:
	VZEROUPPER
	RET

// GLUPARTS: of gate in V0 leaves f' in V0 and f in V7.
#define GLUPARTS \
	SIGMOID \
	VMOVUPS clampLo<>(SB), V5 \
	VMAXPS V0, V5, V7 \
	VDIVPS V4, V7, V7 \
	GATEDSLOPE

// GLUGRADIENTS: of those, dy in V6 and up in V5 the gradients of gate in V0 and of up in V7.
#define GLUGRADIENTS \
	VMULPS V6, V7, V7 \
	VMULPS V5, V6, V5 \
	VMULPS V5, V0, V0

// func gluBackwardSIMD(dgate, dup, dy, gate, up *float32, n int, c1, c3, c3x3 float32)
FUNC(·gluBackwardSIMD, ·gluBackwardAVX512, $0-60)
	MOVQ dgate+0(FP), DI
	MOVQ dup+8(FP), R8
	MOVQ dy+16(FP), DX
	MOVQ gate+24(FP), SI
	MOVQ up+32(FP), BX
	MOVQ n+40(FP), CX
	VBROADCASTSS c1+48(FP), V10
	VBROADCASTSS c3+52(FP), V9
	VBROADCASTSS c3x3+56(FP), V8
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	GLUPARTS
	VMOVUPS (DX), V6
	VMOVUPS (BX), V5
	GLUGRADIENTS
	VMOVUPS V0, (DI)
	VMOVUPS V7, (R8)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DX
	ADDQ $(4*LANES), BX
	ADDQ $(4*LANES), DI
	ADDQ $(4*LANES), R8
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	GLUPARTS
	LOADREST(DX, V6)
	LOADREST(BX, V5)
	GLUGRADIENTS
	STOREREST(V0, DI)
	STOREREST(V7, R8)

done:
	VZEROUPPER
	RET

CONST(absMask, $0x7fffffff)
CONST(tailEnd, $0x41533333)  // 13.2: beyond, the tail is 0 in float32
CONST(four, $0x40800000)
CONST(minusHalf, $0xbf000000)
CONST(rsqrt2pi, $0x3ecc422a) // 1/√(2π)
CONST(r0c, $0x3dcc4a0b)      // minimax of ½·erfcx(a/√2)/t on 0 ≤ a ≤ 13.3 in t = 4/(a+4), off by 7e-9
CONST(r1c, $0x3dcba92f)
CONST(r2c, $0x3dc464b3)
CONST(r3c, $0x3d9009ed)
CONST(r4c, $0x3dbad54c)
CONST(r5c, $0x3b96e2e2)
CONST(r6c, $0x3d1aabe5)
CONST(r7c, $0x3d380bbe)
CONST(r8c, $0xbd75e83b)
CONST(r9c, $0x3c83cbe4)

// TAIL: of x in V0 leaves a = |x| (at most 13.2) in V1, E = exp(−½a²) in V3 and the upper tail of the
// normal distribution Q = 1−Φ(a) = E·t·R(t) in V4. It uses V2, V5, V6, V7. The rounding of a² is made good,
// since exp would magnify it.
#define TAIL \
	VANDPS absMask<>(SB), V0, V2 \
	VMOVUPS tailEnd<>(SB), V1 \
	VMINPS V2, V1, V1 \
	VMULPS V1, V1, V7 \
	VMOVAPS V7, V2 \
	VFMSUB231PS V1, V1, V2 \
	VMULPS minusHalf<>(SB), V7, V7 \
	EXP(V7, V5, V6, V3) \
	VMULPS minusHalf<>(SB), V2, V2 \
	VFMADD231PS V2, V3, V3 \
	VMOVUPS four<>(SB), V5 \
	VADDPS V5, V1, V6 \
	VDIVPS V6, V5, V5 \
	VMOVUPS r9c<>(SB), V4 \
	VFMADD213PS r8c<>(SB), V5, V4 \
	VFMADD213PS r7c<>(SB), V5, V4 \
	VFMADD213PS r6c<>(SB), V5, V4 \
	VFMADD213PS r5c<>(SB), V5, V4 \
	VFMADD213PS r4c<>(SB), V5, V4 \
	VFMADD213PS r3c<>(SB), V5, V4 \
	VFMADD213PS r2c<>(SB), V5, V4 \
	VFMADD213PS r1c<>(SB), V5, V4 \
	VFMADD213PS r0c<>(SB), V5, V4 \
	VMULPS V5, V4, V4 \
	VMULPS V3, V4, V4

// GELUVALUE: x·Φ(x) = max(x, 0) − |x|·Q(|x|), in V0. V10 is 0.
#define GELUVALUE \
	TAIL \
	VMAXPS V0, V10, V0 \
	VFNMADD231PS V1, V4, V0

// func geluSIMD(dst, x *float32, n int)
FUNC(·geluSIMD, ·geluAVX512, $0-24)
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VXORPS V10, V10, V10
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	GELUVALUE
	VMOVUPS V0, (DI)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	GELUVALUE
	STOREREST(V0, DI)

done:
	VZEROUPPER
	RET

// GELUSLOPE: f' is h = Q(a) − a·φ(a) where x is negative, 1−h elsewhere, in V0. V10 is 1/√(2π).
#define GELUSLOPE \
	TAIL \
	VMULPS V10, V3, V3 \
	VFNMADD231PS V1, V3, V4 \
	VMOVUPS one<>(SB), V5 \
	VSUBPS V4, V5, V5 \
	SIGNED(V0, V4, V5, V0)

// func geluBackwardSIMD(dst, dy, x *float32, n int)
FUNC(·geluBackwardSIMD, ·geluBackwardAVX512, $0-32)
	MOVQ dst+0(FP), DI
	MOVQ dy+8(FP), DX
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	VMOVUPS rsqrt2pi<>(SB), V10
	EXPCONSTS

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	GELUSLOPE
	VMULPS (DX), V0, V0
	VMOVUPS V0, (DI)
	ADDQ $(4*LANES), SI
	ADDQ $(4*LANES), DX
	ADDQ $(4*LANES), DI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	GELUSLOPE
	LOADREST(DX, V1)
	VMULPS V1, V0, V0
	STOREREST(V0, DI)

done:
	VZEROUPPER
	RET
