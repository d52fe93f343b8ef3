// The scores of a block. V0 and V1 hold 2·LANES elements of b, V2 and V3 elements of a, V4 to V15 a tile of 6 rows.
//   DI c, SI the tile's first row of a, BX partial, CX tiles left, R8 the distance of rows of a, R9 of rows of c, DX the chain
//   R10 dim/8, R11 row 0 of a or c, R12 row 3, R13 b, R14 the chain's b, AX steps left

#define VBYTES 4*LANES

#define ROW(addr, t, lo, hi) \
	VBROADCASTSS addr, t     \
	VFMADD231PS  V0, t, lo   \
	VFMADD231PS  V1, t, hi

// EACH does f on the 12 registers of the tile and those from o on in partial.
#define EACH(f, o) \
	f(VBYTES*(o+0)(BX), V4)   \
	f(VBYTES*(o+1)(BX), V5)   \
	f(VBYTES*(o+2)(BX), V6)   \
	f(VBYTES*(o+3)(BX), V7)   \
	f(VBYTES*(o+4)(BX), V8)   \
	f(VBYTES*(o+5)(BX), V9)   \
	f(VBYTES*(o+6)(BX), V10)  \
	f(VBYTES*(o+7)(BX), V11)  \
	f(VBYTES*(o+8)(BX), V12)  \
	f(VBYTES*(o+9)(BX), V13)  \
	f(VBYTES*(o+10)(BX), V14) \
	f(VBYTES*(o+11)(BX), V15)

#define ADDP(m, v) VADDPS m, v, v
#define STOREP(m, v) VMOVUPS v, m

// STOREC stores a row of the tile, times V0.
#define STOREC(addr, addr2, lo, hi) \
	VMULPS  V0, lo, lo \
	VMULPS  V0, hi, hi \
	VMOVUPS lo, addr   \
	VMOVUPS hi, addr2

// func scoresSIMD(c, a, b, partial []float32, tiles, dim, cs int, scale float32)
//
// c = scale·a·b for tiles of 6 rows of a, which are end to end, and one panel b [dim, 2·LANES]. Rows of c are cs apart. Elements
// of a row of a that are 8 apart are a chain; the 8 chains are added as dots adds its lanes, ((0+1)+(2+3))+((4+5)+(6+7)):
// the first of a pair waits in partial[0], a sum of two in [1], of four in [2].
FUNC(·scoresSIMD, ·scoresAVX512, $0-124)
	MOVQ c_base+0(FP), DI
	MOVQ a_base+24(FP), SI
	MOVQ tiles+96(FP), CX
	MOVQ dim+104(FP), R8
	MOVQ R8, R10
	SHRQ $3, R10
	SHLQ $2, R8
	MOVQ cs+112(FP), R9
	SHLQ $2, R9
	MOVQ partial_base+72(FP), BX

tile:
	MOVQ b_base+48(FP), R14
	LEAQ (R8)(R8*2), R15
	LEAQ (SI)(R15*2), R15
	XORQ DX, DX

chain:
	LEAQ (SI)(DX*4), R11
	LEAQ (R11)(R8*2), R12
	ADDQ R8, R12
	MOVQ R14, R13
	MOVQ R10, AX
	VXORPS V4, V4, V4
	VXORPS V5, V5, V5
	VXORPS V6, V6, V6
	VXORPS V7, V7, V7
	VXORPS V8, V8, V8
	VXORPS V9, V9, V9
	VXORPS V10, V10, V10
	VXORPS V11, V11, V11
	VXORPS V12, V12, V12
	VXORPS V13, V13, V13
	VXORPS V14, V14, V14
	VXORPS V15, V15, V15

step:
	VMOVUPS (R13), V0
	VMOVUPS VBYTES(R13), V1
	ROW((R11), V2, V4, V5)
	ROW((R11)(R8*1), V3, V6, V7)
	ROW((R11)(R8*2), V2, V8, V9)
	ROW((R12), V3, V10, V11)
	ROW((R12)(R8*1), V2, V12, V13)
	ROW((R12)(R8*2), V3, V14, V15)
	PREFETCHT0 (R15)
	ADDQ $24, R15
	ADDQ $32, R11
	ADDQ $32, R12
	ADDQ $(16*VBYTES), R13
	DECQ AX
	JNE  step

	ADDQ  $(2*VBYTES), R14
	INCQ  DX
	TESTQ $1, DX
	JEQ   second
	EACH(STOREP, 0)
	JMP   chain

second:
	EACH(ADDP, 0)
	TESTQ $2, DX
	JEQ   fourth
	EACH(STOREP, 12)
	JMP   chain

fourth:
	EACH(ADDP, 12)
	TESTQ $4, DX
	JEQ   eighth
	EACH(STOREP, 24)
	JMP   chain

eighth:
	EACH(ADDP, 24)
	VBROADCASTSS scale+120(FP), V0
	LEAQ (DI)(R9*2), R12
	ADDQ R9, R12
	STOREC((DI), VBYTES(DI), V4, V5)
	STOREC((DI)(R9*1), VBYTES(DI)(R9*1), V6, V7)
	STOREC((DI)(R9*2), VBYTES(DI)(R9*2), V8, V9)
	STOREC((R12), VBYTES(R12), V10, V11)
	STOREC((R12)(R9*1), VBYTES(R12)(R9*1), V12, V13)
	STOREC((R12)(R9*2), VBYTES(R12)(R9*2), V14, V15)
	LEAQ (R12)(R9*2), DI
	ADDQ R9, DI
	LEAQ (SI)(R8*4), SI
	LEAQ (SI)(R8*2), SI
	DECQ CX
	JNE  tile
	VZEROUPPER
	RET

CONST(minusInf, $0xff800000)

// The functions below go over rows of a block, stride apart, of which each has its own elements [from, to). DI is the row,
// SI and CX what is left of its elements, R8 the row's number, R9 the stride, R14 from, R15 to, DX and BX the vectors beside them.

// ELEMENTS sets SI and CX to row R8's elements, and goes to next if there are none.
#define ELEMENTS(next) \
	MOVQ (R14)(R8*8), AX \
	MOVQ (R15)(R8*8), CX \
	LEAQ (DI)(AX*4), SI \
	SUBQ AX, CX \
	JLE  next

// NEXTROW goes to the next row, if there is one.
#define NEXTROW(row, rows) \
	ADDQ R9, DI \
	INCQ R8 \
	CMPQ R8, rows \
	JLT  row

// func maximaSIMD(dst, x []float32, from, to *[blockRows]int, rows, stride int)
FUNC(·maximaSIMD, ·maximaAVX512, $0-80)
	MOVQ dst_base+0(FP), BX
	MOVQ x_base+24(FP), DI
	MOVQ from+48(FP), R14
	MOVQ to+56(FP), R15
	MOVQ stride+72(FP), R9
	SHLQ $2, R9
	XORQ R8, R8

row:
	VMOVUPS minusInf<>(SB), V0
	ELEMENTS(done)

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMAXPS (SI), V0, V0
	ADDQ $(VBYTES), SI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	VMOVUPS minusInf<>(SB), V1
	MERGEREST(SI, V1)
	VMAXPS V1, V0, V0

done:
	HALVE(VMAXPS)
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VPERMILPS $0x4e, X0, X1
	VMAXPS X1, X0, X0
	VPERMILPS $0xb1, X0, X1
	VMAXPS X1, X0, X0
	VMOVSS X0, (BX)(R8*4)
	NEXTROW(row, rows+64(FP))
	VZEROUPPER
	RET

// func expSumsSIMD(sum, x, shift []float32, from, to *[blockRows]int, rows, stride int)
//
// x = exp(x − shift), and its sum, in 8 lanes, is added to sum; both have an element for each row.
FUNC(·expSumsSIMD, ·expSumsAVX512, $0-104)
	MOVQ sum_base+0(FP), BX
	MOVQ x_base+24(FP), DI
	MOVQ shift_base+48(FP), DX
	MOVQ from+72(FP), R14
	MOVQ to+80(FP), R15
	MOVQ stride+96(FP), R9
	SHLQ $2, R9
	XORQ R8, R8
	EXPCONSTS

row:
	ELEMENTS(next)
	VBROADCASTSS (DX)(R8*4), V10
	VXORPS Y9, Y9, Y9

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	VSUBPS V10, V0, V0
	EXP(V0, V1, V2, V3)
	VMOVUPS V3, (SI)
	ADDLANES(V3, Y3, Y9, Y4)
	ADDQ $(VBYTES), SI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   done
	REST
	LOADREST(SI, V0)
	VSUBPS V10, V0, V0
	EXP(V0, V1, V2, V3)
	STOREREST(V3, SI)
	CLEARREST(V3)
	ADDLANES(V3, Y3, Y9, Y4)

done:
	SUM8(Y9, X9, X0)
	VADDSS (BX)(R8*4), X9, X9
	VMOVSS X9, (BX)(R8*4)

next:
	NEXTROW(row, rows+88(FP))
	VZEROUPPER
	RET

// BACKWARD turns the score in V0 and the weight's gradient in V4 into the weight, V3, and the score's gradient, V4.
#define BACKWARD \
	VSUBPS V10, V0, V0 \
	EXP(V0, V1, V2, V3) \
	VSUBPS V8, V4, V4 \
	VMULPS V3, V4, V4 \
	VMULPS V9, V4, V4

// func softmaxBackwardsSIMD(p, ds, mask, lse, delta []float32, from, to *[blockRows]int, rows, stride int, scale float32)
//
// p = exp(p − lse), ds = p·(ds − delta)·scale, lse and delta having an element for each row. Where there is a mask, laid out like
// p, ds is first multiplied by it and p last; where it is 0 the result is 0.
FUNC(·softmaxBackwardsSIMD, ·softmaxBackwardsAVX512, $0-156)
	MOVQ p_base+0(FP), DI
	MOVQ ds_base+24(FP), R11
	MOVQ mask_base+48(FP), R12
	MOVQ lse_base+72(FP), DX
	MOVQ delta_base+96(FP), BX
	MOVQ from+120(FP), R14
	MOVQ to+128(FP), R15
	MOVQ stride+144(FP), R9
	SHLQ $2, R9
	XORQ R8, R8
	VBROADCASTSS scale+152(FP), V9
	EXPCONSTS
	SUBQ DI, R11 // from here ds and mask are as far from p
	TESTQ R12, R12
	JZ   row
	SUBQ DI, R12

row:
	ELEMENTS(next)
	VBROADCASTSS (DX)(R8*4), V10
	VBROADCASTSS (BX)(R8*4), V8

loop:
	SUBQ $LANES, CX
	JLT  rest
	VMOVUPS (SI), V0
	VMOVUPS (SI)(R11*1), V4
	TESTQ R12, R12
	JNZ  masked
	BACKWARD
	VMOVUPS V3, (SI)
	VMOVUPS V4, (SI)(R11*1)
	ADDQ $(VBYTES), SI
	JMP  loop

masked:
	VMOVUPS (SI)(R12*1), V5
	KEEP(V5, V6)
	DROP(V5, V4, V6)
	BACKWARD
	DROP(V5, V3, V6)
	VMOVUPS V3, (SI)
	VMOVUPS V4, (SI)(R11*1)
	ADDQ $(VBYTES), SI
	JMP  loop

rest:
	ADDQ $LANES, CX
	JZ   next
	REST
	LEAQ (SI)(R11*1), R13
	LOADREST(SI, V0)
	LOADREST(R13, V4)
	TESTQ R12, R12
	JNZ  maskedRest
	BACKWARD
	JMP  store

maskedRest:
	LEAQ (SI)(R12*1), AX
	LOADREST(AX, V5)
	KEEP(V5, V6)
	DROP(V5, V4, V6)
	BACKWARD
	DROP(V5, V3, V6)

store:
	STOREREST(V3, SI)
	STOREREST(V4, R13)

next:
	NEXTROW(row, rows+136(FP))
	VZEROUPPER
	RET
