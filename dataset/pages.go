package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// values are decoded values of one leaf, nulls left out. The slice that fits the leaf's kind is in use:
// ints for BOOLEAN, INT32 and INT64, floats for FLOAT and DOUBLE, strs for BYTE_ARRAY.
type values struct {
	ints   []int64
	floats []float64
	strs   []string
}

func (v *values) len() int { return len(v.ints) + len(v.floats) + len(v.strs) }

// ppage is a decoded data page: n levels and the values that are not null.
type ppage struct {
	n         int
	reps, def []uint8 // nil where the level can only be 0
	vals      values
}

// cursor walks the values of a leaf in one column chunk, page by page.
type cursor struct {
	p     *parquetFile
	node  *pnode
	meta  *format.ColumnMetaData
	br    *bufio.Reader
	left  int64 // values that the chunk's metadata still promises
	dict  *values
	page  ppage
	i, v  int // position in the page: level, value
	zstdr *zstd.Decoder
}

// The largest page header that is taken seriously; it may hold the page's smallest and largest value.
const maxPageHeader = 128 << 10

func (p *parquetFile) open(l *pnode, m *format.ColumnMetaData) (*cursor, error) {
	start := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	if start < 4 || m.TotalCompressedSize < 0 || m.NumValues < 0 || m.TotalCompressedSize > p.size-start {
		return nil, fmt.Errorf("a chunk at byte %d with %d bytes and %d values lies outside the file of %d bytes",
			start, m.TotalCompressedSize, m.NumValues, p.size)
	}
	if m.Type != l.kind {
		return nil, fmt.Errorf("a chunk of type %s for a column of type %s", m.Type, l.kind)
	}
	section := io.NewSectionReader(p.r, start, m.TotalCompressedSize)
	return &cursor{p: p, node: l, meta: m, left: m.NumValues, br: bufio.NewReaderSize(section, maxPageHeader)}, nil
}

func (c *cursor) close() {
	if c.zstdr != nil {
		c.zstdr.Close()
	}
}

// peek makes sure that a value stands at the cursor; io.EOF at the end of the chunk.
func (c *cursor) peek() error {
	for c.i == c.page.n {
		if c.left == 0 {
			return io.EOF
		}
		if err := c.nextPage(); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return errors.New("a page is cut off: the file is truncated or its sizes are wrong")
			}
			return err
		}
	}
	return nil
}

func (c *cursor) def() int {
	if c.page.def == nil {
		return 0
	}
	return int(c.page.def[c.i])
}

func (c *cursor) rep() int {
	if c.page.reps == nil {
		return 0
	}
	return int(c.page.reps[c.i])
}

// skip moves past the value at the cursor, which peek has made sure of.
func (c *cursor) skip() error {
	if c.def() == c.node.def {
		c.v++
	}
	c.i++
	return nil
}

// nextPage decodes the next data page, and a dictionary before it.
func (c *cursor) nextPage() error {
	head, err := c.br.Peek(maxPageHeader)
	if len(head) == 0 {
		return err
	}
	if err := checkThrift(head); err != nil {
		return fmt.Errorf("page header: %w", err)
	}
	var h format.PageHeader
	var compact thrift.CompactProtocol
	r := compact.NewReaderFromBytes(head)
	if err := thrift.NewDecoder(r).Decode(&h); err != nil {
		return fmt.Errorf("page header: %w", err)
	}
	c.br.Discard(r.BytesRead())
	if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 || int64(h.CompressedPageSize) > c.meta.TotalCompressedSize {
		return fmt.Errorf("a page header claims %d bytes that become %d", h.CompressedPageSize, h.UncompressedPageSize)
	}
	if err := c.p.charge(int64(h.UncompressedPageSize)); err != nil {
		return err
	}
	data := make([]byte, h.CompressedPageSize)
	if _, err := io.ReadFull(c.br, data); err != nil {
		return err
	}
	if h.CRC != 0 && uint32(h.CRC) != crc32.ChecksumIEEE(data) {
		return errors.New("a page's checksum is wrong: the file is damaged")
	}
	switch {
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		return c.dictionary(&h, data)
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		return c.dataPageV1(&h, data)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return c.dataPageV2(&h, data)
	}
	return nil // an index page
}

func (c *cursor) dictionary(h *format.PageHeader, data []byte) error {
	data, err := c.decompress(data, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	n := int(h.DictionaryPageHeader.V.NumValues)
	if err := c.count(n, 1<<31); err != nil {
		return err
	}
	var v values
	if err := c.plain(&v, data, n); err != nil {
		return fmt.Errorf("dictionary: %w", err)
	}
	c.dict = &v
	return nil
}

// count checks a number of values that a page header claims, and charges for them.
func (c *cursor) count(n int, most int64) error {
	if n < 0 || int64(n) > most {
		return fmt.Errorf("a page claims %d values where %d are left", n, most)
	}
	return c.p.charge(int64(n) * 8)
}

func (c *cursor) dataPageV1(h *format.PageHeader, data []byte) error {
	d := &h.DataPageHeader.V
	n := int(d.NumValues)
	if err := c.count(n, c.left); err != nil {
		return err
	}
	data, err := c.decompress(data, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	levels := func(max int, enc format.Encoding) ([]uint8, error) {
		if max == 0 {
			return nil, nil
		}
		if enc != format.RLE {
			return nil, fmt.Errorf("levels in encoding %s are not supported", enc)
		}
		rle, rest, err := lengthPrefixed(data)
		if err != nil {
			return nil, err
		}
		data = rest
		return decodeLevels(rle, n, max)
	}
	page := ppage{n: n}
	if page.reps, err = levels(c.node.rep, d.RepetitionLevelEncoding); err != nil {
		return fmt.Errorf("repetition levels: %w", err)
	}
	if page.def, err = levels(c.node.def, d.DefinitionLevelEncoding); err != nil {
		return fmt.Errorf("definition levels: %w", err)
	}
	return c.finish(page, d.Encoding, data)
}

func (c *cursor) dataPageV2(h *format.PageHeader, data []byte) error {
	d := &h.DataPageHeaderV2.V
	n := int(d.NumValues)
	if err := c.count(n, c.left); err != nil {
		return err
	}
	rl, dl := int(d.RepetitionLevelsByteLength), int(d.DefinitionLevelsByteLength)
	if rl < 0 || dl < 0 || rl > len(data) || dl > len(data)-rl || rl+dl > int(h.UncompressedPageSize) {
		return fmt.Errorf("levels of %d and %d bytes in a page of %d", rl, dl, len(data))
	}
	page := ppage{n: n}
	var err error
	if c.node.rep > 0 {
		if page.reps, err = decodeLevels(data[:rl], n, c.node.rep); err != nil {
			return fmt.Errorf("repetition levels: %w", err)
		}
	}
	if c.node.def > 0 {
		if page.def, err = decodeLevels(data[rl:rl+dl], n, c.node.def); err != nil {
			return fmt.Errorf("definition levels: %w", err)
		}
	}
	data = data[rl+dl:]
	if !d.IsCompressed.Valid || d.IsCompressed.V {
		if data, err = c.decompress(data, int(h.UncompressedPageSize)-rl-dl); err != nil {
			return err
		}
	}
	return c.finish(page, d.Encoding, data)
}

// finish decodes the values of a page and puts the cursor before them.
func (c *cursor) finish(page ppage, enc format.Encoding, data []byte) error {
	n := page.n
	if page.def != nil {
		n = bytes.Count(page.def, []byte{uint8(c.node.def)})
	}
	if c.node.unreadable == "" {
		if err := c.decode(&page.vals, enc, data, n); err != nil {
			return fmt.Errorf("values in encoding %s: %w", enc, err)
		}
		if got := page.vals.len(); got != n {
			return fmt.Errorf("values in encoding %s: %d where the levels say %d", enc, got, n)
		}
	}
	c.page, c.i, c.v = page, 0, 0
	c.left -= int64(page.n)
	return nil
}

// decompress returns exactly n bytes or fails. It never makes room for more.
func (c *cursor) decompress(data []byte, n int) ([]byte, error) {
	var r io.Reader
	switch c.meta.Codec {
	case format.Uncompressed:
		if len(data) != n {
			return nil, fmt.Errorf("an uncompressed page has %d bytes, its header says %d", len(data), n)
		}
		return data, nil
	case format.Snappy:
		if k, err := snappy.DecodedLen(data); err != nil || k != n {
			return nil, fmt.Errorf("a snappy page becomes %d bytes, its header says %d", k, n)
		}
		return snappy.Decode(make([]byte, n), data)
	case format.Lz4Raw:
		out := make([]byte, n)
		if k, err := lz4Block(out, data); err != nil || k != n {
			return nil, fmt.Errorf("an LZ4 page doesn't become the %d bytes that its header says", n)
		}
		return out, nil
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		r = z
	case format.Zstd:
		if c.zstdr == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(256<<20), zstd.WithDecoderLowmem(true))
			if err != nil {
				return nil, err
			}
			c.zstdr = z
		}
		if err := c.zstdr.Reset(bytes.NewReader(data)); err != nil {
			return nil, err
		}
		r = c.zstdr
	default:
		return nil, fmt.Errorf("compression %s is not supported; write the file with zstd or snappy", c.meta.Codec)
	}
	out := make([]byte, n)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, fmt.Errorf("%s: %w", c.meta.Codec, err)
	}
	if k, err := r.Read(make([]byte, 1)); k > 0 || err != nil && err != io.EOF {
		return nil, fmt.Errorf("a %s page becomes more than the %d bytes that its header says", c.meta.Codec, n)
	}
	return out, nil
}

// width is the number of bits of a level or an index up to max.
func width(max int) int { return bits.Len(uint(max)) }
