//go:build amd64 && !purego && !f64

#include "textflag.h"

// Registers of the tiles functions:
//   DI c, SI the tile's first row of a, BX from prefetch to prefetch, CX tiles left, R8 rs, R9 ks, R10 step, DX the next panel of b
//   in the loop over k: R11 row 0 of a, R12 row 3, R13 b, R14 the next tile of a, AX steps left
//   while c is read or written: R11 row 0 of c, R12 row 3, R13 from row to row
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

// PREFETCH fetches a line of the next tile of a: of the next row, or the next of a packed tile.
#define PREFETCH \
	PREFETCHT0 (R14)                \
	ADDQ       BX, R14

#define ARGS \
	MOVQ c_base+0(FP), DI           \
	MOVQ a_base+24(FP), SI          \
	MOVQ b_base+48(FP), BX          \
	MOVQ tiles+72(FP), CX           \
	MOVQ k+80(FP), DX               \
	SHLQ $6, DX                     \
	ADDQ BX, DX                     \
	MOVQ $64, BX                    \
	MOVQ rs+88(FP), R8              \
	MOVQ ks+96(FP), R9              \
	MOVQ step+104(FP), R10          \
	SHLQ $2, R8                     \
	SHLQ $2, R9                     \
	SHLQ $2, R10                    \
	CMPQ R9, $4                     \
	CMOVQEQ R8, BX

// POINTC sets R11 and R12 to rows 0 and 3 of c, which are R13 apart.
#define POINTC \
	MOVQ cs+112(FP), R13            \
	SHLQ $2, R13                    \
	MOVQ DI, R11                    \
	LEAQ (DI)(R13*2), R12           \
	ADDQ R13, R12

#define POINT \
	MOVQ SI, R11                    \
	LEAQ (SI)(R8*2), R12            \
	ADDQ R8, R12                    \
	MOVQ b_base+48(FP), R13         \
	MOVQ k+80(FP), AX

// func tiles6AVX2(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT ·tiles6AVX2(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB   first+120(FP), $0
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
	POINTC
	VMOVUPS (R11), Y4
	VMOVUPS 32(R11), Y5
	VMOVUPS (R11)(R13*1), Y6
	VMOVUPS 32(R11)(R13*1), Y7
	VMOVUPS (R11)(R13*2), Y8
	VMOVUPS 32(R11)(R13*2), Y9
	VMOVUPS (R12), Y10
	VMOVUPS 32(R12), Y11
	VMOVUPS (R12)(R13*1), Y12
	VMOVUPS 32(R12)(R13*1), Y13
	VMOVUPS (R12)(R13*2), Y14
	VMOVUPS 32(R12)(R13*2), Y15

steps:
	POINT
	SUBQ $16, AX
	JLT  rest

	// The next tile of a is fetched at the pace of this one, and a line of the next panel of b.
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
	PREFETCHT0 (DX)
	ADDQ $64, DX
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
	POINTC
	VMOVUPS Y4, (R11)
	VMOVUPS Y5, 32(R11)
	VMOVUPS Y6, (R11)(R13*1)
	VMOVUPS Y7, 32(R11)(R13*1)
	VMOVUPS Y8, (R11)(R13*2)
	VMOVUPS Y9, 32(R11)(R13*2)
	VMOVUPS Y10, (R12)
	VMOVUPS Y11, 32(R12)
	VMOVUPS Y12, (R12)(R13*1)
	VMOVUPS Y13, 32(R12)(R13*1)
	VMOVUPS Y14, (R12)(R13*2)
	VMOVUPS Y15, 32(R12)(R13*2)
	LEAQ    (R12)(R13*2), DI
	ADDQ    R13, DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// func tiles4AVX2(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT ·tiles4AVX2(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB   first+120(FP), $0
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
	POINTC
	VMOVUPS (R11), Y4
	VMOVUPS 32(R11), Y5
	VMOVUPS (R11)(R13*1), Y6
	VMOVUPS 32(R11)(R13*1), Y7
	VMOVUPS (R11)(R13*2), Y8
	VMOVUPS 32(R11)(R13*2), Y9
	VMOVUPS (R12), Y10
	VMOVUPS 32(R12), Y11

steps:
	POINT
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
	POINTC
	VMOVUPS Y4, (R11)
	VMOVUPS Y5, 32(R11)
	VMOVUPS Y6, (R11)(R13*1)
	VMOVUPS Y7, 32(R11)(R13*1)
	VMOVUPS Y8, (R11)(R13*2)
	VMOVUPS Y9, 32(R11)(R13*2)
	VMOVUPS Y10, (R12)
	VMOVUPS Y11, 32(R12)
	LEAQ    (R12)(R13*1), DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// func tiles1AVX2(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT ·tiles1AVX2(SB), NOSPLIT, $0-121
	ARGS

tile:
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	CMPB   first+120(FP), $0
	JNE    steps
	VMOVUPS (DI), Y4
	VMOVUPS 32(DI), Y5

steps:
	POINT

step1:
	STEP1(0)
	ADDQ $64, R13
	DECQ AX
	JNE  step1

	MOVQ    cs+112(FP), R13
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	LEAQ    (DI)(R13*4), DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// STEP12 is a step of two tiles of 6 rows with half of the columns of b: 12 rows by 8.
#define HALF(addr, t, acc) \
	VBROADCASTSS addr, t     \
	VFMADD231PS  Y0, t, acc

#define STEP12(d) \
	VMOVUPS d(R13), Y0              \
	HALF((R11), Y2, Y4)             \
	HALF((R11)(R8*1), Y3, Y5)       \
	HALF((R11)(R8*2), Y2, Y6)       \
	HALF((R12), Y3, Y7)             \
	HALF((R12)(R8*1), Y2, Y8)       \
	HALF((R12)(R8*2), Y3, Y9)       \
	HALF((R14), Y2, Y10)            \
	HALF((R14)(R8*1), Y3, Y11)      \
	HALF((R14)(R8*2), Y2, Y12)      \
	HALF((DX), Y3, Y13)             \
	HALF((DX)(R8*1), Y2, Y14)       \
	HALF((DX)(R8*2), Y3, Y15)       \
	ADDQ R9, R11                    \
	ADDQ R9, R12                    \
	ADDQ R9, R14                    \
	ADDQ R9, DX

// PREFETCH12 fetches a line of a row of the next two tiles, in place.
#define PREFETCH12 \
	PREFETCHT0 (BX)                 \
	ADDQ       R8, BX

// func halves12AVX2(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)
// As tiles6AVX2 for pairs of tiles, but sets only the first 8 columns of c. R14 and DX are rows 6 and 9 of a.
TEXT ·halves12AVX2(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB   first+120(FP), $0
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
	POINTC
	LEAQ    (R12)(R13*2), R14
	ADDQ    R13, R14
	LEAQ    (R14)(R13*2), DX
	ADDQ    R13, DX
	VMOVUPS (R11), Y4
	VMOVUPS (R11)(R13*1), Y5
	VMOVUPS (R11)(R13*2), Y6
	VMOVUPS (R12), Y7
	VMOVUPS (R12)(R13*1), Y8
	VMOVUPS (R12)(R13*2), Y9
	VMOVUPS (R14), Y10
	VMOVUPS (R14)(R13*1), Y11
	VMOVUPS (R14)(R13*2), Y12
	VMOVUPS (DX), Y13
	VMOVUPS (DX)(R13*1), Y14
	VMOVUPS (DX)(R13*2), Y15

steps:
	POINT
	LEAQ (R11)(R10*1), R14
	LEAQ (R12)(R10*1), DX
	SUBQ $16, AX
	JLT  rest

step16:
	LEAQ (R11)(R10*2), BX
	STEP12(0)
	PREFETCH12
	PREFETCH12
	STEP12(64)
	STEP12(128)
	PREFETCH12
	STEP12(192)
	PREFETCH12
	STEP12(256)
	STEP12(320)
	PREFETCH12
	PREFETCH12
	STEP12(384)
	STEP12(448)
	PREFETCH12
	STEP12(512)
	PREFETCH12
	STEP12(576)
	STEP12(640)
	PREFETCH12
	PREFETCH12
	STEP12(704)
	STEP12(768)
	PREFETCH12
	STEP12(832)
	PREFETCH12
	STEP12(896)
	STEP12(960)
	ADDQ $1024, R13
	SUBQ $16, AX
	JGE  step16

rest:
	ADDQ $16, AX
	JEQ  store

step1:
	STEP12(0)
	ADDQ $64, R13
	DECQ AX
	JNE  step1

store:
	POINTC
	LEAQ    (R12)(R13*2), R14
	ADDQ    R13, R14
	LEAQ    (R14)(R13*2), DX
	ADDQ    R13, DX
	VMOVUPS Y4, (R11)
	VMOVUPS Y5, (R11)(R13*1)
	VMOVUPS Y6, (R11)(R13*2)
	VMOVUPS Y7, (R12)
	VMOVUPS Y8, (R12)(R13*1)
	VMOVUPS Y9, (R12)(R13*2)
	VMOVUPS Y10, (R14)
	VMOVUPS Y11, (R14)(R13*1)
	VMOVUPS Y12, (R14)(R13*2)
	VMOVUPS Y13, (DX)
	VMOVUPS Y14, (DX)(R13*1)
	VMOVUPS Y15, (DX)(R13*2)
	LEAQ    (DX)(R13*2), DI
	ADDQ    R13, DI
	LEAQ    (SI)(R10*2), SI
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
