// Macros of the vector kernels, which all work on runs of floats: 8 at a time while there are 8 (the count
// is in CX), and then the rest once more through a mask, so that an element's result doesn't depend on
// where it stands.

// The masks of the rest: 8 words of ones, 8 of zeros.
DATA ones<>+0(SB)/8, $-1
DATA ones<>+8(SB)/8, $-1
DATA ones<>+16(SB)/8, $-1
DATA ones<>+24(SB)/8, $-1
DATA ones<>+32(SB)/8, $0
DATA ones<>+40(SB)/8, $0
DATA ones<>+48(SB)/8, $0
DATA ones<>+56(SB)/8, $0
GLOBL ones<>(SB), RODATA|NOPTR, $64

// REST loads the mask of the CX < 8 elements that are left. It uses AX.
#define REST(mask) \
	NEGQ CX \
	LEAQ ones<>+32(SB), AX \
	VMOVUPS (AX)(CX*4), mask

// CONST8 defines 8 copies of the float with the given bits.
#define CONST8(name, bits) \
	DATA name<>+0(SB)/4, bits \
	DATA name<>+4(SB)/4, bits \
	DATA name<>+8(SB)/4, bits \
	DATA name<>+12(SB)/4, bits \
	DATA name<>+16(SB)/4, bits \
	DATA name<>+20(SB)/4, bits \
	DATA name<>+24(SB)/4, bits \
	DATA name<>+28(SB)/4, bits \
	GLOBL name<>(SB), RODATA|NOPTR, $32

CONST8(expLo, $0xc2aea8f6)   // −87.33: below, 0
CONST8(expHi, $0x42a00000)   // 80: above, as 80
CONST8(expMagic, $0x4b400000) // 1.5·2²³: adding it rounds to an integer
CONST8(log2e, $0x3fb8aa3b)
CONST8(ln2hi, $0x3f318000)
CONST8(ln2lo, $0xb95e8083)
CONST8(one, $0x3f800000)
CONST8(exp2c, $0x3efffffe)   // minimax on |r| ≤ ½·ln 2, off by 3e-9
CONST8(exp3c, $0x3e2aaa49)
CONST8(exp4c, $0x3d2aac79)
CONST8(exp5c, $0x3c091d10)
CONST8(exp6c, $0x3ab511e6)

// EXPCONSTS loads what EXP keeps in registers.
#define EXPCONSTS \
	VMOVUPS expLo<>(SB), Y15 \
	VMOVUPS expHi<>(SB), Y14 \
	VMOVUPS expMagic<>(SB), Y13 \
	VMOVUPS log2e<>(SB), Y12

// EXP is p = exp(x): x = n·ln 2 + r, exp(r) by a polynomial, n into the exponent. x, n, t and p are
// registers; x, n and t are lost. NaN stays NaN.
#define EXP(x, n, t, p) \
	VMINPS x, Y14, x \
	VMOVAPS Y13, t \
	VFMADD231PS Y12, x, t \
	VSUBPS Y13, t, n \
	VMOVAPS x, p \
	VFNMADD231PS ln2hi<>(SB), n, p \
	VFNMADD231PS ln2lo<>(SB), n, p \
	VMOVUPS exp6c<>(SB), n \
	VFMADD213PS exp5c<>(SB), p, n \
	VFMADD213PS exp4c<>(SB), p, n \
	VFMADD213PS exp3c<>(SB), p, n \
	VFMADD213PS exp2c<>(SB), p, n \
	VFMADD213PS one<>(SB), p, n \
	VFMADD213PS one<>(SB), n, p \
	VPSLLD $23, t, t \
	VPADDD t, p, p \
	VCMPPS $1, Y15, x, x \
	VANDNPS p, x, p

// SUM8 is the sum of the 8 elements of Y(y), in a fixed order, in the lowest element of x, its own lower
// half; t is any other register.
#define SUM8(y, x, t) \
	VEXTRACTF128 $1, y, t \
	VADDPS t, x, x \
	VHADDPS x, x, x \
	VHADDPS x, x, x
