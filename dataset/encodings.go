package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"
)

// The value encodings of Parquet (apache/parquet-format, Encodings.md). Every decoder is told how many values
// to make and makes no more, whatever the bytes say.

var errShort = errors.New("the page has fewer bytes than its values need")

// decode appends the n values of a page to v.
func (c *cursor) decode(v *values, enc format.Encoding, data []byte, n int) error {
	switch enc {
	case format.Plain:
		return c.plain(v, data, n)
	case format.PlainDictionary, format.RLEDictionary:
		return c.indices(v, data, n)
	case format.RLE:
		if c.node.kind != format.Boolean {
			break
		}
		rle, _, err := lengthPrefixed(data)
		if err != nil {
			return err
		}
		v.ints = make([]int64, 0, n)
		return hybrid(rle, n, 1, func(x uint32) { v.ints = append(v.ints, int64(x)) })
	case format.DeltaBinaryPacked:
		if c.node.kind != format.Int32 && c.node.kind != format.Int64 {
			break
		}
		ints, _, err := delta(data, n)
		if c.node.kind == format.Int32 {
			for i, x := range ints {
				ints[i] = c.widen(uint32(x))
			}
		}
		v.ints = ints
		return err
	case format.DeltaLengthByteArray:
		if c.node.kind == format.ByteArray {
			return deltaLength(v, data, n)
		}
	case format.DeltaByteArray:
		if c.node.kind == format.ByteArray {
			return c.deltaStrings(v, data, n)
		}
	case format.ByteStreamSplit:
		return c.byteStreams(v, data, n)
	}
	return fmt.Errorf("not supported for %s; write the file again with default encodings", c.node.kind)
}

// widen extends a 32-bit integer by its sign, unless the column is unsigned.
func (c *cursor) widen(x uint32) int64 {
	if c.node.unsigned {
		return int64(x)
	}
	return int64(int32(x))
}

func (c *cursor) plain(v *values, data []byte, n int) error {
	le := binary.LittleEndian
	need := map[format.Type]int{format.Int32: 4, format.Int64: 8, format.Float: 4, format.Double: 8, format.ByteArray: 4}[c.node.kind]
	if c.node.kind == format.Boolean && len(data) < (n+7)/8 || len(data)/max(need, 1) < n && need > 0 {
		return errShort
	}
	switch c.node.kind {
	case format.Boolean:
		v.ints = make([]int64, n)
		for i := range v.ints {
			v.ints[i] = int64(data[i/8] >> (i % 8) & 1)
		}
	case format.Int32:
		v.ints = make([]int64, n)
		for i := range v.ints {
			v.ints[i] = c.widen(le.Uint32(data[4*i:]))
		}
	case format.Int64:
		v.ints = make([]int64, n)
		for i := range v.ints {
			v.ints[i] = int64(le.Uint64(data[8*i:]))
		}
	case format.Float:
		v.floats = make([]float64, n)
		for i := range v.floats {
			v.floats[i] = float64(math.Float32frombits(le.Uint32(data[4*i:])))
		}
	case format.Double:
		v.floats = make([]float64, n)
		for i := range v.floats {
			v.floats[i] = math.Float64frombits(le.Uint64(data[8*i:]))
		}
	case format.ByteArray:
		v.strs = make([]string, n)
		for i := range v.strs {
			if len(data) < 4 || uint64(le.Uint32(data)) > uint64(len(data)-4) {
				return errShort
			}
			k := int(le.Uint32(data))
			v.strs[i] = alias(data[4 : 4+k])
			data = data[4+k:]
		}
		return c.checkStrings(v.strs)
	}
	return nil
}

// alias is a string over b's bytes. Decoded pages are written once, so the strings of a data set lie in them.
func alias(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

func (c *cursor) checkStrings(s []string) error {
	if c.node.unreadable != "" {
		return nil
	}
	for i, x := range s {
		if !utf8.ValidString(x) {
			return fmt.Errorf("value %d of the page is not UTF-8: %q", i+1, clip(x, 40))
		}
	}
	return nil
}

// indices decodes a page of dictionary indices: the bit width, then the hybrid encoding.
func (c *cursor) indices(v *values, data []byte, n int) error {
	if n == 0 {
		return nil
	}
	if c.dict == nil || len(data) == 0 || data[0] > 32 {
		return errors.New("dictionary indices without a dictionary before them")
	}
	size := uint32(c.dict.len())
	bad := false
	take := func(k uint32) {
		switch {
		case k >= size:
			bad = true
		case c.dict.ints != nil:
			v.ints = append(v.ints, c.dict.ints[k])
		case c.dict.floats != nil:
			v.floats = append(v.floats, c.dict.floats[k])
		default:
			v.strs = append(v.strs, c.dict.strs[k])
		}
	}
	if err := hybrid(data[1:], n, int(data[0]), take); err != nil {
		return err
	}
	if bad {
		return fmt.Errorf("an index lies outside the dictionary of %d values", size)
	}
	return nil
}

// lengthPrefixed cuts off a block that a 4-byte length precedes.
func lengthPrefixed(data []byte) (block, rest []byte, err error) {
	if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, nil, errShort
	}
	n := 4 + int(binary.LittleEndian.Uint32(data))
	return data[4:n], data[n:], nil
}

// hybrid decodes n values of the run-length and bit-packing hybrid and hands each to take.
func hybrid(data []byte, n, width int, take func(uint32)) error {
	for n > 0 {
		head, k := binary.Uvarint(data)
		if k <= 0 {
			return errShort
		}
		data = data[k:]
		if head&1 == 0 {
			bytes := (width + 7) / 8
			if len(data) < bytes || head>>1 == 0 {
				return errShort
			}
			var x uint32
			for i := range bytes {
				x |= uint32(data[i]) << (8 * i)
			}
			data = data[bytes:]
			run := int(min(head>>1, uint64(n)))
			for range run {
				take(x)
			}
			n -= run
			continue
		}
		// Groups of eight values; the last may be cut short by writers.
		groups := min(head>>1, uint64(n+7)/8)
		r := bitReader{data: data}
		for range int(min(groups*8, uint64(n))) {
			x, ok := r.take(width)
			if !ok {
				return errShort
			}
			take(uint32(x))
			n--
		}
		data = data[min(uint64(len(data)), groups*uint64(width)):]
	}
	return nil
}

// decodeLevels decodes n repetition or definition levels, none above max.
func decodeLevels(data []byte, n, max int) ([]uint8, error) {
	out := make([]uint8, 0, n)
	bad := false
	err := hybrid(data, n, width(max), func(x uint32) {
		bad = bad || x > uint32(max)
		out = append(out, uint8(x))
	})
	if err == nil && bad {
		err = fmt.Errorf("a level above %d", max)
	}
	return out, err
}

// bitReader takes bits from the lowest of each byte up.
type bitReader struct {
	data []byte
	acc  uint64
	n    int
}

func (r *bitReader) take(width int) (uint64, bool) {
	if width > 32 { // the accumulator holds what two steps bring
		lo, ok1 := r.take(32)
		hi, ok2 := r.take(width - 32)
		return hi<<32 | lo, ok1 && ok2
	}
	for r.n < width {
		if len(r.data) == 0 {
			return 0, false
		}
		r.acc |= uint64(r.data[0]) << r.n
		r.data = r.data[1:]
		r.n += 8
	}
	x := r.acc & (1<<width - 1)
	r.acc >>= width
	r.n -= width
	return x, true
}

// delta decodes DELTA_BINARY_PACKED, at most n integers, and returns the bytes after them.
func delta(data []byte, n int) (out []int64, rest []byte, err error) {
	var head [4]uint64 // block size, miniblocks in a block, number of values, first value
	for i := range head {
		x, k := binary.Uvarint(data)
		if k <= 0 {
			return nil, nil, errShort
		}
		head[i], data = x, data[k:]
	}
	block, minis, total := head[0], head[1], head[2]
	if total > uint64(n) || block == 0 || block > 1<<20 || minis == 0 || minis > block || block%minis != 0 || block/minis%8 != 0 {
		return nil, nil, fmt.Errorf("a delta block of %d values in %d parts, %d values in all", block, minis, total)
	}
	if total == 0 {
		return nil, data, nil
	}
	out = make([]int64, 0, total)
	last := unzigzag(head[3])
	out = append(out, last)
	per := int(block / minis)
	for uint64(len(out)) < total {
		x, k := binary.Uvarint(data)
		if k <= 0 || uint64(len(data)-k) < minis {
			return nil, nil, errShort
		}
		least, widths := unzigzag(x), data[k:k+int(minis)]
		data = data[k+int(minis):]
		for _, w := range widths {
			if uint64(len(out)) == total {
				break // miniblocks without values have no bytes
			}
			if w > 64 {
				return nil, nil, fmt.Errorf("a delta of %d bits", w)
			}
			r := bitReader{data: data}
			for range min(per, int(total)-len(out)) {
				d, ok := r.take(int(w))
				if !ok {
					return nil, nil, errShort
				}
				last += least + int64(d)
				out = append(out, last)
			}
			data = data[min(len(data), per*int(w)/8):]
		}
	}
	return out, data, nil
}

func unzigzag(x uint64) int64 { return int64(x>>1) ^ -int64(x&1) }

// deltaLength decodes DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.
func deltaLength(v *values, data []byte, n int) error {
	lengths, data, err := delta(data, n)
	if err != nil {
		return err
	}
	v.strs = make([]string, len(lengths))
	for i, k := range lengths {
		if k < 0 || k > int64(len(data)) {
			return errShort
		}
		if v.strs[i] = alias(data[:k]); !utf8.ValidString(v.strs[i]) {
			return fmt.Errorf("value %d of the page is not UTF-8: %q", i+1, clip(v.strs[i], 40))
		}
		data = data[k:]
	}
	return nil
}

// deltaStrings decodes DELTA_BYTE_ARRAY: each value shares a prefix with the one before.
func (c *cursor) deltaStrings(v *values, data []byte, n int) error {
	shared, data, err := delta(data, n)
	if err != nil {
		return err
	}
	lengths, data, err := delta(data, n)
	if err != nil {
		return err
	}
	if len(shared) != len(lengths) {
		return fmt.Errorf("%d prefixes for %d suffixes", len(shared), len(lengths))
	}
	v.strs = make([]string, len(lengths))
	last := ""
	for i, k := range lengths {
		if k < 0 || k > int64(len(data)) || shared[i] < 0 || shared[i] > int64(len(last)) {
			return errShort
		}
		// The prefixes are not in the page's size, so they are charged for here.
		if err := c.p.charge(shared[i]); err != nil {
			return err
		}
		last = last[:shared[i]] + string(data[:k])
		v.strs[i], data = last, data[k:]
	}
	return c.checkStrings(v.strs)
}

// byteStreams decodes BYTE_STREAM_SPLIT: all first bytes, then all second bytes, and so on.
func (c *cursor) byteStreams(v *values, data []byte, n int) error {
	size := map[format.Type]int{format.Int32: 4, format.Int64: 8, format.Float: 4, format.Double: 8}[c.node.kind]
	if size == 0 || len(data) != n*size {
		return errShort
	}
	joined := make([]byte, len(data))
	for i := range n {
		for j := range size {
			joined[i*size+j] = data[j*n+i]
		}
	}
	return c.plain(v, joined, n)
}
