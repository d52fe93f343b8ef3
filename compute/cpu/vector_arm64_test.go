//go:build arm64 && !purego && !f64

package cpu

import "testing"

// eachImplementation runs f on all that the processor has.
func eachImplementation(t *testing.T, f func(t *testing.T)) {
	t.Run("go", func(t *testing.T) {
		defer func(old bool) { simd = old }(simd)
		simd = false
		f(t)
	})
	t.Run("neon", f)
}
