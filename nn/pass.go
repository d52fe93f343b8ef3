// Package nn has the layers of transformers. Each layer has a Forward and, right below it, the Backward that
// undoes it line by line. These rules hold everywhere:
//
//   - every activation is a matrix with one row per token; only attention looks at where sequences begin;
//   - the destination comes first; add, where a layer takes one, is added to the result, which is how the
//     residual stream flows through the products;
//   - Backward adds to parameter gradients and to the residual stream's gradient, and overwrites every other;
//   - what Backward needs is kept in the layer's Acts; norms and activations are computed again instead;
//   - kept matrices are allocated before scratch, so that scratch is released when a layer returns.
package nn

import "github.com/hone-ml/hone/compute"

type (
	// Mat is a matrix with one row per token.
	Mat = compute.Mat
	// Float is the element type.
	Float = compute.Float
)

// A Param is a named weight. Weights are shared and read-only during a Pass.
type Param struct {
	Name  string // as the model's name table has it, fused parts under one name
	Index int    // in the model's list of parameters
	W     Mat    // [out, in], or [1, C] for norms and biases
	// Vector says that W is [1, n]: a norm's weight or a bias. Weight decay does not apply to them.
	Vector bool
	// Decayed says that weight decay does apply, though W is a vector.
	Decayed bool
	// Stored, if it is not nil, has W in fewer bits, and W has its shape but no elements.
	Stored *compute.Stored
	// Mapped says that the elements lie in a file that is mapped into memory.
	Mapped bool
}

// Seqs says where the sequences of a packed batch lie.
type Seqs struct {
	Cu  []int32 // cu_seqlens: sequence s is rows [Cu[s], Cu[s+1])
	Pos []int32 // position of each row in its sequence
	// Longest is the length of the longest sequence if that is more than its rows here tell, as when its last
	// token is no input. Only RoPE with dynamic scaling asks.
	Longest int
}

// Rows returns the number of token rows.
func (s Seqs) Rows() int { return len(s.Pos) }

// A Pass is one trip of a packed batch through a model: its memory, its sequences and its gradients.
type Pass struct {
	compute.Device
	*compute.Arena
	Seqs
	// Kept are the rows that are read after the last block, in increasing order; nil means all. The last
	// block computes queries, attention outputs and its MLP for them only.
	Kept []int32
	kept Seqs

	Cache      *Cache // keys and values of earlier tokens, when generating
	Grads      *Grads // nil when no gradients are wanted: nothing is kept for Backward then
	Checkpoint bool   // keep only block inputs and run blocks again in Backward
	Dropout    uint64 // key of this pass's dropout masks; 0 means none, as in evaluation
}

// Start begins a pass over s that reads the hidden rows kept (nil for all), freeing the last pass's memory.
func (p *Pass) Start(s Seqs, kept []int32) {
	p.Release(compute.Mark{})
	p.Seqs, p.Kept = s, kept
	p.kept = Seqs{Cu: append(p.kept.Cu[:0], 0), Pos: p.kept.Pos[:0]}
	i := 0
	for _, end := range s.Cu[1:] {
		for ; i < len(kept) && kept[i] < end; i++ {
			p.kept.Pos = append(p.kept.Pos, s.Pos[kept[i]])
		}
		p.kept.Cu = append(p.kept.Cu, int32(i))
	}
}

// drops reports whether a layer with dropout probability prob drops in this pass.
func (p *Pass) drops(prob Float) bool { return p.Dropout != 0 && prob > 0 }

// key returns the dropout key of one site of the model.
func (p *Pass) key(site int) uint64 { return Mix(p.Dropout + uint64(site)) }

// Mix scrambles x: SplitMix64's output function (Steele et al., 2014).
func Mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// Drop applies dropout to x in place; on a gradient it is its own backward.
func (p *Pass) Drop(x Mat, prob Float, site int) {
	if p.drops(prob) {
		p.Device.Dropout(x, x, prob, p.key(site))
	}
}

// dropped applies dropout to x into scratch memory; x itself if nothing is dropped. On a gradient it is its own
// backward. If x holds only some rows of the matrix by which dropout counts, rows are their numbers there.
func (p *Pass) dropped(x Mat, prob Float, site int, rows []int32) Mat {
	if !p.drops(prob) {
		return x
	}
	d := p.New(x.Rows, x.Cols)
	if rows == nil {
		p.Device.Dropout(d, x, prob, p.key(site))
		return d
	}
	mark := p.Mark()
	all := p.Zero(int(rows[len(rows)-1])+1, x.Cols)
	p.ScatterAdd(all, x, rows)
	p.Device.Dropout(all, all, prob, p.key(site))
	p.Gather(d, all, rows)
	p.Release(mark)
	return d
}
