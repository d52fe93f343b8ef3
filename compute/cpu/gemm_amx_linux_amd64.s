//go:build !purego && !f64

#include "textflag.h"
#include "amx_amd64.h"

// Registers of the tiles functions:
//   DI c, SI the tile's first row of a, CX tiles left, R8 from row to row of a, R9 of c, R10 from tile to tile of a, R12 128
//   in the loop over k: R11 row 0 of a, DX row 16, BX b, AX steps left; R13 row 16 of c
// Tiles 0 to 3 are c, 16 columns each; 4 and 5 rows 0 and 16 of a; 6 and 7 columns 0 and 16 of b.
//
// A TDPBF16PS takes 16 cycles, a load 8: four tiles of c for four loads leave half of the time for what is not in the first
// cache.

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
	MOVQ R8, DX                     \
	SHLQ $4, DX                     \
	ADDQ SI, DX                     \
	MOVQ b_base+56(FP), BX          \
	MOVQ k+88(FP), AX               \
	SHRQ $4, AX

// func tiles32AMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
TEXT ·tiles32AMX(SB), NOSPLIT, $0-121
	ARGS

tile:
	MOVQ R9, R13
	SHLQ $4, R13
	ADDQ DI, R13
	CMPB first+120(FP), $0
	JEQ  load
	TILEZERO(0)
	TILEZERO(1)
	TILEZERO(2)
	TILEZERO(3)
	JMP  steps

load:
	TILELOADD(0, 7, 9, 0)
	TILELOADD(64, 7, 9, 1)
	TILELOADD(0, 13, 9, 2)
	TILELOADD(64, 13, 9, 3)

steps:
	POINT

step16:
	TILELOADD(0, 3, 12, 6)
	TILELOADD(0, 11, 8, 4)
	TDPBF16PS(6, 4, 0)
	TILELOADD(64, 3, 12, 7)
	TDPBF16PS(7, 4, 1)
	TILELOADD(0, 2, 8, 5)
	TDPBF16PS(6, 5, 2)
	TDPBF16PS(7, 5, 3)
	ADDQ $64, R11
	ADDQ $64, DX
	ADDQ $2048, BX
	DECQ AX
	JNE  step16

	TILESTORED(0, 0, 7, 9)
	TILESTORED(1, 64, 7, 9)
	TILESTORED(2, 0, 13, 9)
	TILESTORED(3, 64, 13, 9)
	MOVQ R9, DI
	SHLQ $4, DI
	ADDQ R13, DI
	ADDQ R10, SI
	DECQ CX
	JNE  tile
	TILERELEASE
	RET

// func halves32AMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
// As tiles32AMX, but sets only the first 16 columns of c.
TEXT ·halves32AMX(SB), NOSPLIT, $0-121
	ARGS

tile:
	MOVQ R9, R13
	SHLQ $4, R13
	ADDQ DI, R13
	CMPB first+120(FP), $0
	JEQ  load
	TILEZERO(0)
	TILEZERO(2)
	JMP  steps

load:
	TILELOADD(0, 7, 9, 0)
	TILELOADD(0, 13, 9, 2)

steps:
	POINT

step16:
	TILELOADD(0, 3, 12, 6)
	TILELOADD(0, 11, 8, 4)
	TDPBF16PS(6, 4, 0)
	TILELOADD(0, 2, 8, 5)
	TDPBF16PS(6, 5, 2)
	ADDQ $64, R11
	ADDQ $64, DX
	ADDQ $2048, BX
	DECQ AX
	JNE  step16

	TILESTORED(0, 0, 7, 9)
	TILESTORED(2, 0, 13, 9)
	MOVQ R9, DI
	SHLQ $4, DI
	ADDQ R13, DI
	ADDQ R10, SI
	DECQ CX
	JNE  tile
	TILERELEASE
	RET

// func rowsAMX(config *tileConfig, c, a, b []float32, tiles, k, rs, step, cs int, first bool)
// As tiles32AMX for tiles of up to 16 rows, as the config has them.
TEXT ·rowsAMX(SB), NOSPLIT, $0-121
	ARGS

tile:
	CMPB first+120(FP), $0
	JEQ  load
	TILEZERO(0)
	TILEZERO(1)
	JMP  steps

load:
	TILELOADD(0, 7, 9, 0)
	TILELOADD(64, 7, 9, 1)

steps:
	POINT

step16:
	TILELOADD(0, 3, 12, 6)
	TILELOADD(0, 11, 8, 4)
	TDPBF16PS(6, 4, 0)
	TILELOADD(64, 3, 12, 7)
	TDPBF16PS(7, 4, 1)
	ADDQ $64, R11
	ADDQ $2048, BX
	DECQ AX
	JNE  step16

	TILESTORED(0, 0, 7, 9)
	TILESTORED(1, 64, 7, 9)
	SHLQ $4, R9
	ADDQ R9, DI
	SHRQ $4, R9
	ADDQ R10, SI
	DECQ CX
	JNE  tile
	TILERELEASE
	RET
