//go:build !f64

package cpu

import "testing"

// The trial finds what the processor is known for.
func TestBF16Speed(t *testing.T) {
	got := BF16Speed()
	t.Logf("%s has %.2f times the speed of %s", bf16Kernels[0].name, got, gemmKernels[0].name)
	if got <= 0.1 || got > 64 {
		t.Errorf("bfloat16 has %v times the speed of float32", got)
	}
	if bf16Kernels[0].name == "amx bf16" && got < 3 {
		t.Errorf("AMX has %v times the speed of float32", got)
	}
}
