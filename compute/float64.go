//go:build f64

package compute

// Float is the element type of every matrix. This build is for gradient checks.
type Float = float64
