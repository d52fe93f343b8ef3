package train

import "slices"

// mt19937 is the Mersenne Twister (Matsumoto and Nishimura, 1998), seeded and read as torch.Generator on the CPU.
type mt19937 struct {
	state [624]uint32
	next  int
	drawn int64 // numbers given out
}

func newMT19937(seed int64) *mt19937 {
	g := &mt19937{next: 624}
	g.state[0] = uint32(seed)
	for i := 1; i < 624; i++ {
		g.state[i] = 1812433253*(g.state[i-1]^g.state[i-1]>>30) + uint32(i)
	}
	return g
}

func (g *mt19937) uint32() uint32 {
	if g.next == 624 {
		for i := range 624 {
			y := g.state[i]&0x80000000 | g.state[(i+1)%624]&0x7fffffff
			x := g.state[(i+397)%624] ^ y>>1
			if y&1 != 0 {
				x ^= 0x9908b0df
			}
			g.state[i] = x
		}
		g.next = 0
	}
	y := g.state[g.next]
	g.next++
	g.drawn++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// skip passes over n numbers.
func (g *mt19937) skip(n int64) {
	for range n {
		g.uint32()
	}
}

// randperm fills dst with torch.randperm(len(dst)).
func (g *mt19937) randperm(dst []int32) {
	n := len(dst)
	for i := range dst {
		dst[i] = int32(i)
	}
	for i := range n - 1 {
		j := i + int(g.uint32()%uint32(n-i))
		dst[i], dst[j] = dst[j], dst[i]
	}
}

// groupByLength fills dst with the order of the reference's LengthGroupedSampler: a random permutation, cut into
// megabatches that are sorted by length, the longest first. batch is the examples of one update.
func groupByLength(dst []int32, g *mt19937, lengths []int, batch int) {
	g.randperm(dst)
	mega := batch * max(1, min(len(dst)/(4*batch), 50))
	longest := 0 // where the megabatch with the longest example begins
	for lo := 0; lo < len(dst); lo += mega {
		m := dst[lo:min(lo+mega, len(dst))]
		slices.SortStableFunc(m, func(a, b int32) int { return lengths[b] - lengths[a] })
		if lengths[m[0]] > lengths[dst[longest]] {
			longest = lo
		}
	}
	if len(dst) > 0 {
		dst[0], dst[longest] = dst[longest], dst[0]
	}
}

// An order gives the examples of each epoch.
type order struct {
	strategy string
	seed     int64
	lengths  []int // of the examples, for group_by_length
	batch    int   // examples of one update

	// group_by_length reads one generator all through the run, as the reference does, where each pass over the
	// data, training's and evaluation's, first takes two numbers.
	global *mt19937
	perm   []int32
}

func newOrder(a *Args, lengths []int) *order {
	return &order{strategy: a.TrainSamplingStrategy, seed: a.dataSeed(), lengths: lengths,
		batch: a.PerDeviceTrainBatchSize * a.GradientAccumulationSteps, global: newMT19937(a.Seed), perm: make([]int32, len(lengths))}
}

// pass tells that a pass over the data begins.
func (o *order) pass() { o.global.skip(2) }

// epoch returns the examples of epoch e in order. The result is valid until the next call.
func (o *order) epoch(e int) []int32 {
	switch o.strategy {
	case "random":
		newMT19937(o.seed + int64(e)).randperm(o.perm)
	case "group_by_length":
		o.pass()
		groupByLength(o.perm, o.global, o.lengths, o.batch)
	default:
		for i := range o.perm {
			o.perm[i] = int32(i)
		}
	}
	return o.perm
}
