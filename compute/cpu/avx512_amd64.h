// Vectors of 16 floats, in AVX-512. K1 is the mask of the rest.

#define LANES 16
#define V0 Z0
#define V1 Z1
#define V2 Z2
#define V3 Z3
#define V4 Z4
#define V5 Z5
#define V6 Z6
#define V7 Z7
#define V8 Z8
#define V9 Z9
#define V10 Z10
#define V11 Z11
#define V12 Z12
#define V13 Z13
#define V14 Z14
#define V15 Z15

#define FUNC(name, twin, args) TEXT twin(SB), NOSPLIT, args

// REST loads the mask of the CX < 16 elements that are left. It uses AX.
#define REST \
	MOVL $1, AX \
	SHLL CX, AX \
	DECL AX \
	KMOVW AX, K1

// LOADREST and STOREREST move them; what is not there is read as 0.
#define LOADREST(p, v) VMOVUPS.Z (p), K1, v
#define STOREREST(v, p) VMOVUPS v, K1, (p)

// MERGEREST loads them into v, which keeps what is not there. CLEARREST makes that 0.
#define MERGEREST(p, v) VMOVUPS (p), K1, v
#define CLEARREST(v) VMOVAPS.Z v, K1, v

// HALVE does op on the halves of V0. It uses V1.
#define HALVE(op) \
	VEXTRACTF32X8 $1, Z0, Y1 \
	op Y1, Y0, Y0

// ADDLANES adds the elements of v, 8 by 8, to those of sum. y is the lower half of v, t any other register.
#define ADDLANES(v, y, sum, t) \
	VADDPS y, sum, sum \
	VEXTRACTF32X8 $1, v, t \
	VADDPS t, sum, sum

// KEEP notes in K3 where m is not 0, and DROP is v = v·m there, 0 elsewhere.
#define KEEP(m, t) VPTESTMD m, m, K3
#define DROP(m, v, t) VMULPS.Z m, v, K3, v

// NOTBELOW is p = 0 where x < bound.
#define NOTBELOW(bound, x, p) \
	VCMPPS $5, bound, x, K2 \
	VMOVAPS.Z p, K2, p

// SIGNED is d = a where x is negative, b elsewhere.
#define SIGNED(x, a, b, d) \
	VPMOVD2M x, K2 \
	VBLENDMPS a, b, K2, d
