package compute

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestHugePages: the system knows that long matrices and the arena's slabs want huge pages.
func TestHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		t.Skip("this system has no transparent huge pages")
	}
	var a Arena
	a.Reserve(4 * hugeFrom)
	for name, m := range map[string]Mat{"NewMat": NewMat(4, hugeFrom), "Arena": a.New(4, hugeFrom)} {
		if flags := vmFlags(t, uintptr(unsafe.Pointer(&m.Row(2)[0]))); !strings.Contains(flags+" ", " hg ") {
			t.Errorf("%s: the memory's flags are%s, without hg", name, flags)
		}
	}
}

// vmFlags returns the flags of the mapping that holds address p.
func vmFlags(t *testing.T, p uintptr) string {
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	inside := false
	for line := range strings.Lines(string(b)) {
		var lo, hi uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &lo, &hi); n == 2 {
			inside = lo <= p && p < hi
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.TrimRight(flags, "\n")
		}
	}
	t.Skip("/proc/self/smaps has no flags")
	return ""
}
