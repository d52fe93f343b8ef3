package compute

// hugeFrom is the length from which memory is asked for in huge pages: what is shorter may share its pages with others.
const hugeFrom = 1 << 17

// memory returns n zeros. Where they are many, the system is asked for pages of 2 MiB: a model's weights, gradients and
// moments are half a million pages of 4 KiB, each of which stops the thread that touches it first, and later has to be looked
// up again and again.
func memory(n int) []Float {
	x := make([]Float, n)
	if n >= hugeFrom {
		advise(x)
	}
	return x
}
