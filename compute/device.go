package compute

// A Device runs the kernels. A forward kernel's backward stands below it. Implementations: Ref here, and
// the threaded SIMD kernels of package cpu. Results don't depend on how many threads a device uses.
type Device interface {
	// MatMulNT is dst = scale·a·bᵀ + bias + add: the layer y = x·Wᵀ + b. a [M, K], b [N, K], dst [M, N].
	MatMulNT(dst, a, b Mat, e Epilogue)
	// MatMulNN is dst = scale·a·b + bias + add: the input gradient dx = dy·W. a [M, K], b [K, N], dst [M, N].
	MatMulNN(dst, a, b Mat, e Epilogue)
	// MatMulTN is dst = scale·aᵀ·b + bias + add: the weight gradient dW = dyᵀ·x. a [K, M], b [K, N], dst [M, N].
	MatMulTN(dst, a, b Mat, e Epilogue)

	// MatMulNTStored is MatMulNT with a weight b in fewer bits.
	MatMulNTStored(dst, a Mat, b Stored, e Epilogue)
	// MatMulNNStored is MatMulNN with a weight b in fewer bits.
	MatMulNNStored(dst, a Mat, b Stored, e Epilogue)

	// Add is dst = a + b; dst may be either.
	Add(dst, a, b Mat)
	// ColSum adds the column sums of dy to db [1, C]: the gradient of a bias.
	ColSum(db, dy Mat)

	// ScaleCols is dst = x·diag(w): column j of x [N, C] times w[j], w [1, C]; dst may be x.
	ScaleCols(dst, x, w Mat)
	// ScaleColsBackward adds Σᵢ dy[i,j]·x[i,j] to dw[j]. The gradient of x is ScaleCols of dy.
	ScaleColsBackward(dw, dy, x Mat)

	// Gather copies rows of src: dst[i] = src[rows[i]]. It is the embedding look-up.
	Gather(dst, src Mat, rows []int32)
	// ScatterAdd adds rows to dst: dst[rows[i]] += src[i], in the order of i. It is Gather's gradient.
	ScatterAdd(dst, src Mat, rows []int32)

	// LayerNorm normalises each row of x [N, C] to mean 0 and variance 1, then scales by w and shifts by b
	// [1, C]. stat [N, 2] keeps mean and 1/σ.
	LayerNorm(dst, stat, x, w, b Mat, eps Float)
	// LayerNormBackward adds to dx, and to dw and db unless they are empty.
	LayerNormBackward(dx, dw, db, dy, x, stat, w Mat)
	// RMSNorm divides each row of x [N, C] by its root mean square and scales by w [1, C]. rstd [N, 1] keeps 1/rms.
	RMSNorm(dst, rstd, x, w Mat, eps Float)
	// RMSNormBackward adds to dx, and to dw unless it is empty.
	RMSNormBackward(dx, dw, dy, x, rstd, w Mat)

	// RoPE rotates each head of x [N, heads·D] in place by the angle of its row's position. table [P, D] has
	// D/2 cosines, then D/2 sines, in the row of each position. Element d is paired with d + D/2.
	RoPE(x, table Mat, pos []int32)
	// RoPEBackward rotates the other way, which is the gradient and undoes RoPE.
	RoPEBackward(dx, table Mat, pos []int32)

	// Attention is softmax(q·kᵀ·scale)·v per head. q, dst [N, heads·D]; k, v [M, kvHeads·D]; lse [N, heads]
	// keeps the log-sum-exp of each row of scores. Query head h reads key head h / (heads/kvHeads).
	Attention(dst, lse, q, k, v Mat, h Heads)
	// AttentionBackward overwrites dq, dk and dv. y and lse are what Attention returned.
	AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v Mat, h Heads)

	// Act is dst = f(x), elementwise; dst may be x.
	Act(dst, x Mat, f ActFunc)
	// ActBackward turns dy, the gradient of f(x), into the gradient of x: dst = dy·f'(x); dst may be dy.
	ActBackward(dst, dy, x Mat, f ActFunc)
	// GLU is dst = f(gate)·up; dst may be either.
	GLU(dst, gate, up Mat, f ActFunc)
	// GLUBackward overwrites dgate and dup; either may be dy.
	GLUBackward(dgate, dup, dy, gate, up Mat, f ActFunc)

	// Dropout zeroes each element with probability p and scales the others by 1/(1−p); dst may be x. The
	// choice depends only on key, row and column, so that calling it on a gradient is its backward.
	Dropout(dst, x Mat, p Float, key uint64)

	// CrossEntropy writes the loss of each row of logits [N, V] against its label to loss [N]. With label
	// smoothing ε the target is (1−ε)·onehot + ε/V. Unless scale is 0, logits become scale·dloss/dlogits.
	CrossEntropy(loss []Float, logits Mat, labels []int32, smoothing, scale Float)

	// AdamW updates w, m and v from the gradient g, all of one shape and dense.
	AdamW(w, g, m, v Mat, o AdamW)
	// AdamWHeld is AdamW on the elements of x from lo on, a multiple of 256; g is dense, and their gradient.
	AdamWHeld(x Held, g Mat, lo int, o AdamW)
	// SumSquares returns Σ g².
	SumSquares(g Mat) float64

	// BF16 returns this device with another way to multiply: the factors of a product are rounded to bfloat16 and
	// summed in float32, as torch's autocast does. Nothing else is rounded, the product isn't either.
	BF16() Device
}

// An Epilogue is what a product does to its result before it stores it: dst = Scale·product + Bias + Add.
type Epilogue struct {
	Scale Float // 0 means 1
	Bias  Mat   // [1, N], added to each row; may be empty
	Add   Mat   // [M, N]; may be empty; may be dst itself, which makes the product accumulate
}

func (e Epilogue) scale() Float {
	if e.Scale == 0 {
		return 1
	}
	return e.Scale
}

// Heads tells attention how to read its matrices: flash_attn_varlen's arguments, with the position of each
// query row instead of a mask. Full, cached and pruned attention are the same thing with other positions.
type Heads struct {
	Dim   int   // D, elements of one head
	Scale Float // multiplies the scores, usually 1/√D
	// Sequence s has the query rows [Q[s], Q[s+1]). Its keys start at row K[s].
	Q, K []int32
	// Query row i reads Pos[i]+1 keys of its sequence: its own and all before it.
	Pos []int32
	// Window limits each query to its last Window keys (sliding-window attention); 0 means no limit.
	Window int
	// Dropout is the probability with which an attention weight is dropped, chosen by Key.
	Dropout Float
	Key     uint64
}

// keys returns the rows [lo, hi) of k that query row i of sequence s reads.
func (h *Heads) keys(s, i int) (lo, hi int) {
	lo, hi = int(h.K[s]), int(h.K[s])+int(h.Pos[i])+1
	if h.Window > 0 {
		lo = max(lo, hi-h.Window)
	}
	return lo, hi
}

// An ActFunc is an activation function.
type ActFunc int

// The activations that config.json names.
const (
	GELUTanh ActFunc = iota // gelu_new, gelu_pytorch_tanh: ½x(1+tanh(√(2/π)(x+0.044715x³)))
	GELU                    // gelu: x·Φ(x)
	SiLU                    // silu, swish: x·σ(x)
	ReLU                    // relu: max(x, 0)
)

// AdamW holds the settings of one AdamW update (Loshchilov and Hutter, 2019), as torch.optim.AdamW has them.
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	Step                               int     // 1 for the first update
	GradScale                          float64 // multiplies the gradient: the clipping coefficient
}
