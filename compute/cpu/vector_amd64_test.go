//go:build !f64 && amd64 && !purego

package cpu

import "testing"

// eachImplementation runs f on all that the processor has.
func eachImplementation(t *testing.T, f func(t *testing.T)) {
	defer func(s, w bool) { simd, simd512 = s, w }(simd, simd512)
	for _, v := range []struct {
		name       string
		simd, wide bool
	}{{"go", false, false}, {"simd", true, false}, {"avx512", true, true}} {
		if v.simd && !simd || v.wide && !simd512 {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			defer func(s, w bool) { simd, simd512 = s, w }(simd, simd512)
			simd, simd512 = v.simd, v.wide
			f(t)
		})
	}
}
