//go:build amd64 && !purego && !f64

#include "textflag.h"
#include "evex_amd64.h"

// Tiles of words: pairs of neighbours in bfloat16.
#define MUL(s, v, d) VDPBF16PS(s, v, d)
#define HALF(addr, tr, t, acc, z) \
	VBROADCASTSS addr, tr         \
	MUL(0, t, acc)
#define TILES6 ·tiles6BF16
#define TILES4 ·tiles4BF16
#define TILES1 ·tiles1BF16
#define HALVES12 ·halves12BF16

#include "tiles_avx512_amd64.h"
