// Vectors of 8 floats, in AVX2. V11 is the mask of the rest.

#define LANES 8
#define V0 Y0
#define V1 Y1
#define V2 Y2
#define V3 Y3
#define V4 Y4
#define V5 Y5
#define V6 Y6
#define V7 Y7
#define V8 Y8
#define V9 Y9
#define V10 Y10
#define V11 Y11
#define V12 Y12
#define V13 Y13
#define V14 Y14
#define V15 Y15

// WIDE goes on in the wide twin of a function where the processor has AVX-512.
#define WIDE(twin) \
	CMPB ·simd512(SB), $1 \
	JNE  2(PC) \
	JMP  twin(SB)

// FUNC begins a function that is assembled twice.
#define FUNC(name, twin, args) \
	TEXT name(SB), NOSPLIT, args \
	WIDE(twin)

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
#define REST \
	NEGQ CX \
	LEAQ ones<>+32(SB), AX \
	VMOVUPS (AX)(CX*4), Y11

// LOADREST and STOREREST move them; what is not there is read as 0.
#define LOADREST(p, v) VMASKMOVPS (p), Y11, v
#define STOREREST(v, p) VMASKMOVPS v, Y11, (p)

// MERGEREST loads them into v, which keeps what is not there; it uses V2. CLEARREST makes that 0.
#define MERGEREST(p, v) \
	VMASKMOVPS (p), Y11, Y2 \
	VBLENDVPS Y11, Y2, v, v
#define CLEARREST(v) VANDPS Y11, v, v

// HALVE does op on the halves of V0 if it has more than 8 elements. It uses V1.
#define HALVE(op)

// ADDLANES adds the elements of v, 8 by 8, to those of sum. y is the lower half of v, t any other register.
#define ADDLANES(v, y, sum, t) VADDPS y, sum, sum

// KEEP notes in t where m is not 0, and DROP is v = v·m there, 0 elsewhere.
#define KEEP(m, t) \
	VXORPS t, t, t \
	VCMPPS $4, m, t, t
#define DROP(m, v, t) \
	VMULPS m, v, v \
	VANDPS t, v, v

// NOTBELOW is p = 0 where x < bound. x is lost.
#define NOTBELOW(bound, x, p) \
	VCMPPS $1, bound, x, x \
	VANDNPS p, x, p

// SIGNED is d = a where x is negative, b elsewhere.
#define SIGNED(x, a, b, d) VBLENDVPS x, a, b, d
