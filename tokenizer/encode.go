package tokenizer

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// An Encoding is a tokenized text. All of its lists have one entry per token.
type Encoding struct {
	IDs []int32
	// Tokens are written as in the vocabulary: "Ġhello".
	Tokens []string
	// Offsets are the bytes of the text that each token stands for, start and end, widened to whole characters: a
	// token that is part of a character has that character's. Special tokens that are not in the text have 0, 0.
	// The reference counts characters instead: CharOffsets converts.
	Offsets           [][2]int
	TypeIDs           []int32
	SpecialTokensMask []int32 // 1 for tokens that were put around the text, padding included
	AttentionMask     []int32 // 0 for padding
}

// A Padding says what short rows are filled up to.
type Padding int

// The paddings of transformers' padding=False, "longest" and "max_length".
const (
	NoPadding Padding = iota
	PadLongest
	PadMaxLength
)

// Options are those of transformers' tokenizer(text, …) calls, by name. The zero value is its default: special tokens
// are added, nothing is truncated or padded.
type Options struct {
	NoSpecialTokens bool // add_special_tokens=False
	// Plain reads whatever looks like an added or special token as ordinary text.
	Plain          bool
	MaxLength      int    // > 0: truncation=True, max_length=MaxLength, special tokens included
	TruncationSide string // right or left; "" is the tokenizer's own
	Padding        Padding
	PaddingSide    string // right or left; "" is the tokenizer's own
	PadToMultiple  int    // > 1: pad_to_multiple_of
}

// Encode tokenizes one text.
func (t *Tokenizer) Encode(text string, o Options) (*Encoding, error) {
	e, err := t.encode(o, text)
	if err != nil {
		return nil, err
	}
	return e, t.pad([]*Encoding{e}, o)
}

// EncodePair tokenizes two texts into one row, with the tokens that the model wants between them.
func (t *Tokenizer) EncodePair(first, second string, o Options) (*Encoding, error) {
	e, err := t.encode(o, first, second)
	if err != nil {
		return nil, err
	}
	return e, t.pad([]*Encoding{e}, o)
}

// EncodeBatch tokenizes texts on all processors, and pads them to a common length if o says so.
func (t *Tokenizer) EncodeBatch(texts []string, o Options) ([]*Encoding, error) {
	out := make([]*Encoding, len(texts))
	errs := make([]error, len(texts))
	workers := min(runtime.GOMAXPROCS(0), len(texts))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(texts); i += workers {
				out[i], errs[i] = t.encode(o, texts[i])
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", i, err)
		}
	}
	return out, t.pad(out, o)
}

// encode does all but padding.
func (t *Tokenizer) encode(o Options, texts ...string) (*Encoding, error) {
	seqs := make([]*Encoding, len(texts))
	for i, s := range texts {
		var err error
		if seqs[i], err = t.sequence(s, o.Plain, int32(i)); err != nil {
			return nil, err
		}
	}
	tmpl := t.post.single
	if len(texts) == 2 {
		tmpl = t.post.pair
	}
	if o.MaxLength > 0 {
		room := o.MaxLength
		if !o.NoSpecialTokens {
			room -= tmpl.specials()
		}
		if room < 0 {
			return nil, fmt.Errorf("tokenizer: max_length %d has no room for %d special tokens", o.MaxLength, tmpl.specials())
		}
		left, err := isLeft("truncation", o.TruncationSide, t.config.TruncationSide)
		if err != nil {
			return nil, err
		}
		truncate(seqs, room, left)
	}
	for _, e := range seqs {
		if t.post.trim {
			t.trimOffsets(e)
		}
	}
	if tmpl == nil {
		out := seqs[0]
		for _, e := range seqs[1:] {
			out.join(e)
		}
		return out, nil
	}
	out := new(Encoding)
	for _, p := range tmpl {
		switch {
		case p.seq >= len(seqs):
			return nil, fmt.Errorf("tokenizer: the template for one sequence asks for a second one")
		case p.seq >= 0:
			e := seqs[p.seq]
			for i := range e.TypeIDs {
				e.TypeIDs[i] = p.typeID
			}
			out.join(e)
		case !o.NoSpecialTokens:
			for _, id := range p.ids {
				out.add(id, t.IDToToken(id), [2]int{}, p.typeID, 1, 1)
			}
		}
	}
	return out, nil
}

// sequence tokenizes without special tokens around.
func (t *Tokenizer) sequence(s string, plain bool, typeID int32) (*Encoding, error) {
	e := new(Encoding)
	put := func(id int32, token string, p text, i, j int) {
		for i > 0 && i < len(p.s) && !utf8.RuneStart(p.s[i]) {
			i--
		}
		for j < len(p.s) && !utf8.RuneStart(p.s[j]) {
			j++
		}
		from := p.origin(i, j)
		e.add(id, token, [2]int{from.start, from.end}, typeID, 0, 1)
	}
	err := t.pieces(valid(s, true), plain, true, func(p text, token *AddedToken) error {
		if token != nil {
			put(token.ID, p.s, p, 0, len(p.s)) // with the white space that it swallowed
			return nil
		}
		return t.words(p, t.stages, true, func(word text) error {
			syms := t.model.encode(word.s)
			at := 0
			for k, id := range syms.id {
				size := int(syms.size[k])
				put(id, t.IDToToken(id), word, at, at+size)
				at += size
			}
			t.model.release(syms)
			return nil
		})
	})
	return e, err
}

func (e *Encoding) add(id int32, token string, at [2]int, typeID, special, attention int32) {
	e.IDs = append(e.IDs, id)
	e.Tokens = append(e.Tokens, token)
	e.Offsets = append(e.Offsets, at)
	e.TypeIDs = append(e.TypeIDs, typeID)
	e.SpecialTokensMask = append(e.SpecialTokensMask, special)
	e.AttentionMask = append(e.AttentionMask, attention)
}

func (e *Encoding) join(other *Encoding) {
	e.IDs = append(e.IDs, other.IDs...)
	e.Tokens = append(e.Tokens, other.Tokens...)
	e.Offsets = append(e.Offsets, other.Offsets...)
	e.TypeIDs = append(e.TypeIDs, other.TypeIDs...)
	e.SpecialTokensMask = append(e.SpecialTokensMask, other.SpecialTokensMask...)
	e.AttentionMask = append(e.AttentionMask, other.AttentionMask...)
}

// keep leaves tokens i to j.
func (e *Encoding) keep(i, j int) {
	e.IDs, e.Tokens, e.Offsets = e.IDs[i:j], e.Tokens[i:j], e.Offsets[i:j]
	e.TypeIDs, e.SpecialTokensMask, e.AttentionMask = e.TypeIDs[i:j], e.SpecialTokensMask[i:j], e.AttentionMask[i:j]
}

// truncate shortens one or two sequences to room tokens in all, the longer one first.
func truncate(seqs []*Encoding, room int, left bool) {
	cut := func(e *Encoding, n int) {
		switch size := len(e.IDs); {
		case n >= size:
		case left:
			e.keep(size-n, size)
		default:
			e.keep(0, n)
		}
	}
	if len(seqs) == 1 {
		cut(seqs[0], room)
		return
	}
	short, long := len(seqs[0].IDs), len(seqs[1].IDs)
	if short+long <= room {
		return
	}
	swap := short > long
	if swap {
		short, long = long, short
	}
	if short > room {
		long = short
	} else {
		long = max(short, room-short)
	}
	if short+long > room {
		short = room / 2
		long = short + room%2
	}
	if swap {
		short, long = long, short
	}
	cut(seqs[0], short)
	cut(seqs[1], long)
}

// trimOffsets leaves the spaces around words out of their offsets.
func (t *Tokenizer) trimOffsets(e *Encoding) {
	isSpace := func(r rune) bool { return r == byteRune[' '] || unicode.IsSpace(r) }
	// mapped spaces are one byte of the text, others stand for themselves
	size := func(spaces string) int { return len(spaces) - strings.Count(spaces, string(byteRune[' '])) }
	for i, token := range e.Tokens {
		left, right := strings.TrimLeftFunc(token, isSpace), strings.TrimRightFunc(token, isSpace)
		lead, trail := token[:len(token)-len(left)], token[len(right):]
		at := &e.Offsets[i]
		switch {
		case lead == "":
		case utf8.RuneCountInString(lead) == 1 && (i == 0 || at[0] == 0) && t.post.prefixSpace:
			// that space was not in the text
			if left == "" {
				at[1], trail = at[0], ""
			}
		default:
			at[0] = min(at[0]+size(lead), at[1])
		}
		if n := size(trail); n > 0 && at[1] >= n {
			at[1] = max(at[1]-n, at[0])
		}
	}
}

func isLeft(what, side, own string) (bool, error) {
	if side == "" {
		side = own
	}
	switch side {
	case "", "right":
		return false, nil
	case "left":
		return true, nil
	}
	return false, fmt.Errorf("tokenizer: %s side %q is neither right nor left", what, side)
}

// pad fills all encodings up to one length.
func (t *Tokenizer) pad(all []*Encoding, o Options) error {
	n := 0
	switch o.Padding {
	case NoPadding:
		return nil
	case PadLongest:
		for _, e := range all {
			n = max(n, len(e.IDs))
		}
	case PadMaxLength:
		if n = o.MaxLength; n <= 0 {
			return fmt.Errorf("tokenizer: padding to max_length needs a MaxLength")
		}
	default:
		return fmt.Errorf("tokenizer: padding %d is unknown", o.Padding)
	}
	if m := o.PadToMultiple; m > 1 {
		n = (n + m - 1) / m * m
	}
	left, err := isLeft("padding", o.PaddingSide, t.config.PaddingSide)
	if err != nil {
		return err
	}
	id := t.PAD()
	if id < 0 {
		return fmt.Errorf(`tokenizer: there is no pad_token to pad with; add one: AddSpecialTokens(map[string]string{"pad_token": "[PAD]"})`)
	}
	token := t.IDToToken(id)
	for _, e := range all {
		if len(e.IDs) >= n {
			continue
		}
		fill := new(Encoding)
		for range n - len(e.IDs) {
			fill.add(id, token, [2]int{}, 0, 1, 0)
		}
		if left {
			fill.join(e)
			*e = *fill
		} else {
			e.join(fill)
		}
	}
	return nil
}

// CharOffsets converts byte offsets in text to the character offsets that the reference gives.
func CharOffsets(text string, offsets [][2]int) [][2]int {
	chars := make([]int, len(text)+1) // characters that start before each byte
	for i, n := 0, 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			size = brokenPrefix([]byte(text[i:min(i+4, len(text))]))
		}
		n++
		for range size {
			i++
			chars[i] = n
		}
	}
	out := make([][2]int, len(offsets))
	for i, at := range offsets {
		out[i] = [2]int{chars[at[0]], chars[at[1]]}
	}
	return out
}
