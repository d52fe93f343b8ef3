package compute

import (
	"math"
	"testing"
)

func TestArena(t *testing.T) {
	var a Arena
	x := a.New(3, 5)
	y := a.Zero(7, 2)
	if x.Rows != 3 || x.Cols != 5 || x.Stride != 5 || len(x.Data) != 15 || cap(x.Data) != 15 {
		t.Errorf("New(3, 5) is %+v", x)
	}
	for i := range x.Data {
		x.Data[i] = 1
	}
	for _, e := range y.Data {
		if e != 0 {
			t.Fatal("matrices overlap, or Zero doesn't clear")
		}
	}
	if a.Peak() != 32 { // 15 and 14, each rounded up to 16
		t.Errorf("peak is %d, want 32", a.Peak())
	}
	mark := a.Mark()
	first := a.New(2, 2)
	a.Release(mark)
	if again := a.New(2, 2); &again.Data[0] != &first.Data[0] {
		t.Error("released memory isn't used again")
	}
	if a.Peak() != 48 {
		t.Errorf("peak is %d, want 48", a.Peak())
	}
	if e := a.New(0, 9); e.Rows != 0 || len(e.Data) != 0 {
		t.Errorf("New(0, 9) is %+v", e)
	}
}

func TestArenaPoison(t *testing.T) {
	a := Arena{Poison: true}
	x := a.Zero(1, 20)
	mark := a.Mark()
	y, z := a.Zero(3, minSlab/3), a.Zero(1, minSlab) // over several slabs
	a.Release(mark)
	for _, m := range []Mat{y, z} {
		for _, i := range []int{0, len(m.Data) / 2, len(m.Data) - 1} {
			if !math.IsNaN(float64(m.Data[i])) {
				t.Errorf("released element %d of %v is %v, want NaN", i, m, m.Data[i])
			}
		}
	}
	for _, e := range x.Data {
		if e != 0 {
			t.Fatal("memory in use was poisoned")
		}
	}
}

// TestArenaSteady: once the largest step was seen, steps allocate nothing and get the same memory.
func TestArenaSteady(t *testing.T) {
	var a Arena
	step := func() *Float {
		defer a.Release(a.Mark())
		x := a.New(1, minSlab-5)
		inner := a.Mark()
		a.New(3, minSlab)
		a.Release(inner)
		a.New(2, minSlab)
		return &x.Data[0]
	}
	step()
	if len(a.slabs) != 1 || len(a.slabs[0]) < a.Peak() {
		t.Fatalf("%d slabs after the first step, the first of %d; peak %d", len(a.slabs), len(a.slabs[0]), a.Peak())
	}
	want := step()
	if n := testing.AllocsPerRun(3, func() {
		if step() != want {
			t.Error("a step got other memory")
		}
	}); n != 0 {
		t.Errorf("%v allocations in a step", n)
	}
}
