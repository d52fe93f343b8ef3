package sweep

import "math"

// signTest returns how likely it is that of n rows on which two models differ one is right k times or fewer, or n−k
// times or fewer, if both are equally good: the exact form of McNemar's test (1947).
func signTest(k, n int) float64 {
	if n == 0 {
		return 1
	}
	k = min(k, n-k)
	var p float64
	for i := range k + 1 {
		p += math.Exp(logChoose(n, i) - float64(n)*math.Ln2)
	}
	return min(2*p, 1)
}

func logChoose(n, k int) float64 {
	lg := func(x int) float64 {
		v, _ := math.Lgamma(float64(x + 1))
		return v
	}
	return lg(n) - lg(k) - lg(n-k)
}

// meanVar returns the mean of x and its unbiased variance, 0 of a single number.
func meanVar(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	if len(x) < 2 {
		return mean, 0
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(x)-1)
}

// welch returns how likely means as far apart as those of x and y are if they come from the same mean (Welch, 1947).
// Both need two numbers or more.
func welch(x, y []float64) float64 {
	mx, vx := meanVar(x)
	my, vy := meanVar(y)
	ex, ey := vx/float64(len(x)), vy/float64(len(y))
	if ex+ey == 0 {
		if mx == my {
			return 1
		}
		return 0
	}
	df := (ex + ey) * (ex + ey) / (ex*ex/float64(len(x)-1) + ey*ey/float64(len(y)-1))
	return tails(math.Abs(mx-my)/math.Sqrt(ex+ey), df)
}

// tails returns the probability that Student's t with df degrees of freedom is beyond ±t.
func tails(t, df float64) float64 { return incompleteBeta(df/(df+t*t), df/2, 0.5) }

// quantile975 returns the t that Student's distribution exceeds with probability 0.025.
func quantile975(df float64) float64 {
	low, high := 0.0, 1000.0
	for range 100 {
		if mid := (low + high) / 2; tails(mid, df) > 0.05 {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// incompleteBeta returns the regularized incomplete beta function I_x(a, b) by its continued fraction, evaluated as
// Lentz does (DLMF 8.17.22).
func incompleteBeta(x, a, b float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2): // where the fraction converges slowly
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	c, d := 1.0, 1/nonzero(1-(a+b)*x/(a+1), tiny)
	f := d
	for m := 1.0; m < 10_000; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/nonzero(1+even*d, tiny), nonzero(1+even/c, tiny)
		f *= c * d
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/nonzero(1+odd*d, tiny), nonzero(1+odd/c, tiny)
		f *= c * d
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return front * f
}

func nonzero(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}
