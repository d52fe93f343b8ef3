package compute

// levels are the values of 4-bit weights: the means of 16 equally likely parts of a normal distribution, with 0 among
// them, scaled to end at ±1 (NF4: Dettmers et al., 2023, appendix E).
var levels = [16]Float{
	-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
	-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
	0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
}

// zeroLevel is the index of 0.
const zeroLevel = 7

// between are the points where the nearest level changes; the last is never reached.
var between = func() (b [16]float32) {
	for i := range 15 {
		b[i] = float32((levels[i] + levels[i+1]) / 2)
	}
	b[15] = 2
	return b
}()

// cells is how many parts [−1, 1] is cut into, so small that no part holds two of between.
const cells = 64

// firstLevel is the nearest level at the lower end of each cell.
var firstLevel = func() (t [cells + 1]byte) {
	for i := range t {
		x := float32(i)*(2./cells) - 1
		for x >= between[t[i]] {
			t[i]++
		}
	}
	return t
}()

// nearest returns the level nearest to x, which may lie beyond ±1.
func nearest(x float32) byte {
	x = min(max(x, -1), 1)
	i := firstLevel[int((x+1)*(cells/2))]
	if x >= between[i] {
		i++
	}
	return i
}

// int4Scales are the scales that a block tries, as parts of its largest element. levels are not symmetric, so a negative
// scale is another choice; a smaller one lets outliers be cut off for the good of the others.
var int4Scales = [...]Float{1, 0.9, -1, -0.9}

// roundInt4 sets dst to the nearest levels of x/scale, two a byte, and returns the scale that makes the least squared
// error; top is the largest of |x|. Where the first scale makes no error, as of a block that was rounded before, it stays.
func roundInt4(dst []byte, x []Float, top Float) (scale Float) {
	var codes [StoredBlock]byte
	for i := range codes {
		codes[i] = zeroLevel
	}
	pack := func() {
		for i := range dst[:StoredBlock/2] {
			dst[i] = codes[2*i] | codes[2*i+1]<<4
		}
	}
	if top < tiny {
		pack()
		return 0
	}
	var best Float
	for k, part := range int4Scales {
		s := top * part
		inverse := float32(1 / s)
		var off Float
		for i, v := range x {
			c := nearest(float32(v) * inverse)
			codes[i] = c
			d := v - levels[c]*s
			off += d * d
		}
		if k > 0 && off >= best {
			continue
		}
		best, scale = off, s
		pack()
	}
	return scale
}
