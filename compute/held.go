package compute

// A Held is a parameter and its moments as an optimizer holds them, each as one row of elements, in float32 or in fewer bits.
type Held struct {
	W      []Float // the weights, or nil if they are
	Stored *Stored // a bfloat16 matrix

	M, V []Float    // the moments, or nil if they are
	Few  *[2]State8 // in 8 bits

	// Rounding rounds the updated weights to bfloat16; nil leaves them in float32.
	Rounding *Stochastic
}

// heldPiece is how many elements are in float32 at a time: what fits into a processor's first cache. A multiple of
// StateBlock.
const heldPiece = 2048

// AdamW does one step on the elements from lo on, a multiple of StateBlock, g their gradient. What is held in fewer bits becomes
// float32, is updated, and is rounded again, so that the weights see the moments unrounded, as in bitsandbytes.
func (x *Held) AdamW(g []Float, lo int, o AdamW) {
	var room [3][heldPiece]Float
	for ; len(g) > 0; lo += heldPiece {
		n := min(heldPiece, len(g))
		w, m, v := room[0][:n], room[1][:n], room[2][:n]
		if x.Stored != nil {
			x.Stored.Part(w, 0, lo)
		} else {
			w = x.W[lo : lo+n]
		}
		if x.Few != nil {
			x.Few[0].Load(m, lo)
			x.Few[1].Load(v, lo)
		} else {
			m, v = x.M[lo:lo+n], x.V[lo:lo+n]
		}
		o.update(w, g[:n], m, v)
		if x.Rounding != nil {
			x.Rounding.Round(w, lo)
		}
		if x.Stored != nil {
			x.Stored.SetPart(w, 0, lo)
		}
		if x.Few != nil {
			x.Few[0].Store(m, lo)
			x.Few[1].Store(v, lo)
		}
		g = g[n:]
	}
}

// AdamWHeld implements Device.
func (Ref) AdamWHeld(x Held, g Mat, lo int, o AdamW) { x.AdamW(g.Flat(), lo, o) }

// AdamWHeld implements Device.
func (*Counter) AdamWHeld(x Held, g Mat, lo int, o AdamW) {}
