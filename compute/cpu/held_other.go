//go:build !f64 && (!amd64 || purego)

package cpu

import "github.com/hone-ml/hone/compute"

const heldSIMD = false

func loadStateSIMD(dst *float32, codes *byte, n int, top float32, m *compute.DynamicMap) {
	panic("cpu: no SIMD")
}
func storeStateSIMD(codes *byte, x *float32, n int, inverse float32, m *compute.DynamicMap) {
	panic("cpu: no SIMD")
}
func topSIMD(x *float32, n int) uint32                              { panic("cpu: no SIMD") }
func roundSIMD(x *float32, n int, ctr *[4]uint32, keys *[80]uint64) { panic("cpu: no SIMD") }
func narrowSIMD(dst *byte, x *float32, n int)                       { panic("cpu: no SIMD") }
