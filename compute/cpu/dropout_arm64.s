//go:build !purego && !f64

#include "textflag.h"
#include "vector_arm64.h"

// On four integers: 32-bit products of 64 bits of the lower and the upper two, comparison without sign.
#define UMULL(d, n, m) VOP3(0x2ea0c000, d, n, m)
#define UMULL2(d, n, m) VOP3(0x6ea0c000, d, n, m)
#define CMHI(d, n, m) VOP3(0x6ea03400, d, n, m)
#define BIC(d, n, m) VOP3(0x4e601c00, d, n, m)

// ROUND turns the words c0 to c3 of four counters, in V0 to V3, with the round's keys from R6.
#define ROUND \
	UMULL(4, 0, 28)             \
	UMULL2(5, 0, 28)            \
	UMULL(6, 2, 29)             \
	UMULL2(7, 2, 29)            \
	VLD1R.P (R6)(R7), [V16.S4]  \
	VLD1R.P (R6)(R7), [V17.S4]  \
	VUZP2   V7.S4, V6.S4, V18.S4 \
	VUZP2   V5.S4, V4.S4, V19.S4 \
	VEOR    V1.B16, V16.B16, V16.B16 \
	VEOR    V3.B16, V17.B16, V17.B16 \
	VUZP1   V7.S4, V6.S4, V1.S4 \
	VUZP1   V5.S4, V4.S4, V3.S4 \
	VEOR    V16.B16, V18.B16, V0.B16 \
	VEOR    V17.B16, V19.B16, V2.B16

// PHILOX leaves in V20 to V23 ones where the next 16 elements are to be dropped.
#define PHILOX \
	VMOV  V24.B16, V0.B16   \
	VMOV  V25.B16, V1.B16   \
	VMOV  V26.B16, V2.B16   \
	ZERO(V3)                \
	MOVD  R4, R6            \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	ROUND                   \
	VTRN1 V1.S4, V0.S4, V4.S4 \
	VTRN2 V1.S4, V0.S4, V5.S4 \
	VTRN1 V3.S4, V2.S4, V6.S4 \
	VTRN2 V3.S4, V2.S4, V7.S4 \
	VTRN1 V6.D2, V4.D2, V20.D2 \
	VTRN1 V7.D2, V5.D2, V21.D2 \
	VTRN2 V6.D2, V4.D2, V22.D2 \
	VTRN2 V7.D2, V5.D2, V23.D2 \
	CMHI(20, 31, 20)        \
	CMHI(21, 31, 21)        \
	CMHI(22, 31, 22)        \
	CMHI(23, 31, 23)

DATA lanes<>+0(SB)/4, $0
DATA lanes<>+4(SB)/4, $1
DATA lanes<>+8(SB)/4, $2
DATA lanes<>+12(SB)/4, $3
GLOBL lanes<>(SB), RODATA|NOPTR, $16

// func maskSIMD(dst, x *float32, n int, ctr *[3]uint32, keys *[80]uint64, drop uint32, keep float32)
//
// ctr is row, column/4 and head, in V24 to V26; keys are the 10 rounds' two keys, every 32 bytes. V27 is 4,
// V28 and V29 are Philox's multipliers, V30 keep, V31 drop.
TEXT ·maskSIMD(SB), NOSPLIT, $0-48
	MOVD    dst+0(FP), R0
	MOVD    x+8(FP), R1
	MOVD    n+16(FP), R5
	MOVD    ctr+24(FP), R3
	MOVD    keys+32(FP), R4
	VLD1R.P 4(R3), [V24.S4]
	VLD1R.P 4(R3), [V25.S4]
	VLD1R   (R3), [V26.S4]
	MOVD    $lanes<>(SB), R16
	VLD1    (R16), [V27.S4]
	VADD    V27.S4, V25.S4, V25.S4
	MOVD    $4, R16
	VDUP    R16, V27.S4
	MOVD    $0xD2511F53, R16
	VDUP    R16, V28.S4
	MOVD    $0xCD9E8D57, R16
	VDUP    R16, V29.S4
	SPLAT(keep+44(FP), V30)
	SPLAT(drop+40(FP), V31)
	MOVD    $32, R7

loop:
	SUBS   $16, R5
	BLT    rest
	PHILOX
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMUL(0, 0, 30)
	FMUL(1, 1, 30)
	FMUL(2, 2, 30)
	FMUL(3, 3, 30)
	BIC(0, 0, 20)
	BIC(1, 1, 21)
	BIC(2, 2, 22)
	BIC(3, 3, 23)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	VADD   V27.S4, V25.S4, V25.S4
	B      loop

rest:
	ADDS $16, R5
	BEQ  done
	PHILOX
	CMP  $8, R5
	BLT  last
	FLDPQ.P 32(R1), (F0, F1)
	FMUL(0, 0, 30)
	FMUL(1, 1, 30)
	BIC(0, 0, 20)
	BIC(1, 1, 21)
	FSTPQ.P (F0, F1), 32(R0)
	VMOV V22.B16, V20.B16
	VMOV V23.B16, V21.B16
	SUB  $8, R5

last:
	LOADREST(R1, R5, V0, V1)
	FMUL(0, 0, 30)
	FMUL(1, 1, 30)
	BIC(0, 0, 20)
	BIC(1, 1, 21)
	STOREREST(R0, R5, V0, V1)

done:
	RET
