package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A decoder turns tokens into pieces of text, which are then joined.
type decoder func(tokens []string) []string

// Decode returns the text of ids. With skipSpecial, special tokens are left out; ids that no token has always are.
// The result is valid UTF-8: bytes that are not become U+FFFD.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	s := t.join(t.tokens(nil, ids, skipSpecial))
	if t.config.CleanUpSpaces {
		s = cleanUp.Replace(s)
	}
	return s
}

// TokenBytes returns the bytes that a token adds to a text, which may be a part of a character. A special token adds
// its name.
func (t *Tokenizer) TokenBytes(id int32) []byte {
	if _, text, ok := t.added.at(id); ok {
		return []byte(text)
	}
	token, _ := t.model.vocab.token(id)
	if t.byteLevel {
		return appendUnmapped(nil, token)
	}
	if len(token) == 6 && strings.HasPrefix(token, "<0x") {
		if b, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
			return []byte{byte(b)}
		}
	}
	return []byte(strings.ReplaceAll(token, "\u2581", " ")) // SentencePiece's space
}

func (t *Tokenizer) tokens(dst []string, ids []int32, skipSpecial bool) []string {
	for _, id := range ids {
		if a, text, ok := t.added.at(id); ok {
			if !a.Special || !skipSpecial {
				dst = append(dst, text)
			}
		} else if token, ok := t.model.vocab.token(id); ok {
			dst = append(dst, token)
		}
	}
	return dst
}

func (t *Tokenizer) join(tokens []string) string {
	if t.dec == nil {
		return strings.Join(tokens, " ")
	}
	return strings.Join(t.dec(tokens), "")
}

// cleanUp is what transformers' clean_up_tokenization does, one rule after the other.
var cleanUp = rules{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}

type rules [][2]string

func (r rules) Replace(s string) string {
	for _, p := range r {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}

// A Stream decodes ids that arrive one by one, as a model generates them. A character whose bytes come in several
// tokens is held back until it is whole, so that what a Stream gives out is always valid UTF-8; put together it is
// what Decode returns for all of the ids. (Byte-fallback tokens that are no UTF-8 are the exception: there, later bytes
// change what Decode makes of earlier ones.) A Stream is for one goroutine.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	held        []byte // byte-level: the start of a character

	ids   []int32 // otherwise: the piece that was given out last, and what came since
	last  int     // how many ids that piece has
	given string  // and its text
}

// Stream returns a decoder for ids that arrive one by one.
func (t *Tokenizer) Stream(skipSpecial bool) *Stream { return &Stream{t: t, skipSpecial: skipSpecial} }

// maxHeld bounds the tokens that a Stream holds back for a character that never becomes whole.
const maxHeld = 16

// Next takes one id and returns the text that is complete now, often "".
func (s *Stream) Next(id int32) string {
	token := s.t.tokens(nil, []int32{id}, s.skipSpecial)
	if len(token) == 0 {
		return ""
	}
	if s.t.byteLevel {
		s.held = appendUnmapped(s.held, token[0])
		n := len(s.held) - incomplete(s.held)
		text := string(appendLossy(nil, s.held[:n]))
		s.held = append(s.held[:0], s.held[n:]...)
		return text
	}
	s.ids = append(s.ids, id)
	text := s.t.join(s.t.tokens(nil, s.ids, s.skipSpecial))
	if strings.HasSuffix(text, "\uFFFD") && len(s.ids)-s.last < maxHeld {
		return ""
	}
	// The next piece is decoded together with this one: decoders treat the first token of a text in a special way.
	out := text[commonPrefix(text, s.given):]
	s.ids = append(s.ids[:0], s.ids[s.last:]...)
	s.last = len(s.ids)
	s.given = s.t.join(s.t.tokens(nil, s.ids, s.skipSpecial))
	return out
}

// Flush returns what is held back and makes the Stream ready for another text.
func (s *Stream) Flush() string {
	out := string(appendLossy(nil, s.held))
	if !s.t.byteLevel {
		text := s.t.join(s.t.tokens(nil, s.ids, s.skipSpecial))
		out = text[commonPrefix(text, s.given):]
	}
	*s = Stream{t: s.t, skipSpecial: s.skipSpecial}
	return out
}

// commonPrefix returns how many bytes a and b share at their start, in whole characters.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(a) && !utf8.RuneStart(a[n]) {
		n--
	}
	return n
}

// byteLevelDecoder reads tokens in the byte-level alphabet.
func byteLevelDecoder(tokens []string) []string {
	var b []byte
	for _, token := range tokens {
		b = appendUnmapped(b, token)
	}
	if utf8.Valid(b) {
		return []string{string(b)}
	}
	return []string{string(appendLossy(nil, b))}
}

// byteFallbackDecoder reads runs of <0x..> as bytes; a run that is not UTF-8 becomes one U+FFFD for each byte.
func byteFallbackDecoder(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		switch {
		case len(run) == 0:
		case utf8.Valid(run):
			out = append(out, string(run))
		default:
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, token := range tokens {
		if len(token) == 6 && strings.HasPrefix(token, "<0x") && token[5] == '>' {
			if b, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
				run = append(run, byte(b))
				continue
			}
		}
		flush()
		out = append(out, token)
	}
	flush()
	return out
}

func fuseDecoder(tokens []string) []string { return []string{strings.Join(tokens, "")} }

// each lifts a function of one token.
func each(f func(string) string) decoder {
	return func(tokens []string) []string {
		out := make([]string, len(tokens))
		for i, token := range tokens {
			out[i] = f(token)
		}
		return out
	}
}

func stripDecoder(content string, start, stop int) decoder {
	return each(func(token string) string {
		for range start {
			rest, ok := strings.CutPrefix(token, content)
			if !ok {
				break
			}
			token = rest
		}
		for range stop {
			rest, ok := strings.CutSuffix(token, content)
			if !ok {
				break
			}
			token = rest
		}
		return token
	})
}

func replaceDecoder(p pattern, with string) decoder {
	return each(func(token string) string {
		var b strings.Builder
		done := 0
		// a time-out leaves the rest of the token as it is
		_ = p.find(token, func(i, j int) {
			b.WriteString(token[done:i])
			b.WriteString(with)
			done = j
		})
		b.WriteString(token[done:])
		return b.String()
	})
}

func metaspaceDecoder(replacement string, prefix bool) decoder {
	return func(tokens []string) []string {
		out := make([]string, len(tokens))
		for i, token := range tokens {
			space := " "
			if i == 0 && prefix {
				space = ""
			}
			out[i] = strings.ReplaceAll(token, replacement, space)
		}
		return out
	}
}

// parseDecoder reads the "decoder" entry of tokenizer.json.
func parseDecoder(raw []byte, depth int) (decoder, error) {
	var c struct {
		Type           string
		Decoders       []rawJSON
		Pattern        rawJSON
		Content        string
		Start, Stop    int
		Replacement    string
		PrependScheme  string `json:"prepend_scheme"`
		AddPrefixSpace *bool  `json:"add_prefix_space"`
	}
	if err := unmarshalStage("decoder", raw, &c, depth); err != nil {
		return nil, err
	}
	switch c.Type {
	case "ByteLevel":
		return byteLevelDecoder, nil
	case "ByteFallback":
		return byteFallbackDecoder, nil
	case "Fuse":
		return fuseDecoder, nil
	case "Strip":
		if c.Content == "" || c.Start < 0 || c.Stop < 0 {
			return nil, fmt.Errorf("decoder Strip of %q, %d at the start and %d at the end", c.Content, c.Start, c.Stop)
		}
		return stripDecoder(c.Content, c.Start, c.Stop), nil
	case "Replace":
		p, err := parsePattern(c.Pattern)
		if err != nil {
			return nil, fmt.Errorf("decoder Replace: %w", err)
		}
		return replaceDecoder(p, c.Content), nil
	case "Metaspace":
		prefix := c.PrependScheme != "never" && (c.PrependScheme != "" || c.AddPrefixSpace == nil || *c.AddPrefixSpace)
		return metaspaceDecoder(c.Replacement, prefix), nil
	case "Sequence":
		var steps []decoder
		for _, raw := range c.Decoders {
			step, err := parseDecoder(raw, depth+1)
			if err != nil {
				return nil, err
			}
			steps = append(steps, step)
		}
		return func(tokens []string) []string {
			for _, step := range steps {
				tokens = step(tokens)
			}
			return tokens
		}, nil
	}
	return nil, fmt.Errorf("decoder %q is not supported (ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace and Sequence are)", c.Type)
}
