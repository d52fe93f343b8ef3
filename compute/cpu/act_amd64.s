//go:build !purego && !f64

#include "textflag.h"
#include "vector_amd64.h"

CONST8(clampHi, $0x43480000) // 200: beyond, σ is 0 or 1
CONST8(clampLo, $0xc3480000)

// SiLU and the tanh form of GELU are both x·σ(z) with z = x(c₁ + c₃x²), since ½(1+tanh u) = σ(2u).
// Y10 is −c₁, Y9 −c₃.

// SIGMOID: of x in Y0 leaves x clamped in Y1, x² in Y2, e = exp(−z) in Y3 and 1+e in Y4. It uses Y5, Y6.
#define SIGMOID \
	VMOVUPS clampHi<>(SB), Y1 \
	VMOVUPS clampLo<>(SB), Y2 \
	VMINPS Y0, Y1, Y1 \
	VMAXPS Y1, Y2, Y1 \
	VMULPS Y1, Y1, Y2 \
	VMOVAPS Y10, Y4 \
	VFMADD231PS Y9, Y2, Y4 \
	VMULPS Y1, Y4, Y4 \
	EXP(Y4, Y5, Y6, Y3) \
	VADDPS one<>(SB), Y3, Y4

// GATED is y = x/(1+e) in Y0, with x clamped below, where 1/(1+e) is small but not 0.
#define GATED \
	VMOVUPS clampLo<>(SB), Y2 \
	VMAXPS Y0, Y2, Y0 \
	VDIVPS Y4, Y0, Y0

// func gatedSIMD(dst, x *float32, n int, c1, c3 float32)
TEXT ·gatedSIMD(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS c1+24(FP), Y10
	VBROADCASTSS c3+28(FP), Y9
	EXPCONSTS

loop:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	SIGMOID
	GATED
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	JMP  loop

rest:
	ADDQ $8, CX
	JZ   done
	REST(Y11)
	VMASKMOVPS (SI), Y11, Y0
	SIGMOID
	GATED
	VMASKMOVPS Y0, Y11, (DI)

done:
	VZEROUPPER
	RET

// GATEDSLOPE turns what SIGMOID left into f' = s(1 + x·(e·s)·z') in Y0, with s = 1/(1+e). Y10 is −c₁,
// Y8 −3c₃, and so −z' comes out.
#define GATEDSLOPE \
	VMOVUPS one<>(SB), Y5 \
	VDIVPS Y4, Y5, Y4 \
	VMOVAPS Y10, Y6 \
	VFMADD231PS Y8, Y2, Y6 \
	VMULPS Y4, Y3, Y3 \
	VMULPS Y1, Y3, Y3 \
	VFNMADD231PS Y6, Y3, Y5 \
	VMULPS Y4, Y5, Y0

// func gatedBackwardSIMD(dst, dy, x *float32, n int, c1, c3, c3x3 float32)
TEXT ·gatedBackwardSIMD(SB), NOSPLIT, $0-44
	MOVQ dst+0(FP), DI
	MOVQ dy+8(FP), DX
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	VBROADCASTSS c1+32(FP), Y10
	VBROADCASTSS c3+36(FP), Y9
	VBROADCASTSS c3x3+40(FP), Y8
	EXPCONSTS

loop:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	SIGMOID
	GATEDSLOPE
	VMULPS (DX), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	JMP  loop

rest:
	ADDQ $8, CX
	JZ   done
	REST(Y11)
	VMASKMOVPS (SI), Y11, Y0
	SIGMOID
	GATEDSLOPE
	VMASKMOVPS (DX), Y11, Y1
	VMULPS Y1, Y0, Y0
	VMASKMOVPS Y0, Y11, (DI)

done:
	VZEROUPPER
	RET

CONST8(absMask, $0x7fffffff)
CONST8(tailEnd, $0x41533333)  // 13.2: beyond, the tail is 0 in float32
CONST8(four, $0x40800000)
CONST8(minusHalf, $0xbf000000)
CONST8(rsqrt2pi, $0x3ecc422a) // 1/√(2π)
CONST8(r0c, $0x3dcc4a0b)      // minimax of ½·erfcx(a/√2)/t on 0 ≤ a ≤ 13.3 in t = 4/(a+4), off by 7e-9
CONST8(r1c, $0x3dcba92f)
CONST8(r2c, $0x3dc464b3)
CONST8(r3c, $0x3d9009ed)
CONST8(r4c, $0x3dbad54c)
CONST8(r5c, $0x3b96e2e2)
CONST8(r6c, $0x3d1aabe5)
CONST8(r7c, $0x3d380bbe)
CONST8(r8c, $0xbd75e83b)
CONST8(r9c, $0x3c83cbe4)

// TAIL: of x in Y0 leaves a = |x| (at most 13.2) in Y1, E = exp(−½a²) in Y3 and the upper tail of the
// normal distribution Q = 1−Φ(a) = E·t·R(t) in Y4. It uses Y2, Y5, Y6, Y7. The rounding of a² is made good,
// since exp would magnify it.
#define TAIL \
	VANDPS absMask<>(SB), Y0, Y2 \
	VMOVUPS tailEnd<>(SB), Y1 \
	VMINPS Y2, Y1, Y1 \
	VMULPS Y1, Y1, Y7 \
	VMOVAPS Y7, Y2 \
	VFMSUB231PS Y1, Y1, Y2 \
	VMULPS minusHalf<>(SB), Y7, Y7 \
	EXP(Y7, Y5, Y6, Y3) \
	VMULPS minusHalf<>(SB), Y2, Y2 \
	VFMADD231PS Y2, Y3, Y3 \
	VMOVUPS four<>(SB), Y5 \
	VADDPS Y5, Y1, Y6 \
	VDIVPS Y6, Y5, Y5 \
	VMOVUPS r9c<>(SB), Y4 \
	VFMADD213PS r8c<>(SB), Y5, Y4 \
	VFMADD213PS r7c<>(SB), Y5, Y4 \
	VFMADD213PS r6c<>(SB), Y5, Y4 \
	VFMADD213PS r5c<>(SB), Y5, Y4 \
	VFMADD213PS r4c<>(SB), Y5, Y4 \
	VFMADD213PS r3c<>(SB), Y5, Y4 \
	VFMADD213PS r2c<>(SB), Y5, Y4 \
	VFMADD213PS r1c<>(SB), Y5, Y4 \
	VFMADD213PS r0c<>(SB), Y5, Y4 \
	VMULPS Y5, Y4, Y4 \
	VMULPS Y3, Y4, Y4

// GELUVALUE: x·Φ(x) = max(x, 0) − |x|·Q(|x|), in Y0. Y10 is 0.
#define GELUVALUE \
	TAIL \
	VMAXPS Y0, Y10, Y0 \
	VFNMADD231PS Y1, Y4, Y0

// func geluSIMD(dst, x *float32, n int)
TEXT ·geluSIMD(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VXORPS Y10, Y10, Y10
	EXPCONSTS

loop:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	GELUVALUE
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	JMP  loop

rest:
	ADDQ $8, CX
	JZ   done
	REST(Y11)
	VMASKMOVPS (SI), Y11, Y0
	GELUVALUE
	VMASKMOVPS Y0, Y11, (DI)

done:
	VZEROUPPER
	RET

// GELUSLOPE: f' is h = Q(a) − a·φ(a) where x is negative, 1−h elsewhere, in Y0. Y10 is 1/√(2π).
#define GELUSLOPE \
	TAIL \
	VMULPS Y10, Y3, Y3 \
	VFNMADD231PS Y1, Y3, Y4 \
	VMOVUPS one<>(SB), Y5 \
	VSUBPS Y4, Y5, Y5 \
	VBLENDVPS Y0, Y4, Y5, Y0

// func geluBackwardSIMD(dst, dy, x *float32, n int)
TEXT ·geluBackwardSIMD(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ dy+8(FP), DX
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	VMOVUPS rsqrt2pi<>(SB), Y10
	EXPCONSTS

loop:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	GELUSLOPE
	VMULPS (DX), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	JMP  loop

rest:
	ADDQ $8, CX
	JZ   done
	REST(Y11)
	VMASKMOVPS (SI), Y11, Y0
	GELUSLOPE
	VMASKMOVPS (DX), Y11, Y1
	VMULPS Y1, Y0, Y0
	VMASKMOVPS Y0, Y11, (DI)

done:
	VZEROUPPER
	RET
