// Tiles of 6 rows by 32 columns in AVX-512. Who includes this defines MUL(s, v, d), which adds s·v to d, all three numbers of
// 512-bit registers, HALF(addr, tr, t, acc, z), which adds Z0 times the word at addr to register acc, called z, and may use tr, number t,
// and the names of the functions. Registers, as in gemm_amd64.s:
//   DI c, SI the tile's first row of a, BX from prefetch to prefetch, CX tiles left, R8 rs, R9 ks, R10 step, DX the next panel of b
//   in the loop over k: R11 row 0 of a, R12 row 3, R13 b, R14 the next tile of a, AX steps left
//   while c is read or written: R11 row 0 of c, R12 row 3, R13 from row to row
// Z0, Z1 hold 32 words of b, Z2 and Z3 words of a, Z4 to Z15 the tile.
//
// 12 accumulators suffice: two multipliers that take 4 cycles need 8, one VDPBF16PS a cycle that takes 6 needs as many. A step
// of 6 rows is 2 loads and 6 broadcasts beside 12 multiply-adds.

#define LOADB(d) \
	VMOVUPS d(R13), Z0    \
	VMOVUPS d+64(R13), Z1

#define ROW(addr, tr, t, lo, hi) \
	VBROADCASTSS addr, tr    \
	MUL(0, t, lo)            \
	MUL(1, t, hi)

#define STEP6(d) \
	LOADB(d)                            \
	ROW((R11), Z2, 2, 4, 5)             \
	ROW((R11)(R8*1), Z3, 3, 6, 7)       \
	ROW((R11)(R8*2), Z2, 2, 8, 9)       \
	ROW((R12), Z3, 3, 10, 11)           \
	ROW((R12)(R8*1), Z2, 2, 12, 13)     \
	ROW((R12)(R8*2), Z3, 3, 14, 15)     \
	ADDQ R9, R11                        \
	ADDQ R9, R12

#define STEP4(d) \
	LOADB(d)                            \
	ROW((R11), Z2, 2, 4, 5)             \
	ROW((R11)(R8*1), Z3, 3, 6, 7)       \
	ROW((R11)(R8*2), Z2, 2, 8, 9)       \
	ROW((R12), Z3, 3, 10, 11)           \
	ADDQ R9, R11                        \
	ADDQ R9, R12

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
	SHLQ $7, DX                     \
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

#define ZERO(z) VPXORD z, z, z

// func tiles6(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT TILES6(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB first+120(FP), $0
	JEQ  load
	ZERO(Z4)
	ZERO(Z5)
	ZERO(Z6)
	ZERO(Z7)
	ZERO(Z8)
	ZERO(Z9)
	ZERO(Z10)
	ZERO(Z11)
	ZERO(Z12)
	ZERO(Z13)
	ZERO(Z14)
	ZERO(Z15)
	JMP  steps

load:
	POINTC
	VMOVUPS (R11), Z4
	VMOVUPS 64(R11), Z5
	VMOVUPS (R11)(R13*1), Z6
	VMOVUPS 64(R11)(R13*1), Z7
	VMOVUPS (R11)(R13*2), Z8
	VMOVUPS 64(R11)(R13*2), Z9
	VMOVUPS (R12), Z10
	VMOVUPS 64(R12), Z11
	VMOVUPS (R12)(R13*1), Z12
	VMOVUPS 64(R12)(R13*1), Z13
	VMOVUPS (R12)(R13*2), Z14
	VMOVUPS 64(R12)(R13*2), Z15

steps:
	POINT
	SUBQ $16, AX
	JLT  rest

	// The next tile of a is fetched at the pace of this one, and two lines of the next panel of b.
	PCALIGN $64
step16:
	LEAQ (R11)(R10*1), R14
	STEP6(0)
	PREFETCH
	STEP6(128)
	STEP6(256)
	STEP6(384)
	PREFETCH
	STEP6(512)
	STEP6(640)
	PREFETCHT0 (DX)
	STEP6(768)
	PREFETCH
	STEP6(896)
	STEP6(1024)
	PREFETCH
	STEP6(1152)
	STEP6(1280)
	STEP6(1408)
	PREFETCH
	STEP6(1536)
	STEP6(1664)
	PREFETCHT0 64(DX)
	STEP6(1792)
	PREFETCH
	STEP6(1920)
	SUBQ $-128, DX
	ADDQ $2048, R13
	SUBQ $16, AX
	JGE  step16

rest:
	ADDQ $16, AX
	JEQ  store

step1:
	STEP6(0)
	SUBQ $-128, R13
	DECQ AX
	JNE  step1

store:
	POINTC
	VMOVUPS Z4, (R11)
	VMOVUPS Z5, 64(R11)
	VMOVUPS Z6, (R11)(R13*1)
	VMOVUPS Z7, 64(R11)(R13*1)
	VMOVUPS Z8, (R11)(R13*2)
	VMOVUPS Z9, 64(R11)(R13*2)
	VMOVUPS Z10, (R12)
	VMOVUPS Z11, 64(R12)
	VMOVUPS Z12, (R12)(R13*1)
	VMOVUPS Z13, 64(R12)(R13*1)
	VMOVUPS Z14, (R12)(R13*2)
	VMOVUPS Z15, 64(R12)(R13*2)
	LEAQ (R12)(R13*2), DI
	ADDQ R13, DI
	ADDQ R10, SI
	DECQ CX
	JNE  tile
	VZEROUPPER
	RET

// func tiles4(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT TILES4(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB first+120(FP), $0
	JEQ  load
	ZERO(Z4)
	ZERO(Z5)
	ZERO(Z6)
	ZERO(Z7)
	ZERO(Z8)
	ZERO(Z9)
	ZERO(Z10)
	ZERO(Z11)
	JMP  steps

load:
	POINTC
	VMOVUPS (R11), Z4
	VMOVUPS 64(R11), Z5
	VMOVUPS (R11)(R13*1), Z6
	VMOVUPS 64(R11)(R13*1), Z7
	VMOVUPS (R11)(R13*2), Z8
	VMOVUPS 64(R11)(R13*2), Z9
	VMOVUPS (R12), Z10
	VMOVUPS 64(R12), Z11

steps:
	POINT

step1:
	STEP4(0)
	SUBQ $-128, R13
	DECQ AX
	JNE  step1

	POINTC
	VMOVUPS Z4, (R11)
	VMOVUPS Z5, 64(R11)
	VMOVUPS Z6, (R11)(R13*1)
	VMOVUPS Z7, 64(R11)(R13*1)
	VMOVUPS Z8, (R11)(R13*2)
	VMOVUPS Z9, 64(R11)(R13*2)
	VMOVUPS Z10, (R12)
	VMOVUPS Z11, 64(R12)
	LEAQ (R12)(R13*1), DI
	ADDQ R10, SI
	DECQ CX
	JNE  tile
	VZEROUPPER
	RET

// func tiles1(c, a, b []float32, tiles, k, rs, ks, step, cs int, first bool)
TEXT TILES1(SB), NOSPLIT, $0-121
	ARGS

tile:
	ZERO(Z4)
	ZERO(Z5)
	CMPB first+120(FP), $0
	JNE  steps
	VMOVUPS (DI), Z4
	VMOVUPS 64(DI), Z5

steps:
	POINT

step1:
	LOADB(0)
	ROW((R11), Z2, 2, 4, 5)
	ADDQ R9, R11
	SUBQ $-128, R13
	DECQ AX
	JNE  step1

	MOVQ    cs+112(FP), R13
	VMOVUPS Z4, (DI)
	VMOVUPS Z5, 64(DI)
	LEAQ    (DI)(R13*4), DI
	ADDQ    R10, SI
	DECQ    CX
	JNE     tile
	VZEROUPPER
	RET

// STEP12 is a step of two tiles of 6 rows with half of the columns of b: 12 rows by 16.
#define STEP12(d) \
	VMOVUPS d(R13), Z0              \
	HALF((R11), Z2, 2, 4, Z4)            \
	HALF((R11)(R8*1), Z3, 3, 5, Z5)      \
	HALF((R11)(R8*2), Z2, 2, 6, Z6)      \
	HALF((R12), Z3, 3, 7, Z7)            \
	HALF((R12)(R8*1), Z2, 2, 8, Z8)      \
	HALF((R12)(R8*2), Z3, 3, 9, Z9)      \
	HALF((R14), Z2, 2, 10, Z10)          \
	HALF((R14)(R8*1), Z3, 3, 11, Z11)    \
	HALF((R14)(R8*2), Z2, 2, 12, Z12)    \
	HALF((DX), Z3, 3, 13, Z13)           \
	HALF((DX)(R8*1), Z2, 2, 14, Z14)     \
	HALF((DX)(R8*2), Z3, 3, 15, Z15)     \
	ADDQ R9, R11                    \
	ADDQ R9, R12                    \
	ADDQ R9, R14                    \
	ADDQ R9, DX

// func halves12(c, a, b []float32, pairs, k, rs, ks, step, cs int, first bool)
// As tiles6 for pairs of tiles, but sets only the first 16 columns of c. R14 and DX are rows 6 and 9 of a, BX a line of the
// next two tiles.
TEXT HALVES12(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB first+120(FP), $0
	JEQ  load
	ZERO(Z4)
	ZERO(Z5)
	ZERO(Z6)
	ZERO(Z7)
	ZERO(Z8)
	ZERO(Z9)
	ZERO(Z10)
	ZERO(Z11)
	ZERO(Z12)
	ZERO(Z13)
	ZERO(Z14)
	ZERO(Z15)
	JMP  steps

load:
	POINTC
	LEAQ (R12)(R13*2), R14
	ADDQ R13, R14
	LEAQ (R14)(R13*2), DX
	ADDQ R13, DX
	VMOVUPS (R11), Z4
	VMOVUPS (R11)(R13*1), Z5
	VMOVUPS (R11)(R13*2), Z6
	VMOVUPS (R12), Z7
	VMOVUPS (R12)(R13*1), Z8
	VMOVUPS (R12)(R13*2), Z9
	VMOVUPS (R14), Z10
	VMOVUPS (R14)(R13*1), Z11
	VMOVUPS (R14)(R13*2), Z12
	VMOVUPS (DX), Z13
	VMOVUPS (DX)(R13*1), Z14
	VMOVUPS (DX)(R13*2), Z15

steps:
	POINT
	LEAQ (R11)(R10*1), R14
	LEAQ (R12)(R10*1), DX
	LEAQ (R11)(R10*2), BX

step1:
	STEP12(0)
	PREFETCHT0 (BX)
	ADDQ R9, BX
	SUBQ $-128, R13
	DECQ AX
	JNE  step1

	POINTC
	LEAQ (R12)(R13*2), R14
	ADDQ R13, R14
	LEAQ (R14)(R13*2), DX
	ADDQ R13, DX
	VMOVUPS Z4, (R11)
	VMOVUPS Z5, (R11)(R13*1)
	VMOVUPS Z6, (R11)(R13*2)
	VMOVUPS Z7, (R12)
	VMOVUPS Z8, (R12)(R13*1)
	VMOVUPS Z9, (R12)(R13*2)
	VMOVUPS Z10, (R14)
	VMOVUPS Z11, (R14)(R13*1)
	VMOVUPS Z12, (R14)(R13*2)
	VMOVUPS Z13, (DX)
	VMOVUPS Z14, (DX)(R13*1)
	VMOVUPS Z15, (DX)(R13*2)
	LEAQ (DX)(R13*2), DI
	ADDQ R13, DI
	LEAQ (SI)(R10*2), SI
	DECQ CX
	JNE  tile
	VZEROUPPER
	RET
