//go:build !f64

package cpu

import (
	"fmt"
	"testing"
)

// layout is a packed batch of one sequence per length.
func layout(dim int, lens ...int) Heads {
	h := Heads{Dim: dim, Scale: 0.125, Q: []int32{0}}
	for _, n := range lens {
		h.K = append(h.K, h.Q[len(h.Q)-1])
		h.Q = append(h.Q, h.Q[len(h.Q)-1]+int32(n))
		for i := range n {
			h.Pos = append(h.Pos, int32(i))
		}
	}
	return h
}

// checkAttention compares forward and backward with the reference.
func checkAttention(t *testing.T, name string, h Heads, heads, kvs, keys int) {
	t.Helper()
	onAll(t, func(t *testing.T, d *Device) []Mat {
		f := newField(uint64(len(h.Pos)))
		n, c, kc := len(h.Pos), heads*h.Dim, kvs*h.Dim
		q, k, v, dy := f.mat(n, c, 3), f.mat(keys, kc, 1), f.mat(keys, kc, 2), f.mat(n, c, 5)
		y, lse, dq, dk, dv := f.mat(n, c, 4), f.mat(n, heads, 2), f.mat(n, c, 1), f.mat(keys, kc, 2), f.mat(keys, kc, 3)
		wantY, wantL, wantQ, wantK, wantV := clone(y), clone(lse), clone(dq), clone(dk), clone(dv)
		ref.Attention(wantY, wantL, q, k, v, h)
		d.Attention(y, lse, q, k, v, h)
		near(t, name+" y", y, wantY, 4e-6)
		near(t, name+" lse", lse, wantL, 2e-6)
		ref.AttentionBackward(wantQ, wantK, wantV, dy, wantY, wantL, q, k, v, h)
		d.AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v, h)
		near(t, name+" dq", dq, wantQ, 1e-4)
		near(t, name+" dk", dk, wantK, 1e-4)
		near(t, name+" dv", dv, wantV, 1e-4)
		f.check(t)
		return []Mat{y, lse, dq, dk, dv}
	})
}

func TestAttention(t *testing.T) {
	for _, dim := range []int{1, 4, 7, 8, 16, 24, 32, 40, 64, 72, 80, 96, 128, 136} {
		for _, dropout := range []float32{0, 0.2} {
			h := layout(dim, 5, 1, 0, 17, 33)
			h.Dropout, h.Key = dropout, 99
			checkAttention(t, fmt.Sprintf("heads of %d, dropout %v", dim, dropout), h, 4, 2, 56)
		}
	}
	for n := 1; n <= 256; n += 17 {
		h := layout(8, n)
		checkAttention(t, fmt.Sprintf("length %d", n), h, 2, 1, n)
		h.Window = 1 + n/3
		h.Dropout = 0.1
		checkAttention(t, fmt.Sprintf("length %d, window %d", n, h.Window), h, 2, 1, n)
	}
}

// TestAttentionPositions has query rows at scattered positions, one query per cached sequence, keys in any
// order, keys that two sequences share and keys that nobody reads.
func TestAttentionPositions(t *testing.T) {
	pruned := Heads{Dim: 16, Scale: 0.25, Q: []int32{0, 3, 3, 8}, K: []int32{0, 20, 30}, Pos: []int32{2, 9, 19, 140, 3, 150, 7, 139}}
	checkAttention(t, "pruned", pruned, 3, 3, 200)
	pruned.Window, pruned.Dropout = 13, 0.3
	checkAttention(t, "pruned, window", pruned, 3, 3, 200)
	cached := Heads{Dim: 64, Scale: 0.125, Q: []int32{0, 1, 2, 3}, K: []int32{300, 0, 150}, Pos: []int32{140, 149, 0}}
	checkAttention(t, "cached", cached, 4, 2, 450)
	cached.K = []int32{100, 0, 100}
	checkAttention(t, "shared", cached, 4, 2, 450)
}

// TestAttentionRowAlone: a row's result has the same bits in a batch, pruned and from a cache elsewhere.
func TestAttentionRowAlone(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		f, d := newField(1), New(2)
		h := layout(64, 40, 300)
		q, k, v, y, lse := f.mat(340, 128, 3), f.mat(340, 128, 1), f.mat(340, 128, 2), f.mat(340, 128, 0), f.mat(340, 2, 0)
		d.Attention(y, lse, q, k, v, h)
		one, stat := f.mat(1, 128, 0), f.mat(1, 2, 0)
		for i := 40; i < 340; i++ {
			h := Heads{Dim: 64, Scale: 0.125, Q: []int32{0, 1}, K: []int32{0}, Pos: []int32{int32(i - 40)}}
			d.Attention(one, stat, q.RowSpan(i, i+1), k.RowSpan(40, 340), v.RowSpan(40, 340), h)
			equal(t, "y", one, y.RowSpan(i, i+1))
			equal(t, "lse", stat, lse.RowSpan(i, i+1))
		}
	})
}

// TestAttentionBlocks: blocks give the bits that rows give, whatever rows read.
func TestAttentionBlocks(t *testing.T) {
	scattered := Heads{Q: []int32{0, 70, 71, 131}, K: []int32{0, 150, 60}}
	for i := range int32(131) {
		scattered.Pos = append(scattered.Pos, i*i*37%150)
	}
	pruned := Heads{Q: []int32{0, 50, 130}, K: []int32{0, 140}}
	for i := range int32(130) {
		pruned.Pos = append(pruned.Pos, (i%50)*2+i/50*30)
	}
	cached := Heads{Q: []int32{0, 60, 110}, K: []int32{200, 0}}
	for i := range int32(110) {
		cached.Pos = append(cached.Pos, 91+i)
	}
	for name, h := range map[string]Heads{"whole": layout(0, 300), "packed": layout(0, 100, 3, 48, 1, 64, 97), "scattered": scattered, "pruned": pruned, "cached": cached} {
		for _, dim := range []int{8, 40, 64, 80} {
			for _, c := range []struct {
				heads, kvs, window int
				dropout            float32
			}{{2, 2, 0, 0}, {3, 1, 0, 0.2}, {2, 1, 50, 0}, {1, 1, 5, 0.2}} {
				h.Dim, h.Scale, h.Window, h.Dropout, h.Key = dim, 0.1, c.window, c.dropout, 5
				t.Run(fmt.Sprintf("%s/%d/%d", name, dim, c.window), func(t *testing.T) { checkBlocks(t, h, c.heads, c.kvs, 420) })
			}
		}
	}
}

func checkBlocks(t *testing.T, h Heads, heads, kvs, keys int) {
	eachImplementation(t, func(t *testing.T) {
		if !simd {
			t.Skip("plain Go has no blocks")
		}
		f, d := newField(3), New(2)
		n, c, kc := len(h.Pos), heads*h.Dim, kvs*h.Dim
		q, k, v, dy := f.mat(n, c, 3), f.mat(keys, kc, 1), f.mat(keys, kc, 2), f.mat(n, c, 5)
		y, lse, dq, dk, dv := f.mat(n, c, 4), f.mat(n, heads, 2), f.mat(n, c, 1), f.mat(keys, kc, 2), f.mat(keys, kc, 3)
		wantY, wantL, wantQ, wantK, wantV := clone(y), clone(lse), clone(dq), clone(dk), clone(dv)
		a := newAttention("rows", wantY, wantL, q, k, v, h)
		a.dq, a.dk, a.dv, a.dy = wantQ, wantK, wantV, dy
		for _, m := range []Mat{wantQ, wantK, wantV} {
			for i := range m.Rows {
				clear(m.Row(i))
			}
		}
		for s := range h.K {
			for n := range heads {
				for i := h.Q[s]; i < h.Q[s+1]; i += queryBlock {
					a.forwardRows(s, n, int(i), int(min(i+queryBlock, h.Q[s+1])))
				}
			}
			for g := range kvs {
				a.backwardRows(s, g)
			}
		}
		d.Attention(y, lse, q, k, v, h)
		d.AttentionBackward(dq, dk, dv, dy, y, lse, q, k, v, h)
		for i, m := range []Mat{y, lse, dq, dk, dv} {
			equal(t, []string{"y", "lse", "dq", "dk", "dv"}[i], m, []Mat{wantY, wantL, wantQ, wantK, wantV}[i])
		}
		f.check(t)
	})
}
