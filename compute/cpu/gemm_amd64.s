//go:build amd64 && !purego && !f64

#include "textflag.h"

// Registers of the tiles functions:
//   DI c, SI the tile's first row of a, BX b, CX tiles left, DX k, R8 rs, R9 ks, R10 step, R15 unused
//   in the loop over k: R11 row 0 of a, R12 row 3, R13 b, R14 what to prefetch, AX steps left
// Y0, Y1 hold 16 elements of b, Y2 and Y3 elements of a, Y4 to Y15 the tile.

#define LOADB(d) \
	VMOVUPS d(R13), Y0    \
	VMOVUPS d+32(R13), Y1

#define ROW(addr, t, lo, hi) \
	VBROADCASTSS addr, t     \
	VFMADD231PS  Y0, t, lo   \
	VFMADD231PS  Y1, t, hi

#define STEP6(d) \
	LOADB(d)                        \
	ROW((R11), Y2, Y4, Y5)          \
	ROW((R11)(R8*1), Y3, Y6, Y7)    \
	ROW((R11)(R8*2), Y2, Y8, Y9)    \
	ROW((R12), Y3, Y10, Y11)        \
	ROW((R12)(R8*1), Y2, Y12, Y13)  \
	ROW((R12)(R8*2), Y3, Y14, Y15)  \
	ADDQ R9, R11                    \
	ADDQ R9, R12

#define STEP4(d) \
	LOADB(d)                        \
	ROW((R11), Y2, Y4, Y5)          \
	ROW((R11)(R8*1), Y3, Y6, Y7)    \
	ROW((R11)(R8*2), Y2, Y8, Y9)    \
	ROW((R12), Y3, Y10, Y11)        \
	ADDQ R9, R11                    \
	ADDQ R9, R12

#define STEP1(d) \
	LOADB(d)                        \
	ROW((R11), Y2, Y4, Y5)          \
	ADDQ R9, R11

#define PREFETCH \
	PREFETCHT0 (R14)                \
	ADDQ       R8, R14

#define ARGS \
	MOVQ c_base+0(FP), DI           \
	MOVQ a_base+24(FP), SI          \
	MOVQ b_base+48(FP), BX          \
	MOVQ tiles+72(FP), CX           \
	MOVQ k+80(FP), DX               \
	MOVQ rs+88(FP), R8              \
	MOVQ ks+96(FP), R9              \
	MOVQ step+104(FP), R10          \
	SHLQ $2, R8                     \
	SHLQ $2, R9                     \
	SHLQ $2, R10

#define POINT \
	MOVQ SI, R11                    \
	LEAQ (SI)(R8*2), R12            \
	ADDQ R8, R12                    \
	MOVQ BX, R13                    \
	MOVQ DX, AX

// func tiles6AVX2(c, a, b []float32, tiles, k, rs, ks, step int, first bool)
TEXT ·tiles6AVX2(SB), NOSPLIT, $0-113
	ARGS

tile:
	POINT
	CMPB   first+112(FP), $0
	JEQ    load
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	VXORPS Y12, Y12, Y12
	VXORPS Y13, Y13, Y13
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	JMP    steps

load:
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5
	VMOVUPS 64(DI), Y6
	VMOVUPS 96(DI), Y7
	VMOVUPS 128(DI), Y8
	VMOVUPS 160(DI), Y9
	VMOVUPS 192(DI), Y10
	VMOVUPS 224(DI), Y11
	VMOVUPS 256(DI), Y12
	VMOVUPS 288(DI), Y13
	VMOVUPS 320(DI), Y14
	VMOVUPS 352(DI), Y15

steps:
	SUBQ $16, AX
	JLT  rest

	// One line of each row of the next tile is fetched while 16 columns of this one are used.
	PCALIGN $32
step16:
	LEAQ (R11)(R10*1), R14
	STEP6(0)
	PREFETCH
	STEP6(64)
	STEP6(128)
	STEP6(192)
	PREFETCH
	STEP6(256)
	STEP6(320)
	PREFETCH
	STEP6(384)
	STEP6(448)
	STEP6(512)
	PREFETCH
	STEP6(576)
	STEP6(640)
	PREFETCH
	STEP6(704)
	STEP6(768)
	STEP6(832)
	PREFETCH
	STEP6(896)
	STEP6(960)
	ADDQ $1024, R13
	SUBQ $16, AX
	JGE  step16

rest:
	ADDQ $16, AX
	JEQ  store

step1:
	STEP6(0)
	ADDQ $64, R13
	DECQ AX
	JNE  step1

store:
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VMOVUPS Y8, 128(DI)
	VMOVUPS Y9, 160(DI)
	VMOVUPS Y10, 192(DI)
	VMOVUPS Y11, 224(DI)
	VMOVUPS Y12, 256(DI)
	VMOVUPS Y13, 288(DI)
	VMOVUPS Y14, 320(DI)
	VMOVUPS Y15, 352(DI)
	ADDQ    $384, DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// func tiles4AVX2(c, a, b []float32, tiles, k, rs, ks, step int, first bool)
TEXT ·tiles4AVX2(SB), NOSPLIT, $0-113
	ARGS

tile:
	POINT
	CMPB   first+112(FP), $0
	JEQ    load
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	JMP    steps

load:
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5
	VMOVUPS 64(DI), Y6
	VMOVUPS 96(DI), Y7
	VMOVUPS 128(DI), Y8
	VMOVUPS 160(DI), Y9
	VMOVUPS 192(DI), Y10
	VMOVUPS 224(DI), Y11

steps:
	SUBQ $4, AX
	JLT  rest

step4:
	STEP4(0)
	STEP4(64)
	STEP4(128)
	STEP4(192)
	ADDQ $256, R13
	SUBQ $4, AX
	JGE  step4

rest:
	ADDQ $4, AX
	JEQ  store

step1:
	STEP4(0)
	ADDQ $64, R13
	DECQ AX
	JNE  step1

store:
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VMOVUPS Y6, 64(DI)
	VMOVUPS Y7, 96(DI)
	VMOVUPS Y8, 128(DI)
	VMOVUPS Y9, 160(DI)
	VMOVUPS Y10, 192(DI)
	VMOVUPS Y11, 224(DI)
	ADDQ    $256, DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// func tiles1AVX2(c, a, b []float32, tiles, k, rs, ks, step int, first bool)
TEXT ·tiles1AVX2(SB), NOSPLIT, $0-113
	ARGS

tile:
	POINT
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	CMPB   first+112(FP), $0
	JNE    steps
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5

steps:
	STEP1(0)
	ADDQ $64, R13
	DECQ AX
	JNE  steps

	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	ADDQ    $64, DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// func peakAVX2(n int)
// n rounds of 120 multiply-adds on 12 accumulators, for the benchmarks: nothing runs faster.
TEXT ·peakAVX2(SB), NOSPLIT, $0-8
	MOVQ   n+0(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	VXORPS Y12, Y12, Y12
	VXORPS Y13, Y13, Y13
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15

#define FMA12 \
	VFMADD231PS Y0, Y2, Y4    \
	VFMADD231PS Y1, Y2, Y5    \
	VFMADD231PS Y0, Y2, Y6    \
	VFMADD231PS Y1, Y2, Y7    \
	VFMADD231PS Y0, Y2, Y8    \
	VFMADD231PS Y1, Y2, Y9    \
	VFMADD231PS Y0, Y2, Y10   \
	VFMADD231PS Y1, Y2, Y11   \
	VFMADD231PS Y0, Y2, Y12   \
	VFMADD231PS Y1, Y2, Y13   \
	VFMADD231PS Y0, Y2, Y14   \
	VFMADD231PS Y1, Y2, Y15

round:
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	FMA12
	DECQ CX
	JNE  round
	VZEROUPPER
	RET
