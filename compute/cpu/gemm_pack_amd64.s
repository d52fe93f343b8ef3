//go:build amd64 && !purego && !f64

#include "textflag.h"

// func packRowsAVX2(dst, src []float32, k, panels, stride, panel int)
// Registers: DI dst of row 0, SI src, CX rows left; in a row: R11 dst, R12 src, AX panels left.
TEXT ·packRowsAVX2(SB), NOSPLIT, $0-80
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ k+48(FP), CX
	MOVQ panels+56(FP), DX
	MOVQ stride+64(FP), R8
	MOVQ panel+72(FP), R9
	SHLQ $2, R8
	SHLQ $2, R9
	MOVQ R8, R10
	SHLQ $4, R10

row:
	MOVQ DI, R11
	MOVQ SI, R12
	MOVQ DX, AX

panel:
	PREFETCHT0 (R12)(R10*1) // rows are too far apart for the processor to guess
	VMOVUPS (R12), Y0
	VMOVUPS 32(R12), Y1
	VMOVUPS Y0, (R11)
	VMOVUPS Y1, 32(R11)
	ADDQ    $64, R12
	ADDQ    R9, R11
	DECQ    AX
	JNE     panel

	ADDQ $64, DI
	ADDQ R8, SI
	DECQ CX
	JNE  row
	VZEROUPPER
	RET

// TRANSPOSE makes rows of the columns of the 8×8 matrix in Y0 to Y7. The result is in Y8 to Y15.
#define TRANSPOSE \
	VUNPCKLPS Y1, Y0, Y8          \
	VUNPCKHPS Y1, Y0, Y9          \
	VUNPCKLPS Y3, Y2, Y10         \
	VUNPCKHPS Y3, Y2, Y11         \
	VUNPCKLPS Y5, Y4, Y12         \
	VUNPCKHPS Y5, Y4, Y13         \
	VUNPCKLPS Y7, Y6, Y14         \
	VUNPCKHPS Y7, Y6, Y15         \
	VSHUFPS   $0x44, Y10, Y8, Y0  \
	VSHUFPS   $0xEE, Y10, Y8, Y1  \
	VSHUFPS   $0x44, Y11, Y9, Y2  \
	VSHUFPS   $0xEE, Y11, Y9, Y3  \
	VSHUFPS   $0x44, Y14, Y12, Y4 \
	VSHUFPS   $0xEE, Y14, Y12, Y5 \
	VSHUFPS   $0x44, Y15, Y13, Y6 \
	VSHUFPS   $0xEE, Y15, Y13, Y7 \
	VPERM2F128 $0x20, Y4, Y0, Y8  \
	VPERM2F128 $0x20, Y5, Y1, Y9  \
	VPERM2F128 $0x20, Y6, Y2, Y10 \
	VPERM2F128 $0x20, Y7, Y3, Y11 \
	VPERM2F128 $0x31, Y4, Y0, Y12 \
	VPERM2F128 $0x31, Y5, Y1, Y13 \
	VPERM2F128 $0x31, Y6, Y2, Y14 \
	VPERM2F128 $0x31, Y7, Y3, Y15

// func packColsAVX2(dst, src []float32, k, stride, lanes int)
// Registers: DI dst, SI row 0 of src, R11 row 3, R12 row 6, CX blocks of 8 columns left, R9 lanes.
TEXT ·packColsAVX2(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ k+48(FP), CX
	MOVQ stride+56(FP), R8
	MOVQ lanes+64(FP), R9
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (SI)(R8*2), R11
	ADDQ R8, R11
	LEAQ (R11)(R8*2), R12
	ADDQ R8, R12
	LEAQ (R9)(R9*2), R10
	SHRQ $3, CX

block:
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R8*1), Y1
	VMOVUPS (SI)(R8*2), Y2
	VMOVUPS (R11), Y3
	VMOVUPS (R11)(R8*1), Y4
	VMOVUPS (R11)(R8*2), Y5
	VMOVUPS (R12), Y6
	VMOVUPS (R12)(R8*1), Y7
	TRANSPOSE
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DI)(R9*1)
	VMOVUPS Y10, (DI)(R9*2)
	VMOVUPS Y11, (DI)(R10*1)
	LEAQ    (DI)(R9*4), DI
	VMOVUPS Y12, (DI)
	VMOVUPS Y13, (DI)(R9*1)
	VMOVUPS Y14, (DI)(R9*2)
	VMOVUPS Y15, (DI)(R10*1)
	LEAQ    (DI)(R9*4), DI
	ADDQ    $32, SI
	ADDQ    $32, R11
	ADDQ    $32, R12
	DECQ    CX
	JNE     block
	VZEROUPPER
	RET

// func packTiles6AVX2(dst, src []float32, k, tiles, stride int)
// Registers: DI dst of row 0, SI src, CX rows left, R9 from tile to tile; in a row: R11, R12, AX.
TEXT ·packTiles6AVX2(SB), NOSPLIT, $0-72
	MOVQ  dst_base+0(FP), DI
	MOVQ  src_base+24(FP), SI
	MOVQ  k+48(FP), CX
	MOVQ  tiles+56(FP), DX
	MOVQ  stride+64(FP), R8
	SHLQ  $2, R8
	IMUL3Q $24, CX, R9

row:
	MOVQ DI, R11
	MOVQ SI, R12
	MOVQ DX, AX

tile:
	PREFETCHT0 (R12)(R8*8)
	VMOVUPS (R12), X0
	MOVQ    16(R12), BX
	VMOVUPS X0, (R11)
	MOVQ    BX, 16(R11)
	ADDQ    $24, R12
	ADDQ    R9, R11
	DECQ    AX
	JNE     tile

	ADDQ $24, DI
	ADDQ R8, SI
	DECQ CX
	JNE  row
	RET

// TALL6 moves 4 columns of 6 rows.
#define TALL6 \
	VMOVUPS   (R10), X0                 \
	VMOVUPS   (R10)(R8*1), X1           \
	VMOVUPS   (R10)(R8*2), X2           \
	VMOVUPS   (R11), X3                 \
	VMOVUPS   (R11)(R8*1), X4           \
	VMOVUPS   (R11)(R8*2), X5           \
	VUNPCKLPS X1, X0, X6                \
	VUNPCKHPS X1, X0, X7                \
	VUNPCKLPS X3, X2, X8                \
	VUNPCKHPS X3, X2, X9                \
	VUNPCKLPS X5, X4, X10               \
	VUNPCKHPS X5, X4, X11               \
	VUNPCKLPD X8, X6, X12               \
	VUNPCKHPD X8, X6, X13               \
	VUNPCKLPD X9, X7, X14               \
	VUNPCKHPD X9, X7, X15               \
	VMOVUPS   X12, (DI)                 \
	VMOVLPS   X10, 16(DI)               \
	VMOVUPS   X13, 24(DI)               \
	VMOVHPS   X10, 40(DI)               \
	VMOVUPS   X14, 48(DI)               \
	VMOVLPS   X11, 64(DI)               \
	VMOVUPS   X15, 72(DI)               \
	VMOVHPS   X11, 88(DI)               \
	ADDQ      $96, DI                   \
	ADDQ      $16, R10                  \
	ADDQ      $16, R11

// func packTall6AVX2(dst, src []float32, k, tiles, stride int)
// Registers: DI dst, SI row 0 of src, R11 row 3, CX tiles left, AX columns left, R9 from tile to tile.
TEXT ·packTall6AVX2(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ k+48(FP), DX
	MOVQ tiles+56(FP), CX
	MOVQ stride+64(FP), R8
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R9
	SHLQ $1, R9

tile:
	MOVQ SI, R10
	LEAQ (SI)(R8*2), R11
	ADDQ R8, R11
	MOVQ DX, AX
	SUBQ $16, AX
	JLT  rest16

step16:
	PREFETCHT0 (R10)(R9*1) // the next tile
	PREFETCHT0 (R11)(R9*1)
	LEAQ       (R10)(R9*1), R12
	LEAQ       (R11)(R9*1), R13
	TALL6
	PREFETCHT0 (R12)(R8*1)
	PREFETCHT0 (R13)(R8*1)
	TALL6
	PREFETCHT0 (R12)(R8*2)
	PREFETCHT0 (R13)(R8*2)
	TALL6
	TALL6
	SUBQ       $16, AX
	JGE        step16

rest16:
	ADDQ $12, AX
	JLT  rest

step4:
	TALL6
	SUBQ $4, AX
	JGE  step4

rest:
	ADDQ $4, AX
	JEQ  next

step1:
	VMOVSS    (R10), X0
	VINSERTPS $0x10, (R10)(R8*1), X0, X0
	VINSERTPS $0x20, (R10)(R8*2), X0, X0
	VINSERTPS $0x30, (R11), X0, X0
	VMOVSS    (R11)(R8*1), X1
	VINSERTPS $0x10, (R11)(R8*2), X1, X1
	VMOVUPS   X0, (DI)
	VMOVLPS   X1, 16(DI)
	ADDQ      $24, DI
	ADDQ      $4, R10
	ADDQ      $4, R11
	DECQ      AX
	JNE       step1

next:
	ADDQ R9, SI
	DECQ CX
	JNE  tile
	RET

// func packTall4AVX2(dst, src []float32, k, tiles, stride int)
// As packTall6AVX2.
TEXT ·packTall4AVX2(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ k+48(FP), DX
	MOVQ tiles+56(FP), CX
	MOVQ stride+64(FP), R8
	SHLQ $2, R8

tile:
	MOVQ SI, R10
	LEAQ (SI)(R8*2), R11
	ADDQ R8, R11
	MOVQ DX, AX
	SUBQ $4, AX
	JLT  rest

step4:
	VMOVUPS   (R10), X0
	VMOVUPS   (R10)(R8*1), X1
	VMOVUPS   (R10)(R8*2), X2
	VMOVUPS   (R11), X3
	VUNPCKLPS X1, X0, X6
	VUNPCKHPS X1, X0, X7
	VUNPCKLPS X3, X2, X8
	VUNPCKHPS X3, X2, X9
	VUNPCKLPD X8, X6, X12
	VUNPCKHPD X8, X6, X13
	VUNPCKLPD X9, X7, X14
	VUNPCKHPD X9, X7, X15
	VMOVUPS   X12, (DI)
	VMOVUPS   X13, 16(DI)
	VMOVUPS   X14, 32(DI)
	VMOVUPS   X15, 48(DI)
	ADDQ      $64, DI
	ADDQ      $16, R10
	ADDQ      $16, R11
	SUBQ      $4, AX
	JGE       step4

rest:
	ADDQ $4, AX
	JEQ  next

step1:
	VMOVSS    (R10), X0
	VINSERTPS $0x10, (R10)(R8*1), X0, X0
	VINSERTPS $0x20, (R10)(R8*2), X0, X0
	VINSERTPS $0x30, (R11), X0, X0
	VMOVUPS   X0, (DI)
	ADDQ      $16, DI
	ADDQ      $4, R10
	ADDQ      $4, R11
	DECQ      AX
	JNE       step1

next:
	LEAQ (SI)(R8*4), SI
	DECQ CX
	JNE  tile
	RET

// func storeRowAVX2(dst, c, bias, add []float32, panels, panel int, scale float32)
TEXT ·storeRowAVX2(SB), NOSPLIT, $0-116
	MOVQ         dst_base+0(FP), DI
	MOVQ         c_base+24(FP), SI
	MOVQ         bias_base+48(FP), BX
	MOVQ         add_base+72(FP), DX
	MOVQ         panels+96(FP), CX
	MOVQ         panel+104(FP), R9
	VBROADCASTSS scale+112(FP), Y15
	SHLQ         $2, R9
	XORQ         AX, AX

panel:
	VMULPS (SI), Y15, Y0
	VMULPS 32(SI), Y15, Y1
	TESTQ  BX, BX
	JEQ    add
	VADDPS (BX)(AX*1), Y0, Y0
	VADDPS 32(BX)(AX*1), Y1, Y1

add:
	TESTQ  DX, DX
	JEQ    store
	VADDPS (DX)(AX*1), Y0, Y0
	VADDPS 32(DX)(AX*1), Y1, Y1

store:
	VMOVUPS Y0, (DI)(AX*1)
	VMOVUPS Y1, 32(DI)(AX*1)
	ADDQ    $64, AX
	ADDQ    R9, SI
	DECQ    CX
	JNE     panel
	VZEROUPPER
	RET

#define BIAS8(r) VADDPS Y7, r, r

#define ADD8 \
	VADDPS (R10), Y8, Y8           \
	VADDPS (R10)(R9*1), Y9, Y9     \
	VADDPS (R10)(R9*2), Y10, Y10   \
	VADDPS (R12), Y11, Y11         \
	VADDPS (R12)(R9*1), Y12, Y12   \
	VADDPS (R12)(R9*2), Y13, Y13   \
	VADDPS (R13), Y14, Y14         \
	VADDPS (R13)(R9*1), Y15, Y15

// func storeColsAVX2(dst, c, bias, add []float32, rows, lanes, stride, addStride int, scale float32)
// Registers: SI c, DI, R11, R14 rows 0, 3, 6 of dst, R10, R12, R13 those of add, BX bias, CX blocks left,
// AX lanes, DX 3·lanes, R8 stride, R9 addStride.
TEXT ·storeColsAVX2(SB), NOSPLIT, $0-132
	MOVQ dst_base+0(FP), DI
	MOVQ c_base+24(FP), SI
	MOVQ bias_base+48(FP), BX
	MOVQ add_base+72(FP), R10
	MOVQ rows+96(FP), CX
	MOVQ lanes+104(FP), AX
	MOVQ stride+112(FP), R8
	MOVQ addStride+120(FP), R9
	SHRQ $3, CX
	SHLQ $2, AX
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (AX)(AX*2), DX
	LEAQ (DI)(R8*2), R11
	ADDQ R8, R11
	LEAQ (R11)(R8*2), R14
	ADDQ R8, R14
	LEAQ (R10)(R9*2), R12
	ADDQ R9, R12
	LEAQ (R12)(R9*2), R13
	ADDQ R9, R13

block:
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(AX*1), Y1
	VMOVUPS (SI)(AX*2), Y2
	VMOVUPS (SI)(DX*1), Y3
	LEAQ    (SI)(AX*4), SI
	VMOVUPS (SI), Y4
	VMOVUPS (SI)(AX*1), Y5
	VMOVUPS (SI)(AX*2), Y6
	VMOVUPS (SI)(DX*1), Y7
	LEAQ    (SI)(AX*4), SI
	TRANSPOSE
	VBROADCASTSS scale+128(FP), Y6
	VMULPS  Y6, Y8, Y8
	VMULPS  Y6, Y9, Y9
	VMULPS  Y6, Y10, Y10
	VMULPS  Y6, Y11, Y11
	VMULPS  Y6, Y12, Y12
	VMULPS  Y6, Y13, Y13
	VMULPS  Y6, Y14, Y14
	VMULPS  Y6, Y15, Y15
	TESTQ   BX, BX
	JEQ     add
	VMOVUPS (BX), Y7
	ADDQ    $32, BX
	BIAS8(Y8)
	BIAS8(Y9)
	BIAS8(Y10)
	BIAS8(Y11)
	BIAS8(Y12)
	BIAS8(Y13)
	BIAS8(Y14)
	BIAS8(Y15)

add:
	CMPQ add_base+72(FP), $0
	JEQ  store
	ADD8
	ADDQ $32, R10
	ADDQ $32, R12
	ADDQ $32, R13

store:
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DI)(R8*1)
	VMOVUPS Y10, (DI)(R8*2)
	VMOVUPS Y11, (R11)
	VMOVUPS Y12, (R11)(R8*1)
	VMOVUPS Y13, (R11)(R8*2)
	VMOVUPS Y14, (R14)
	VMOVUPS Y15, (R14)(R8*1)
	ADDQ    $32, DI
	ADDQ    $32, R11
	ADDQ    $32, R14
	DECQ    CX
	JNE     block
	VZEROUPPER
	RET

// func dot4AVX2(dst, w, x []float32, k, stride int)
// Four dot products of rows of w with x. Registers: SI row 0 of w, R11 row 3, R8 stride, BX x, CX k; R10 the
// next four rows, which are fetched in their order in memory: taken turns at, they come at two thirds of the speed.
TEXT ·dot4AVX2(SB), NOSPLIT, $0-88
	MOVQ   dst_base+0(FP), DI
	MOVQ   w_base+24(FP), SI
	MOVQ   x_base+48(FP), BX
	MOVQ   k+72(FP), CX
	MOVQ   stride+80(FP), R8
	SHLQ   $2, R8
	CMPQ   CX, $1024
	JGT    four
	TESTQ  $31, CX
	JEQ    short

four:
	LEAQ   (SI)(R8*2), R11
	ADDQ   R8, R11
	LEAQ   (SI)(R8*4), R10
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	SUBQ   $16, CX
	JLT    sum

step16:
	VMOVUPS     (BX), Y0
	VMOVUPS     32(BX), Y1
	PREFETCHT1  (R10)
	VFMADD231PS (SI), Y0, Y4
	VFMADD231PS 32(SI), Y1, Y5
	PREFETCHT1  64(R10)
	VFMADD231PS (SI)(R8*1), Y0, Y6
	VFMADD231PS 32(SI)(R8*1), Y1, Y7
	PREFETCHT1  128(R10)
	VFMADD231PS (SI)(R8*2), Y0, Y8
	VFMADD231PS 32(SI)(R8*2), Y1, Y9
	PREFETCHT1  192(R10)
	VFMADD231PS (R11), Y0, Y10
	VFMADD231PS 32(R11), Y1, Y11
	ADDQ        $64, BX
	ADDQ        $64, SI
	ADDQ        $64, R11
	ADDQ        $256, R10
	SUBQ        $16, CX
	JGE         step16

	// Lane i of X4 becomes the sum of row i.
sum:
	VADDPS       Y5, Y4, Y4
	VADDPS       Y7, Y6, Y6
	VADDPS       Y9, Y8, Y8
	VADDPS       Y11, Y10, Y10
	VHADDPS      Y6, Y4, Y4
	VHADDPS      Y10, Y8, Y8
	VHADDPS      Y8, Y4, Y4
	VEXTRACTF128 $1, Y4, X5
	VADDPS       X5, X4, X4
	ADDQ         $16, CX
	JEQ          done

step1:
	VBROADCASTSS (BX), X0
	VMOVSS       (SI), X1
	VINSERTPS    $0x10, (SI)(R8*1), X1, X1
	VINSERTPS    $0x20, (SI)(R8*2), X1, X1
	VINSERTPS    $0x30, (R11), X1, X1
	VFMADD231PS  X1, X0, X4
	ADDQ         $4, BX
	ADDQ         $4, SI
	ADDQ         $4, R11
	DECQ         CX
	JNE          step1

done:
	VMOVUPS X4, (DI)
	VZEROUPPER
	RET

	// Short rows one after the other, in the order of memory: R9 row, R10 rows left, DX x, AX what is left of the row.
short:
	MOVQ $4, R10

row:
	MOVQ   SI, R9
	MOVQ   BX, DX
	MOVQ   CX, AX
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

step32:
	VMOVUPS     (DX), Y0
	VMOVUPS     32(DX), Y1
	VMOVUPS     64(DX), Y2
	VMOVUPS     96(DX), Y3
	VFMADD231PS (R9), Y0, Y4
	VFMADD231PS 32(R9), Y1, Y5
	VFMADD231PS 64(R9), Y2, Y6
	VFMADD231PS 96(R9), Y3, Y7
	SUBQ        $-128, DX
	SUBQ        $-128, R9
	SUBQ        $32, AX
	JNE         step32
	VADDPS       Y5, Y4, Y4
	VADDPS       Y7, Y6, Y6
	VADDPS       Y6, Y4, Y4
	VEXTRACTF128 $1, Y4, X5
	VADDPS       X5, X4, X4
	VHADDPS      X4, X4, X4
	VHADDPS      X4, X4, X4
	VMOVSS       X4, (DI)
	ADDQ         $4, DI
	ADDQ         R8, SI
	DECQ         R10
	JNE          row
	VZEROUPPER
	RET
