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

// NOTBELOW is p = 0 where x < bound.
#define NOTBELOW(bound, x, p) \
	VCMPPS $5, bound, x, K2 \
	VMOVAPS.Z p, K2, p

// SIGNED is d = a where x is negative, b elsewhere.
#define SIGNED(x, a, b, d) \
	VPMOVD2M x, K2 \
	VBLENDMPS a, b, K2, d
