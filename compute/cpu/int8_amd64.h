// What int8Dot4 has in every width. DOT4 loads its arguments, clears the sums and goes to wide for rows of more than 24 blocks: SI is row 0,
// R9 row 3, R8 their stride, AX what is fetched; DX, R12, R11 likewise for the scales; BX x, CX blocks.
#define DOT4 \
	MOVQ   dst_base+0(FP), DI \
	MOVQ   q_base+24(FP), SI \
	MOVQ   scale_base+48(FP), DX \
	MOVQ   x_base+72(FP), BX \
	MOVQ   blocks+96(FP), CX \
	MOVQ   stride+104(FP), R8 \
	LEAQ   (SI)(R8*2), R9 \
	ADDQ   R8, R9 \
	LEAQ   (SI)(R8*4), AX \
	MOVQ   R8, R11 \
	SHRQ   $4, R11 \
	LEAQ   (DX)(R11*2), R12 \
	ADDQ   R11, R12 \
	VXORPS Y8, Y8, Y8 \
	VXORPS Y9, Y9, Y9 \
	VXORPS Y10, Y10, Y10 \
	VXORPS Y11, Y11, Y11 \
	CMPQ   CX, $24 \
	JGT    wide

// SUM4 makes lane i of X8 the sum of row i, stores them and returns.
#define SUM4 \
	VHADDPS      Y9, Y8, Y8 \
	VHADDPS      Y11, Y10, Y10 \
	VHADDPS      Y10, Y8, Y8 \
	VEXTRACTF128 $1, Y8, X9 \
	VADDPS       X9, X8, X8 \
	VMOVUPS      X8, (DI) \
	VZEROUPPER \
	RET
