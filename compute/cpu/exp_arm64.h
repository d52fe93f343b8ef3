// Constants stand in a table, each 8 times, and R15 points at it.
#define CONST8(off, bits) \
	DATA consts<>+off+0(SB)/4, bits \
	DATA consts<>+off+4(SB)/4, bits \
	DATA consts<>+off+8(SB)/4, bits \
	DATA consts<>+off+12(SB)/4, bits \
	DATA consts<>+off+16(SB)/4, bits \
	DATA consts<>+off+20(SB)/4, bits \
	DATA consts<>+off+24(SB)/4, bits \
	DATA consts<>+off+28(SB)/4, bits

CONST8(0, $0xc2aea8f6)   // −87.33: below, 0
CONST8(32, $0x42a00000)  // 80: above, as 80
CONST8(64, $0x4b400000)  // 1.5·2²³: adding it rounds to an integer
CONST8(96, $0x3fb8aa3b)  // log₂e
CONST8(128, $0x3f318000) // ln 2, in two parts
CONST8(160, $0xb95e8083)
CONST8(192, $0x3f800000) // 1
CONST8(224, $0x3efffffe) // minimax on |r| ≤ ½·ln 2, off by 3e-9
CONST8(256, $0x3e2aaa49)
CONST8(288, $0x3d2aac79)
CONST8(320, $0x3c091d10)
CONST8(352, $0x3ab511e6)

// TABLE is what stands in the table after exp's constants.
#define TABLE 384

// LOADY loads a constant into a pair.
#define LOADY(y, off) WORD $(0xad400000 | ((off)/16)<<15 | (2*(y)+1)<<10 | 15<<5 | 2*(y))

// EXPCONSTS loads what EXP keeps in registers: V25 to V31.
#define EXPCONSTS \
	MOVD  $consts<>(SB), R15 \
	FMOVQ 0(R15), F25        \
	FMOVQ 32(R15), F31       \
	FMOVQ 64(R15), F30       \
	FMOVQ 96(R15), F29       \
	FMOVQ 128(R15), F28      \
	FMOVQ 160(R15), F27      \
	FMOVQ 192(R15), F26

// HORNER is p = p·x + constant in t, which becomes the next p.
#define HORNER(off, x, p, t) \
	LOADY(t, off) \
	FMA8(t, x, p)

// EXP is p = exp(x): x = n·ln 2 + r, exp(r) by a polynomial, n into the exponent. All are pairs; x, n, t and
// u are lost. NaN stays NaN.
#define EXP(x, n, t, p, u) \
	MINC(x, x, 31)         \
	MOVC(t, 30)            \
	FMAC(t, x, 29)         \
	SUBC(n, t, 30)         \
	MOV8(p, x)             \
	FMSC(p, n, 28)         \
	FMSC(p, n, 27)         \
	LOADY(n, 352)          \
	HORNER(320, p, n, u)   \
	HORNER(288, p, u, n)   \
	HORNER(256, p, n, u)   \
	HORNER(224, p, u, n)   \
	MOVC(u, 26)            \
	FMA8(u, p, n)          \
	MOVC(n, 26)            \
	FMA8(n, p, u)          \
	SHL23(t, t)            \
	IADD8(p, n, t)         \
	LESSC(x, x, 25)        \
	BIC8(p, p, x)
