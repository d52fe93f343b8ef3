//go:build !purego && !f64

#include "textflag.h"
#include "amx_amd64.h"

// Registers of the tiles functions:
//   DI c, SI the tile's first row of a, CX tiles left, R8 from row to row of a, R9 of c, R10 from tile to tile of a, R12 128
//   in the loop over k: R11 a, BX b, AX words left, DX what FETCH is to bring of the next tile of a
// Tiles 0 and 1 are c, 16 columns each, 4 is a, 6 and 7 are b. More of them would make fewer loads, but where another thread
// runs on the same core, all instructions wait for each other once most tiles are in use (KERNELS.md).

#define ARGS \
	MOVQ config+0(FP), AX           \
	LDTILECFG_AX                    \
	MOVQ c_base+8(FP), DI           \
	MOVQ a_base+32(FP), SI          \
	MOVQ tiles+80(FP), CX           \
	MOVQ rs+96(FP), R8              \
	MOVQ step+104(FP), R10          \
	MOVQ cs+112(FP), R9             \
	SHLQ $2, R8                     \
	SHLQ $2, R9                     \
	SHLQ $2, R10                    \
	MOVQ $128, R12

#define POINT \
	MOVQ SI, R11                    \
	LEAQ (SI)(R10*1), DX            \
	MOVQ b_base+56(FP), BX          \
	MOVQ k+88(FP), AX

// ALONG goes on along the depth by so many words.
#define ALONG(words) \
	ADDQ $(4*words), R11            \
	ADDQ $(128*words), BX           \
	ADDQ $(64*words), DX            \
	SUBQ $words, AX

#define DOWN \
	MOVQ R9, AX                     \
	SHLQ $4, AX                     \
	ADDQ AX, DI                     \
	ADDQ R10, SI                    \
	DECQ CX

// FETCH brings 8 lines of the next tile into the first cache. They follow each other where a is packed.
#define FETCH(i) \
	PREFETCHT0 (512*i+0)(DX)        \
	PREFETCHT0 (512*i+64)(DX)       \
	PREFETCHT0 (512*i+128)(DX)      \
	PREFETCHT0 (512*i+192)(DX)      \
	PREFETCHT0 (512*i+256)(DX)      \
	PREFETCHT0 (512*i+320)(DX)      \
	PREFETCHT0 (512*i+384)(DX)      \
	PREFETCHT0 (512*i+448)(DX)

// A loads words of a, B0 and B1 those of the first and second 16 columns of b; C0 and C1 add their products to c.
#define A(words) TILELOADD(4*words, 11, 8, 4)
#define B0(words) TILELOADD(128*words, 3, 12, 6)
#define B1(words) TILELOADD(128*words+64, 3, 12, 7)
#define C0 TDPBF16PS(6, 4, 0)
#define C1 TDPBF16PS(7, 4, 1)

#define ZERO1 TILEZERO(0)
#define ZERO2 TILEZERO(0); TILEZERO(1)
#define LOAD1 TILELOADD(0, 7, 9, 0)
#define LOAD2 TILELOADD(0, 7, 9, 0); TILELOADD(64, 7, 9, 1)
#define STORE1 TILESTORED(0, 0, 7, 9)
#define STORE2 TILESTORED(0, 0, 7, 9); TILESTORED(1, 64, 7, 9)

// BEGIN and END are around a step along the depth, which is done for all of it and all tiles.
#define BEGIN(ZERO, LOAD) \
	ARGS                            \
tile:                               \
	CMPB first+120(FP), $0          \
	JEQ  load                       \
	ZERO                            \
	JMP  steps                      \
load:                               \
	LOAD                            \
steps:                              \
	POINT                           \
step:

#define END(STORE) \
	JNE step                        \
	STORE                           \
	DOWN                            \
	JNE tile                        \
	TILERELEASE                     \
	RET

// func tilesAMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
TEXT ·tilesAMX(SB), NOSPLIT, $0-121
	BEGIN(ZERO2, LOAD2)
	B0(0)
	A(0)
	C0
	FETCH(0)
	B1(0)
	C1
	FETCH(1)
	ALONG(16)
	END(STORE2)

// func halvesAMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
// As tilesAMX, but sets only the first 16 columns of c.
TEXT ·halvesAMX(SB), NOSPLIT, $0-121
	BEGIN(ZERO1, LOAD1)
	B0(0)
	A(0)
	C0
	FETCH(0)
	FETCH(1)
	ALONG(16)
	END(STORE1)

// func tilesSplit(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
// A step is 48 words: 16 of the upper parts, 16 of the middle ones, 16 of the lower ones. Of the nine products of parts the six largest
// are added to c.
TEXT ·tilesSplit(SB), NOSPLIT, $0-121
	BEGIN(ZERO2, LOAD2)
	B0(32)
	A(0)
	C0
	FETCH(0)
	B1(32)
	C1
	B0(16)
	C0
	FETCH(1)
	B1(16)
	C1
	B0(0)
	C0
	FETCH(2)
	B1(0)
	C1
	A(32)
	C0
	FETCH(3)
	C1
	A(16)
	C0
	FETCH(4)
	C1
	B0(16)
	C0
	FETCH(5)
	B1(16)
	C1
	ALONG(48)
	END(STORE2)

// func halvesSplit(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
// As tilesSplit, but sets only the first 16 columns of c.
TEXT ·halvesSplit(SB), NOSPLIT, $0-121
	BEGIN(ZERO1, LOAD1)
	B0(32)
	A(0)
	C0
	FETCH(0)
	B0(16)
	C0
	FETCH(1)
	B0(0)
	C0
	FETCH(2)
	A(32)
	C0
	FETCH(3)
	A(16)
	C0
	FETCH(4)
	B0(16)
	C0
	FETCH(5)
	ALONG(48)
	END(STORE1)
