//go:build !f64

package cpu

import "math"

// dots is dst[j] = scale·(x·y_j), where the rows y_j start stride elements apart.
func dots(dst, x, y []float32, stride int, scale float32) {
	if simd && len(x)%8 == 0 && len(dst) > 0 {
		_ = y[(len(dst)-1)*stride+len(x)-1]
		dotsSIMD(&dst[0], len(dst), &x[0], len(x), &y[0], stride, scale)
		return
	}
	for j := range dst {
		dst[j] = scale * dot(x, y[j*stride:])
	}
}

// dot returns a·b. Four sums hide the latency of additions.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	j := 0
	for ; j+4 <= len(a); j += 4 {
		s0 += a[j] * b[j]
		s1 += a[j+1] * b[j+1]
		s2 += a[j+2] * b[j+2]
		s3 += a[j+3] * b[j+3]
	}
	for ; j < len(a); j++ {
		s0 += a[j] * b[j]
	}
	return s0 + s1 + (s2 + s3)
}

// combine is dst += Σ c_j·x_j: coefficients every cstride elements of c, rows every stride elements of x.
func combine(dst, c []float32, cstride int, x []float32, stride int) {
	if simd && len(dst)%8 == 0 && len(c) > 0 {
		n := (len(c) + cstride - 1) / cstride
		_ = x[(n-1)*stride+len(dst)-1]
		combineSIMD(&dst[0], len(dst), &c[0], cstride, &x[0], stride, n)
		return
	}
	for j, o := 0, 0; j < len(c); j, o = j+cstride, o+stride {
		f := c[j]
		for i, e := range x[o : o+len(dst)] {
			dst[i] += f * e
		}
	}
}

// scale is x *= f.
func scale(x []float32, f float32) { affine(x, f, 0) }

// affine is x = a·x + b.
func affine(x []float32, a, b float32) {
	if simd && len(x) > 0 {
		affineSIMD(&x[0], len(x), a, b)
		return
	}
	for j, e := range x {
		x[j] = a*e + b
	}
}

// maximum returns the largest element of x.
func maximum(x []float32) float32 {
	if simd && len(x) > 0 {
		return maximumSIMD(&x[0], len(x))
	}
	m := x[0]
	for _, e := range x {
		m = max(m, e)
	}
	return m
}

// expSum is dst = exp(x − shift) and returns the sum.
func expSum(dst, x []float32, shift float32) (sum float32) {
	dst = dst[:len(x)]
	if simd && len(x) > 0 {
		return expSumSIMD(&dst[0], &x[0], len(x), shift)
	}
	for j, e := range x {
		e = float32(math.Exp(float64(e - shift)))
		dst[j] = e
		sum += e
	}
	return sum
}

// softmaxBackward turns dp into p·(dp − delta)·scale.
func softmaxBackward(dp, p []float32, delta, scale float32) {
	p = p[:len(dp)]
	if simd && len(dp) > 0 {
		softmaxBackwardSIMD(&dp[0], &p[0], len(dp), delta, scale)
		return
	}
	for j, e := range dp {
		dp[j] = p[j] * (e - delta) * scale
	}
}
