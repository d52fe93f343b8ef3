// Macros of the vector kernels. They work on 8 floats at a time as the AVX2 kernels do, operation by
// operation, which gives the same bits: Y(i), a pair of registers, is V(2i) and V(2i+1). What is left of a
// run (the count is in R5) is loaded and stored piece by piece. R16 is free for macros.

#include "neon_arm64.h"

#define YOP3(op, d, n, m) \
	VOP3(op, 2*(d), 2*(n), 2*(m)) \
	VOP3(op, 2*(d)+1, 2*(n)+1, 2*(m)+1)

#define YOP2(op, d, n) \
	VOP2(op, 2*(d), 2*(n)) \
	VOP2(op, 2*(d)+1, 2*(n)+1)

// YOPC has a constant for its second operand, which is one V register.
#define YOPC(op, d, n, c) \
	VOP3(op, 2*(d), 2*(n), c) \
	VOP3(op, 2*(d)+1, 2*(n)+1, c)

// d = n op m; FMA8 is d += n·m and FMS8 d −= n·m, rounded once; BIC8 is n without the bits of m.
#define ADD8(d, n, m) YOP3(0x4e20d400, d, n, m)
#define SUB8(d, n, m) YOP3(0x4ea0d400, d, n, m)
#define MUL8(d, n, m) YOP3(0x6e20dc00, d, n, m)
#define DIV8(d, n, m) YOP3(0x6e20fc00, d, n, m)
#define MAX8(d, n, m) YOP3(0x4e20f400, d, n, m)
#define FMA8(d, n, m) YOP3(0x4e20cc00, d, n, m)
#define FMS8(d, n, m) YOP3(0x4ea0cc00, d, n, m)
#define AND8(d, n, m) YOP3(0x4e201c00, d, n, m)
#define BIC8(d, n, m) YOP3(0x4e601c00, d, n, m)
#define BSL8(d, n, m) YOP3(0x6e601c00, d, n, m) // d ? n : m
#define IADD8(d, n, m) YOP3(0x4ea08400, d, n, m)

#define MOV8(d, n) YOP3(0x4ea01c00, d, n, n)
#define NEG8(d, n) YOP2(0x6ea0f800, d, n)
#define ABS8(d, n) YOP2(0x4ea0f800, d, n)
#define SQRT8(d, n) YOP2(0x6ea1f800, d, n)
#define SHL23(d, n) YOP2(0x4f375400, d, n)     // integers << 23
#define NONNEG8(d, n) YOP2(0x6ea0c800, d, n)   // n ≥ 0
#define SIGN8(d, n) YOP2(0x4ea0a800, d, n)     // the sign bit is set

#define ADDC(d, n, c) YOPC(0x4e20d400, d, n, c)
#define SUBC(d, n, c) YOPC(0x4ea0d400, d, n, c)
#define MULC(d, n, c) YOPC(0x6e20dc00, d, n, c)
#define MAXC(d, n, c) YOPC(0x4e20f400, d, n, c)
#define MINC(d, n, c) YOPC(0x4ea0f400, d, n, c)
#define FMAC(d, n, c) YOPC(0x4e20cc00, d, n, c)
#define FMSC(d, n, c) YOPC(0x4ea0cc00, d, n, c)

// MOVC makes copies of a constant.
#define MOVC(d, c) \
	VOP3(0x4ea01c00, 2*(d), c, c) \
	VOP3(0x4ea01c00, 2*(d)+1, c, c)

// LESSC is c > n, element by element.
#define LESSC(d, n, c) \
	VOP3(0x6ea0e400, 2*(d), c, 2*(n)) \
	VOP3(0x6ea0e400, 2*(d)+1, c, 2*(n)+1)

#define ZERO(v) VEOR v.B16, v.B16, v.B16

// SPLAT fills v with a float argument.
#define SPLAT(arg, v) \
	MOVWU arg, R16 \
	VDUP  R16, v.S4

// LOADREST loads the n < 8 elements at p into a and b, and zeros behind them.
#define LOADREST(p, n, a, b) \
	ADD  n<<2, p, R16         \
	ZERO(b)                   \
	TBZ  $0, n, 3(PC)         \
	SUB  $4, R16              \
	VLD1 (R16), b.S[0]        \
	TBZ  $1, n, 4(PC)         \
	VMOV b.D[0], b.D[1]       \
	SUB  $8, R16              \
	VLD1 (R16), b.D[0]        \
	TBZ  $2, n, 3(PC)         \
	VLD1 (p), [a.S4]          \
	JMP  3(PC)                \
	VMOV b.B16, a.B16         \
	ZERO(b)

// STOREREST stores them. p, a and b are lost.
#define STOREREST(p, n, a, b) \
	TBZ    $2, n, 3(PC)       \
	VST1.P [a.S4], 16(p)      \
	VMOV   b.B16, a.B16       \
	TBZ    $1, n, 3(PC)       \
	VST1.P a.D[0], 8(p)       \
	VMOV   a.D[1], a.D[0]     \
	TBZ    $0, n, 2(PC)       \
	VST1   a.S[0], (p)

// REST loads the mask of the n elements that are left into F registers.
#define REST(n, a, b) \
	MOVD  $ones<>+32(SB), R16 \
	SUB   n<<2, R16           \
	FLDPQ (R16), (a, b)

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

// SUM8 is the sum of the 8 elements of V(a) and V(a+1), in AVX2's order, in every element of V(a).
#define SUM8(a) \
	FADD(a, a, a+1) \
	FADDP(a, a, a)  \
	FADDP(a, a, a)
