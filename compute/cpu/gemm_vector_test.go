//go:build !f64

package cpu

import "testing"

// Short rows of W whose length is a multiple of 32 are read in another way.
func TestMatMulShortRows(t *testing.T) {
	eachGEMM(t, func(t *testing.T, device func(int) *Device) {
		d := device(2)
		for i, k := range []int{31, 32, 33, 64, 96, 992, 1024, 1056} {
			for m := 1; m <= fewRows; m++ {
				for j, n := range []int{1, 3, 4, 9, 60} {
					checkProduct(t, d, matMuls[0], m, n, k, epilogues[(i+j)%len(epilogues)], uint64(i*100+m*10+j))
				}
			}
		}
	})
}
