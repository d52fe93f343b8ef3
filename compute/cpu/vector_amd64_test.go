//go:build !f64 && amd64 && !purego

package cpu

import "testing"

// eachImplementation runs f on all that the processor has.
func eachImplementation(t *testing.T, f func(t *testing.T)) {
	t.Run("go", func(t *testing.T) {
		defer func(old bool) { simd = old }(simd)
		simd = false
		f(t)
	})
	if simd {
		t.Run("simd", f)
	}
}
