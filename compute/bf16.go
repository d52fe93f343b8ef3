package compute

import "math"

// BF16 rounds x to the 8 significant bits of bfloat16, to nearest, ties to even, and subnormal numbers to 0, as the
// processors that multiply bfloat16 do.
func BF16(x Float) Float {
	b := math.Float32bits(float32(x))
	switch exp := b & 0x7f800000; {
	case exp == 0:
		b &= 1 << 31
	case exp == 0x7f800000 && b<<9 != 0:
		b = b&^0xffff | 1<<22 // a quiet NaN
	default:
		b = (b + 0x7fff + b>>16&1) &^ 0xffff
	}
	return Float(math.Float32frombits(b))
}

// RefBF16 is Ref with products of factors that are rounded to bfloat16 first. A product of two of them is exact in
// float32, where they are summed: in pairs, the second of a pair before the first (VDPBF16PS).
type RefBF16 struct{ Ref }

var _ Device = RefBF16{}

// BF16 returns the reference with rounded factors.
func (Ref) BF16() Device { return RefBF16{} }

func (RefBF16) MatMulNT(dst, a, b Mat, e Epilogue) {
	CheckProduct("MatMulNT", dst, a.Rows, a.Cols, b.Cols, b.Rows, e)
	productBF16(dst, a.Cols, e, func(i, k int) Float { return a.Data[i*a.Stride+k] },
		func(k, j int) Float { return b.Data[j*b.Stride+k] })
}

func (RefBF16) MatMulNN(dst, a, b Mat, e Epilogue) {
	CheckProduct("MatMulNN", dst, a.Rows, a.Cols, b.Rows, b.Cols, e)
	productBF16(dst, a.Cols, e, func(i, k int) Float { return a.Data[i*a.Stride+k] },
		func(k, j int) Float { return b.Data[k*b.Stride+j] })
}

func (RefBF16) MatMulTN(dst, a, b Mat, e Epilogue) {
	CheckProduct("MatMulTN", dst, a.Cols, a.Rows, b.Rows, b.Cols, e)
	productBF16(dst, a.Rows, e, func(i, k int) Float { return a.Data[k*a.Stride+i] },
		func(k, j int) Float { return b.Data[k*b.Stride+j] })
}

// MatMulNTStored is MatMulNT with the weight in floats.
func (r RefBF16) MatMulNTStored(dst, a Mat, b Stored, e Epilogue) { r.MatMulNT(dst, a, b.Mat(), e) }

// MatMulNNStored is MatMulNN with the weight in floats.
func (r RefBF16) MatMulNNStored(dst, a Mat, b Stored, e Epilogue) { r.MatMulNN(dst, a, b.Mat(), e) }

// productBF16 is product in the order of pairs. The last of an odd number has 0 beside it.
func productBF16(dst Mat, depth int, e Epilogue, a, b func(i, j int) Float) {
	product(dst, (depth+1)&^1, e, func(i, k int) Float {
		if k ^= 1; k == depth {
			return 0
		}
		return BF16(a(i, k))
	}, func(k, j int) Float {
		if k ^= 1; k == depth {
			return 0
		}
		return BF16(b(k, j))
	})
}
