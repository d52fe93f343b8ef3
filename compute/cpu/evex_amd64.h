// Instructions that Go's assembler doesn't have. Arguments are numbers of registers, 0 to 15, the result last.

// EVEX is an instruction of three 512-bit registers, from the map of opcodes 0F38 with a prefix: 1 is 66, 2 is F3, 3 is F2. s is the
// operand that could be in memory.
#define EVEX(prefix, opcode, s, v, d) \
	BYTE $0x62                                                             \
	BYTE $(0x52 | (((d>>3)^1)<<7) | (((s>>3)^1)<<5))                       \
	BYTE $(0x04 | prefix | ((v^15)<<3))                                    \
	BYTE $0x48                                                             \
	BYTE $opcode                                                           \
	BYTE $(0xC0 | ((d&7)<<3) | (s&7))

// VFMADD231PS512 adds s·v to d. Go's assembler has it, but not with numbers of registers.
#define VFMADD231PS512(s, v, d) EVEX(1, 0xB8, s, v, d)

// VDPBF16PS adds to each float of d the products of two neighbours in bfloat16, the upper one first.
#define VDPBF16PS(s, v, d) EVEX(2, 0x52, s, v, d)

// VCVTNE2PS2BF16 rounds 32 floats: those of s become the lower half of d, those of v the upper.
#define VCVTNE2PS2BF16(s, v, d) EVEX(3, 0x72, s, v, d)
