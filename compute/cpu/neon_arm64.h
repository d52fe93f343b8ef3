// Go's assembler has no mnemonics for NEON's float arithmetic: these macros encode it. Their arguments are
// numbers of V registers, the result first. All are on four floats unless they say otherwise.

#define VOP3(op, d, n, m) WORD $(op | (m)<<16 | (n)<<5 | (d))
#define VOP2(op, d, n) WORD $(op | (n)<<5 | (d))

#define FADD(d, n, m) VOP3(0x4e20d400, d, n, m)
#define FMUL(d, n, m) VOP3(0x6e20dc00, d, n, m)
#define FMAX(d, n, m) VOP3(0x4e20f400, d, n, m)

// FADDP is the sums of neighbours, those of n first; FMAXV the largest of four.
#define FADDP(d, n, m) VOP3(0x6e20d400, d, n, m)
#define FMAXV(d, n) VOP2(0x6e30f800, d, n)

// FMLA is d += n·m, rounded once; FMLAX takes element i of m.
#define FMLA(d, n, m) VOP3(0x4e20cc00, d, n, m)
#define FMLAX(d, n, m, i) WORD $(0x4f801000 | ((i)&1)<<21 | (m)<<16 | ((i)>>1)<<11 | (n)<<5 | (d))
