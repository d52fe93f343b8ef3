CONST(expLo, $0xc2aea8f6)   // −87.33: below, 0
CONST(expHi, $0x42a00000)   // 80: above, as 80
CONST(expMagic, $0x4b400000) // 1.5·2²³: adding it rounds to an integer
CONST(log2e, $0x3fb8aa3b)
CONST(ln2hi, $0x3f318000)
CONST(ln2lo, $0xb95e8083)
CONST(one, $0x3f800000)
CONST(exp2c, $0x3efffffe)   // minimax on |r| ≤ ½·ln 2, off by 3e-9
CONST(exp3c, $0x3e2aaa49)
CONST(exp4c, $0x3d2aac79)
CONST(exp5c, $0x3c091d10)
CONST(exp6c, $0x3ab511e6)

// EXPCONSTS loads what EXP keeps in registers.
#define EXPCONSTS \
	VMOVUPS expLo<>(SB), V15 \
	VMOVUPS expHi<>(SB), V14 \
	VMOVUPS expMagic<>(SB), V13 \
	VMOVUPS log2e<>(SB), V12

// EXP is p = exp(x): x = n·ln 2 + r, exp(r) by a polynomial, n into the exponent. x, n, t and p are
// registers; x, n and t are lost. NaN stays NaN.
#define EXP(x, n, t, p) \
	VMINPS x, V14, x \
	VMOVAPS V13, t \
	VFMADD231PS V12, x, t \
	VSUBPS V13, t, n \
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
	NOTBELOW(V15, x, p)
