//go:build !purego && !f64

// The kernels that take each element alone, in AVX2.

#include "textflag.h"
#include "vector_amd64.h"
#include "avx2_amd64.h"
#include "exp_amd64.h"

#include "act_amd64.h"
#include "adamw_amd64.h"
#include "attention_amd64.h"
#include "norm_amd64.h"
#include "rows_amd64.h"
