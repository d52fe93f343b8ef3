// Macros of the vector kernels, which all work on runs of floats: LANES at a time while there are so many (the count
// is in CX), and then the rest once more through a mask, so that an element's result doesn't depend on where it
// stands. Kernels that take each element alone are in the headers, and assembled twice: V0 to V15 are registers of
// 256 bits in vector_avx2_amd64.s and of 512 in vector_avx512_amd64.s, which have the same bits to show for it.

// CONST defines 16 copies of the float with the given bits.
#define CONST(name, bits) \
	DATA name<>+0(SB)/4, bits \
	DATA name<>+4(SB)/4, bits \
	DATA name<>+8(SB)/4, bits \
	DATA name<>+12(SB)/4, bits \
	DATA name<>+16(SB)/4, bits \
	DATA name<>+20(SB)/4, bits \
	DATA name<>+24(SB)/4, bits \
	DATA name<>+28(SB)/4, bits \
	DATA name<>+32(SB)/4, bits \
	DATA name<>+36(SB)/4, bits \
	DATA name<>+40(SB)/4, bits \
	DATA name<>+44(SB)/4, bits \
	DATA name<>+48(SB)/4, bits \
	DATA name<>+52(SB)/4, bits \
	DATA name<>+56(SB)/4, bits \
	DATA name<>+60(SB)/4, bits \
	GLOBL name<>(SB), RODATA|NOPTR, $64

// SUM8 is the sum of the 8 elements of Y(y), in a fixed order, in the lowest element of x, its own lower
// half; t is any other register.
#define SUM8(y, x, t) \
	VEXTRACTF128 $1, y, t \
	VADDPS t, x, x \
	VHADDPS x, x, x \
	VHADDPS x, x, x
