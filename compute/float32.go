//go:build !f64

package compute

// Float is the element type of every matrix: float32, or float64 under the build tag f64, which exists
// only so that gradients can be checked against finite differences.
type Float = float32
