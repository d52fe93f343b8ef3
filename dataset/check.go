package dataset

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckOptions of Check.
type CheckOptions struct {
	Tokens    func(text string) int // counts a text's tokens; nil: lengths are in characters
	MaxLength int                   // longest sequence that training keeps, in tokens; 0, or without Tokens: no limit
	HeldOut   bool                  // rows will be held out of a single split, so that it needs no other
}

// A Report is what Check found.
type Report struct {
	Task     Task          `json:"task"`
	Unit     string        `json:"unit"` // of all lengths: "tokens" or "characters"
	Limit    int           `json:"max_length,omitempty"`
	Splits   []SplitReport `json:"splits"`
	Leaks    []Leak        `json:"leaks,omitempty"`
	Warnings []Warning     `json:"warnings,omitempty"`
}

// A SplitReport is what Check found in one split.
type SplitReport struct {
	Name       string       `json:"name"`
	Rows       int          `json:"rows"`
	Features   []Feature    `json:"features"`
	Omitted    []string     `json:"omitted,omitempty"`
	Labels     []LabelCount `json:"labels,omitempty"`     // by class id
	Unlabelled bool         `json:"unlabelled,omitempty"` // every label is null or -1
	Sorted     bool         `json:"sorted,omitempty"`     // all rows of a class stand together
	Lengths    Lengths      `json:"lengths"`
	Truncated  int          `json:"truncated"`  // rows longer than the limit
	Empty      int          `json:"empty"`      // rows whose text is empty or blank
	Duplicates int          `json:"duplicates"` // rows whose text stood in the split before
	Conflicts  int          `json:"conflicts"`  // texts that stand in the split with different labels
	Conflict   string       `json:"conflict,omitempty"`
}

// A LabelCount is how often a class occurs.
type LabelCount struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Share float64 `json:"share"` // of the split's rows
}

// Lengths describes the lengths of a split's texts.
type Lengths struct {
	Mean      float64 `json:"mean"`
	P50       int     `json:"p50"`
	P95       int     `json:"p95"`
	P99       int     `json:"p99"`
	Max       int     `json:"max"`
	Total     int     `json:"total"`
	Histogram []Bin   `json:"histogram,omitempty"`
}

// A Bin counts the lengths in [From, To); To is 0 in the last bin, which has no end.
type Bin struct {
	From  int `json:"from"`
	To    int `json:"to,omitempty"`
	Count int `json:"count"`
}

// A Leak counts the rows of one split whose text stands in another as well.
type Leak struct {
	From       string `json:"from"`
	To         string `json:"to"`
	Exact      int    `json:"exact"`      // rows of To with the same text in From
	Normalised int    `json:"normalised"` // the same, but for case, space and punctuation; counts the exact ones too
	Example    string `json:"example"`    // the first one's place in To
}

// A Warning says what is wrong and what to do.
type Warning struct {
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// Check looks for what spoils training on d: labels out of balance or in order, texts that are empty,
// repeated, cut, labelled in two ways, or in the train and the test set both. It takes about 40 bytes a row.
func Check(d Dict, t Task, o CheckOptions) (*Report, error) {
	r := &Report{Task: t, Unit: "characters"}
	if o.Tokens != nil {
		r.Unit, r.Limit = "tokens", o.MaxLength
	}
	c := checker{o: o, t: t, seeds: [3]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed(), maphash.MakeSeed()}}
	for i, s := range d {
		sr, err := c.split(i, s)
		if err != nil {
			return nil, err
		}
		r.Splits = append(r.Splits, sr)
	}
	c.repeats(r, d)
	r.warn(o)
	return r, nil
}

// fingerprint of a row's text: 128 bits of the normalised text, 64 of the exact one. Equal fingerprints are
// taken for equal texts.
type fingerprint struct {
	norm  [2]uint64
	exact uint64
	row   uint32
	label int32
	split int32
}

type checker struct {
	o       CheckOptions
	t       Task
	seeds   [3]maphash.Seed
	prints  []fingerprint
	scratch []byte
}

func (c *checker) split(at int, s Split) (SplitReport, error) {
	r := SplitReport{Name: s.Name, Rows: s.Len(), Features: s.Features(), Omitted: s.Omitted()}
	labels, err := c.labels(&r, s)
	if err != nil {
		return r, err
	}
	lengths := make([]int, 0, s.Len())
	for i, row := range s.Rows() {
		text, err := c.t.Content(row)
		if err != nil {
			return r, err
		}
		var n int
		if c.o.Tokens != nil {
			n = c.o.Tokens(text)
		} else {
			n = utf8.RuneCountInString(text)
		}
		lengths = append(lengths, n)
		if c.o.Tokens != nil && c.o.MaxLength > 0 && n > c.o.MaxLength {
			r.Truncated++
		}
		if strings.TrimSpace(text) == "" {
			r.Empty++
			continue
		}
		label := int32(-1)
		if labels != nil {
			label = labels[i]
		}
		c.scratch = normalise(c.scratch[:0], text)
		c.prints = append(c.prints, fingerprint{
			norm:  [2]uint64{maphash.Bytes(c.seeds[0], c.scratch), maphash.Bytes(c.seeds[1], c.scratch)},
			exact: maphash.String(c.seeds[2], text),
			row:   uint32(i), label: label, split: int32(at),
		})
	}
	r.Lengths = measure(lengths)
	return r, nil
}

func (c *checker) labels(r *SplitReport, s Split) ([]int32, error) {
	if c.t.Kind != Classification {
		return nil, nil
	}
	col := s.find(c.t.Label)
	if col == nil || s.Len() > 0 && s.unlabelled(col) {
		r.Unlabelled = true
		return nil, nil
	}
	labels, err := c.t.Labels(s.Dataset)
	if err != nil {
		return nil, err
	}
	r.Labels = make([]LabelCount, len(c.t.Names))
	runs := 0
	for i, id := range labels {
		r.Labels[id].Count++
		if i == 0 || labels[i-1] != id {
			runs++
		}
	}
	classes := 0
	for i := range r.Labels {
		l := &r.Labels[i]
		l.Name, l.Share = c.t.Names[i], float64(l.Count)/float64(max(1, s.Len()))
		if l.Count > 0 {
			classes++
		}
	}
	r.Sorted = classes > 1 && runs == classes && s.Len() > 2*classes
	return labels, nil
}

// normalise appends text in lower case with all between letters and digits made one space.
func normalise(dst []byte, text string) []byte {
	gap := false
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			if c = plainLower[c]; c == ' ' {
				gap = len(dst) > 0
				continue
			}
			if gap {
				dst, gap = append(dst, ' '), false
			}
			dst = append(dst, c)
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			gap = len(dst) > 0
			continue
		}
		if gap {
			dst, gap = append(dst, ' '), false
		}
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
	}
	if len(dst) == 0 {
		return append(dst, text...) // punctuation alone is its own norm
	}
	return dst
}

// plainLower maps ASCII letters to lower case, digits to themselves and all else to a space.
var plainLower = func() (t [utf8.RuneSelf]byte) {
	for c := range t {
		t[c] = ' '
		if r := rune(c); unicode.IsLetter(r) || unicode.IsDigit(r) {
			t[c] = byte(unicode.ToLower(r))
		}
	}
	return t
}()

// measure sorts lengths and describes them.
func measure(lengths []int) Lengths {
	n := len(lengths)
	if n == 0 {
		return Lengths{}
	}
	slices.Sort(lengths)
	at := func(q float64) int { return lengths[min(n-1, int(math.Ceil(q*float64(n)))-1)] }
	l := Lengths{P50: at(0.5), P95: at(0.95), P99: at(0.99), Max: lengths[n-1]}
	for _, x := range lengths {
		l.Total += x
	}
	l.Mean = float64(l.Total) / float64(n)
	step := 1
	for k := 0; l.P99/step >= 10; k++ { // 1, 2, 5, 10, 20, 50, …
		step = int([]float64{1, 2, 5}[k%3] * math.Pow10(k/3))
	}
	bins := min(l.Max/step, l.P99/step+1) + 1
	l.Histogram = make([]Bin, bins)
	for i := range l.Histogram {
		l.Histogram[i] = Bin{From: i * step, To: (i + 1) * step}
	}
	for _, x := range lengths {
		l.Histogram[min(x/step, bins-1)].Count++
	}
	if last := &l.Histogram[bins-1]; l.Max >= last.To {
		last.To = 0
	}
	return l
}

// repeats finds equal texts: it sorts the fingerprints, so that equal ones stand together.
func (c *checker) repeats(r *Report, d Dict) {
	slices.SortFunc(c.prints, func(a, b fingerprint) int {
		for _, pair := range [][2]uint64{{a.norm[0], b.norm[0]}, {a.norm[1], b.norm[1]}, {a.exact, b.exact}} {
			if pair[0] != pair[1] {
				if pair[0] < pair[1] {
					return -1
				}
				return 1
			}
		}
		if a.split != b.split {
			return int(a.split - b.split)
		}
		return int(a.row) - int(b.row)
	})
	leaks := map[[2]int32]*leak{}
	eachRun(c.prints, func(a, b *fingerprint) bool { return a.norm == b.norm }, func(run []fingerprint) {
		if len(run) == 1 {
			return
		}
		leaksOf(leaks, run, false)
		eachRun(run, func(a, b *fingerprint) bool { return a.exact == b.exact }, func(same []fingerprint) {
			leaksOf(leaks, same, true)
			eachRun(same, func(a, b *fingerprint) bool { return a.split == b.split }, func(in []fingerprint) {
				duplicatesOf(&r.Splits[in[0].split], d[in[0].split].Dataset, in)
			})
		})
	})
	for i := range d {
		for j := range d {
			if l := leaks[[2]int32{int32(i), int32(j)}]; l != nil {
				r.Leaks = append(r.Leaks, Leak{d[i].Name, d[j].Name, l.exact, l.norm, d[j].Where(int(l.first))})
			}
		}
	}
}

// eachRun cuts p where same is false between neighbours.
func eachRun(p []fingerprint, same func(a, b *fingerprint) bool, do func([]fingerprint)) {
	for from := 0; from < len(p); {
		to := from + 1
		for to < len(p) && same(&p[from], &p[to]) {
			to++
		}
		do(p[from:to])
		from = to
	}
}

type leak struct {
	exact, norm int
	first       uint32
}

// leaksOf counts the rows of equal text in later splits of which an earlier split has one.
func leaksOf(leaks map[[2]int32]*leak, run []fingerprint, exact bool) {
	rows := map[int32]int{}
	first := map[int32]uint32{}
	for _, f := range run {
		if rows[f.split]++; rows[f.split] == 1 || f.row < first[f.split] {
			first[f.split] = f.row
		}
	}
	for i := range rows {
		for j, n := range rows {
			if i >= j {
				continue
			}
			l := leaks[[2]int32{i, j}]
			if l == nil {
				l = &leak{first: first[j]}
				leaks[[2]int32{i, j}] = l
			}
			l.first = min(l.first, first[j])
			if exact {
				l.exact += n
			} else {
				l.norm += n
			}
		}
	}
}

// duplicatesOf counts the rows of one split that have the same text.
func duplicatesOf(r *SplitReport, d *Dataset, in []fingerprint) {
	r.Duplicates += len(in) - 1
	for _, f := range in[1:] {
		if f.label != in[0].label {
			if r.Conflicts++; r.Conflict == "" {
				r.Conflict = fmt.Sprintf("%s and %s", d.Where(int(in[0].row)), d.Where(int(f.row)))
			}
			return
		}
	}
}
