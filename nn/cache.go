package nn

import (
	"math"

	"github.com/hone-ml/hone/compute"
)

// A Cache keeps each layer's keys and values of growing sequences. Sequence s has room for the positions
// 0 … n−1 at the rows from Start[s] on.
type Cache struct {
	K, V  []Mat // by layer, [Σ room, kvHeads·D]
	Start []int32
}

// NewCache makes room for sequences of the given lengths in each layer of s.
func NewCache(s *Stack, room []int) *Cache {
	c := &Cache{}
	rows := 0
	for _, n := range room {
		c.Start = append(c.Start, int32(rows))
		rows += n
	}
	for _, b := range s.Blocks {
		_, nk := b.Attn.widths()
		c.K = append(c.K, compute.NewMat(rows, nk))
		c.V = append(c.V, compute.NewMat(rows, nk))
	}
	return c
}

// append stores the rows of k and v at their positions and returns all keys and values of the layer.
func (c *Cache) append(layer int, k, v Mat, s Seqs) (Mat, Mat) {
	for i := range len(s.Cu) - 1 {
		for r := int(s.Cu[i]); r < int(s.Cu[i+1]); r++ {
			at := int(c.Start[i] + s.Pos[r])
			copy(c.K[layer].Row(at), k.Row(r))
			copy(c.V[layer].Row(at), v.Row(r))
		}
	}
	return c.K[layer], c.V[layer]
}

// length returns the length of the longest sequence.
func (s Seqs) length() int {
	n := s.Longest
	for _, p := range s.Pos {
		n = max(n, int(p)+1)
	}
	return n
}

func rsqrt(n int) float64 { return 1 / math.Sqrt(float64(n)) }

// The sites of dropout, numbered so that each draws its own mask.
func siteWeights(layer int) int { return 4*layer + 1 }
func siteAttn(layer int) int    { return 4*layer + 2 }
func siteMLP(layer int) int     { return 4*layer + 3 }

// SiteEmbedding is the dropout site after the embeddings.
const SiteEmbedding = 0
