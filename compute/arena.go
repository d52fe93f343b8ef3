package compute

import "math"

// An Arena hands out matrices from slabs that it keeps, so that a training step allocates nothing once the
// largest step has been seen. Matrices are freed all at once, back to a Mark. The zero Arena is ready; it is
// not safe for concurrent use.
type Arena struct {
	slabs  [][]Float
	at     Mark
	peak   int
	Poison bool // fill released memory with NaN: tests make use after release loud
}

// A Mark is a point to release to.
type Mark struct{ slab, off, used int }

// minSlab keeps small models from allocating many slabs while the arena grows: 1 Mi elements.
const minSlab = 1 << 20

// New returns a rows×cols matrix with undefined contents.
func (a *Arena) New(rows, cols int) Mat {
	// Rows of 16 elements keep every matrix on a cache line of its own.
	n := rows * cols
	need := (n + 15) &^ 15
	for a.at.slab < len(a.slabs) && a.at.off+need > len(a.slabs[a.at.slab]) {
		a.at.slab, a.at.off = a.at.slab+1, 0
	}
	if a.at.slab == len(a.slabs) {
		a.slabs = append(a.slabs, memory(max(need, minSlab, a.size()/2)))
	}
	s := a.slabs[a.at.slab]
	m := Mat{rows, cols, cols, s[a.at.off : a.at.off+n : a.at.off+n]}
	a.at.off += need
	a.at.used += need
	a.peak = max(a.peak, a.at.used)
	return m
}

// Zero returns a rows×cols matrix of zeros.
func (a *Arena) Zero(rows, cols int) Mat {
	m := a.New(rows, cols)
	clear(m.Data)
	return m
}

// Mark returns the point up to which memory is in use.
func (a *Arena) Mark() Mark { return a.at }

// Release frees everything handed out since m.
func (a *Arena) Release(m Mark) {
	if a.Poison {
		a.poison(m)
	}
	a.at = m
	if m.used == 0 && len(a.slabs) > 1 { // all free: one slab for the next step
		a.slabs = [][]Float{memory(a.size())}
		a.at = Mark{}
	}
}

// Reserve makes room for n elements at once, if nothing is in use. Pages that are never touched cost nothing.
func (a *Arena) Reserve(n int) {
	if a.at == (Mark{}) && a.size() < n {
		a.slabs = [][]Float{memory(n)}
	}
}

// Peak returns the most elements that were in use at once.
func (a *Arena) Peak() int { return a.peak }

func (a *Arena) size() (n int) {
	for _, s := range a.slabs {
		n += len(s)
	}
	return n
}

func (a *Arena) poison(m Mark) {
	nan := Float(math.NaN())
	for i := m.slab; i < len(a.slabs) && i <= a.at.slab; i++ {
		lo, hi := 0, len(a.slabs[i])
		if i == m.slab {
			lo = m.off
		}
		if i == a.at.slab {
			hi = a.at.off
		}
		for j := lo; j < hi; j++ {
			a.slabs[i][j] = nan
		}
	}
}
