//go:build !f64

package cpu

import (
	"math"
	"slices"
	"testing"

	"github.com/hone-ml/hone/compute"
)

// heldOf returns parameters of n elements in every form, equal ones for an equal seed.
func heldOf(seed uint64, n int) map[string]compute.Held {
	all := map[string]compute.Held{}
	for name, form := range map[string]struct{ bf16, few, round bool }{
		"float32": {}, "rounded": {round: true}, "bfloat16": {bf16: true, round: true}, "8 bits": {few: true}, "both": {true, true, true},
	} {
		f := newField(seed)
		x := compute.Held{W: f.dense(1, n).Data}
		if form.bf16 {
			s, err := compute.Store(flat(x.W), compute.BFloat16)
			if err != nil {
				panic(err)
			}
			x.W, x.Stored = nil, &s
		}
		x.M, x.V = f.dense(1, n).Data, f.dense(1, n).Data
		for i, v := range x.V {
			x.V[i] = v * v
		}
		if form.few {
			m, v := compute.NewState8(n, true), compute.NewState8(n, false)
			m.Store(x.M, 0)
			v.Store(x.V, 0)
			x.M, x.V, x.Few = nil, nil, &[2]compute.State8{m, v}
		}
		if form.round {
			x.Rounding = &compute.Stochastic{Key: 5, Step: 6, Param: 7}
		}
		all[name] = x
	}
	return all
}

// What is held in fewer bits becomes the floats that compute makes of it, is updated as floats are, and becomes what compute
// makes of these again, bit by bit; the gradient may come in parts.
func TestAdamWHeld(t *testing.T) {
	o := compute.AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: 3, GradScale: 0.5}
	for _, n := range []int{1, 100, 256, 300, 4096 + 256 + 40, 2*adamwRun + 1000} {
		for name, x := range heldOf(uint64(n), n) {
			g := newField(9).dense(1, n)
			want := heldOf(uint64(n), n)[name]
			d := New(3)
			if n > 512 {
				d.AdamWHeld(x, flat(g.Data[:512]), 0, o)
				d.AdamWHeld(x, flat(g.Data[512:]), 512, o)
			} else {
				d.AdamWHeld(x, g, 0, o)
			}
			w, m, v := make([]float32, n), make([]float32, n), make([]float32, n)
			if want.Stored != nil {
				want.Stored.Part(w, 0, 0)
			} else {
				copy(w, want.W)
			}
			if want.Few != nil {
				want.Few[0].Load(m, 0)
				want.Few[1].Load(v, 0)
			} else {
				copy(m, want.M)
				copy(v, want.V)
			}
			d.AdamW(flat(w), g, flat(m), flat(v), o)
			if want.Rounding != nil {
				want.Rounding.Round(w, 0)
			}
			if want.Stored != nil {
				want.Stored.SetPart(w, 0, 0)
			} else {
				copy(want.W, w)
			}
			if want.Few != nil {
				want.Few[0].Store(m, 0)
				want.Few[1].Store(v, 0)
			} else {
				copy(want.M, m)
				copy(want.V, v)
			}
			if !slices.Equal(x.W, want.W) || !slices.Equal(x.M, want.M) || !slices.Equal(x.V, want.V) ||
				x.Stored != nil && !slices.Equal(x.Stored.Data, want.Stored.Data) {
				t.Errorf("%s, %d elements: not the update of floats", name, n)
			}
			for k := range x.Few {
				if x.Few != nil && (!slices.Equal(x.Few[k].Codes, want.Few[k].Codes) || !slices.Equal(x.Few[k].Top, want.Few[k].Top)) {
					t.Errorf("%s, %d elements: other codes of moment %d", name, n, k+1)
				}
			}
		}
	}
}

// Numbers of every size, NaN and infinities too, are rounded and looked up as compute does.
func TestHeldRounding(t *testing.T) {
	if !heldSIMD {
		t.Skip("compute rounds here")
	}
	f := newField(3)
	const n = 1 << 16
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(f.rng.Uint32())
	}
	bits := func(x []float32) (b []uint32) {
		for _, v := range x {
			b = append(b, math.Float32bits(v))
		}
		return b
	}
	r := compute.Stochastic{Key: 1 << 40, Step: 2, Param: 3}
	have, want := slices.Clone(x), slices.Clone(x)
	a := heldArgs{x: compute.Held{Rounding: &r}, keys: philoxKeys(r.Key)}
	a.round(have, 1<<30)
	r.Round(want, 1<<30)
	if !slices.Equal(bits(have), bits(want)) {
		t.Error("rounded in another way")
	}
	s, q := compute.NewStored(compute.BFloat16, 1, n), compute.NewStored(compute.BFloat16, 1, n)
	a.x.Stored = &s
	a.narrow(have, 0)
	q.SetPart(want, 0, 0)
	if !slices.Equal(s.Data, q.Data) {
		t.Error("narrowed in another way")
	}
	for _, signed := range []bool{true, false} {
		for _, most := range []float32{1, 1e-30, 1e30} {
			for i := range x {
				x[i] = float32(math.Pow(10, -8*f.rng.Float64())) * most * float32(1-2*f.rng.IntN(2))
			}
			x[n-1] = float32(math.NaN())
			have, want := compute.NewState8(n, signed), compute.NewState8(n, signed)
			storeState(have, x, 0)
			want.Store(x, 0)
			if !slices.Equal(have.Codes, want.Codes) || !slices.Equal(bits(have.Top), bits(want.Top)) {
				t.Errorf("stored in another way, signed %v, up to %v", signed, most)
			}
			back, again := make([]float32, n), make([]float32, n)
			loadState(back, have, 0)
			want.Load(again, 0)
			if !slices.Equal(bits(back), bits(again)) {
				t.Errorf("loaded in another way, signed %v, up to %v", signed, most)
			}
		}
	}
}
