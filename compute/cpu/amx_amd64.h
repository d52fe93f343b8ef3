// AMX, which Go's assembler doesn't have. t, a, b and c are numbers of tiles, base and stride numbers of registers (AX 0, CX 1,
// DX 2, BX 3, SI 6, DI 7, R8 8 and so on), d bytes.

#define AMX_MEMORY(prefix, opcode, t, base, stride, d) \
	BYTE $0xC4                                                           \
	BYTE $(0x82 | (((stride>>3)^1)<<6) | (((base>>3)^1)<<5))             \
	BYTE $(0x78 | prefix)                                                \
	BYTE $opcode                                                         \
	BYTE $(0x84 | (t<<3))                                                \
	BYTE $(((stride&7)<<3) | (base&7))                                   \
	LONG $d

// TILELOADD loads rows of 64 bytes that are stride apart, TILESTORED stores them.
#define TILELOADD(d, base, stride, t) AMX_MEMORY(3, 0x4B, t, base, stride, d)
#define TILESTORED(t, d, base, stride) AMX_MEMORY(2, 0x4B, t, base, stride, d)

#define TILEZERO(t) \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x7B; BYTE $0x49; BYTE $(0xC0 | (t<<3))

// TDPBF16PS adds a·b to c: a [rows, 16], b [16, 16] of words, c [rows, 16] of floats.
#define TDPBF16PS(b, a, c) \
	BYTE $0xC4; BYTE $0xE2; BYTE $(0x02 | ((b^15)<<3)); BYTE $0x5C; BYTE $(0xC0 | (c<<3) | a)

// LDTILECFG_AX sets the shapes of the tiles from the 64 bytes at AX.
#define LDTILECFG_AX \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0x00

// TILERELEASE gives the tiles back, so that nobody need save them.
#define TILERELEASE \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0xC0
