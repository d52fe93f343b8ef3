//go:build !purego && !f64

package cpu

import "github.com/hone-ml/hone/compute"

// heldSIMD says whether there is vector code for what is held in fewer bits.
const heldSIMD = true

// loadStateSIMD writes n numbers, a multiple of 8, times top. (compute.State8.Load)
//
//go:noescape
func loadStateSIMD(dst *float32, codes *byte, n int, top float32, m *compute.DynamicMap)

// storeStateSIMD looks n elements of x, a multiple of 8, up, times inverse. (compute.State8.Store)
//
//go:noescape
func storeStateSIMD(codes *byte, x *float32, n int, inverse float32, m *compute.DynamicMap)

// topSIMD returns the largest of n elements, a multiple of 8, without their signs, as bits.
//
//go:noescape
func topSIMD(x *float32, n int) uint32

// roundSIMD rounds n elements, a multiple of 32, in place; ctr is the counter of the first 8 of them; its upper words stay. (compute.Stochastic)
//
//go:noescape
func roundSIMD(x *float32, n int, ctr *[4]uint32, keys *[80]uint64)

// narrowSIMD stores n bfloat16 numbers, a multiple of 16.
//
//go:noescape
func narrowSIMD(dst *byte, x *float32, n int)
