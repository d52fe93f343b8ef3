//go:build !f64 && ((!amd64 && !arm64) || purego)

package cpu

import "testing"

// eachImplementation runs f on the only one.
func eachImplementation(t *testing.T, f func(t *testing.T)) { t.Run("go", f) }
