// Philox4x32-10 (compute.Philox) in AVX2: four counters at a time, 16 words.
//
// The counters stand in the 64-bit lanes of four registers, one for each of their words; the upper halves of the lanes are
// of no account, as multiplication reads only the lower ones.
//
// ROUND turns the words c0 to c3 with the round's keys from AX; p0 and p1 are free registers. After it
// c0 is in c0, c1 in p1, c2 in c2 and c3 in p0.
#define ROUND(k, c0, c1, c2, c3, p0, p1) \
	VPMULUDQ Y15, c0, p0 \
	VPMULUDQ Y14, c2, p1 \
	VPSRLQ $32, p1, c0 \
	VPXOR c1, c0, c0 \
	VPXOR k(AX), c0, c0 \
	VPSRLQ $32, p0, c2 \
	VPXOR c3, c2, c2 \
	VPXOR k+32(AX), c2, c2

// TWO rounds end where the first began.
#define TWO(k) \
	ROUND(k, Y0, Y1, Y2, Y3, Y4, Y5) \
	ROUND(k+64, Y0, Y5, Y2, Y4, Y3, Y1)

DATA lanes<>+0(SB)/8, $0
DATA lanes<>+8(SB)/8, $1
DATA lanes<>+16(SB)/8, $2
DATA lanes<>+24(SB)/8, $3
GLOBL lanes<>(SB), RODATA|NOPTR, $32

// MULTIPLIERS loads what Philox multiplies by. It uses DX.
#define MULTIPLIERS \
	MOVL $0xD2511F53, DX \
	VMOVD DX, X15 \
	VPBROADCASTD X15, Y15 \
	MOVL $0xCD9E8D57, DX \
	VMOVD DX, X14 \
	VPBROADCASTD X14, Y14

// WORDS leaves the words of the counters in Y0 to Y3 in their order in Y0 and Y1. AX points to the rounds' two keys, each
// in four lanes; Y4 and Y5 are lost.
#define WORDS \
	TWO(0) \
	TWO(128) \
	TWO(256) \
	TWO(384) \
	TWO(512) \
	VPSLLQ $32, Y1, Y1 \
	VPBLENDD $0xaa, Y1, Y0, Y0 \
	VPSLLQ $32, Y3, Y3 \
	VPBLENDD $0xaa, Y3, Y2, Y2 \
	VPUNPCKLQDQ Y2, Y0, Y4 \
	VPUNPCKHQDQ Y2, Y0, Y5 \
	VPERM2I128 $0x20, Y5, Y4, Y0 \
	VPERM2I128 $0x31, Y5, Y4, Y1
