package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds one search with a pattern that has no hand-written scanner: such patterns may backtrack.
const matchTimeout = 5 * time.Second

// A pattern is a literal string or a regular expression.
type pattern struct {
	literal string
	re      *regexp2.Regexp
	scan    scanner // finds the same pieces as re, or nil
}

func parsePattern(raw []byte) (p pattern, err error) {
	var c struct {
		String *string
		Regex  *string
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return p, fmt.Errorf("pattern: %w", err)
	}
	switch {
	case c.String != nil && c.Regex == nil:
		if *c.String == "" {
			return p, errors.New(`pattern "String" is empty`)
		}
		return pattern{literal: *c.String}, nil
	case c.Regex != nil && c.String == nil:
		return compile(*c.Regex)
	}
	return p, fmt.Errorf(`pattern %.80s is neither {"String": …} nor {"Regex": …}`, raw)
}

func compile(expr string) (p pattern, err error) {
	if len(expr) > 1<<14 {
		return p, fmt.Errorf("regular expression of %d bytes is too long", len(expr))
	}
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("regular expression %q: %v", expr, e)
		}
	}()
	p.re, err = regexp2.Compile(rewriteClasses(expr), regexp2.None)
	if err != nil {
		return p, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	p.re.MatchTimeout = matchTimeout
	p.scan = scannerFor(expr)
	return p, nil
}

// rewriteClasses spells out what the reference's engine means by \h, which is a class of another kind elsewhere.
func rewriteClasses(expr string) string {
	if !strings.Contains(expr, `\h`) {
		return expr
	}
	var b strings.Builder
	for i := 0; i < len(expr); i++ {
		switch {
		case expr[i] != '\\' || i+1 == len(expr):
			b.WriteByte(expr[i])
			continue
		case expr[i+1] == 'h':
			b.WriteString(`[0-9a-fA-F]`)
		default:
			b.WriteString(expr[i : i+2])
		}
		i++
	}
	return b.String()
}

// find calls yield with the byte range of every match, from left to right. Empty matches are left out.
func (p pattern) find(s string, yield func(i, j int)) error {
	switch {
	case p.scan != nil:
		for i := 0; i < len(s); {
			j := p.scan(s, i)
			yield(i, j)
			i = j
		}
		return nil
	case p.re == nil:
		for i := 0; ; {
			k := strings.Index(s[i:], p.literal)
			if k < 0 {
				return nil
			}
			yield(i+k, i+k+len(p.literal))
			i += k + len(p.literal)
		}
	}
	at, seen := 0, 0 // byte and rune position
	advance := func(rune int) int {
		for ; seen < rune; seen++ {
			_, n := utf8.DecodeRuneInString(s[at:])
			at += n
		}
		return at
	}
	err := p.re.FindRunesMatches([]rune(s), 0, func(m regexp2.MatchView) bool {
		if k, n, ok := m.GroupRange(0); ok && n > 0 {
			i := advance(k)
			yield(i, advance(k+n))
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("tokenizer: pattern %q: %w", p.re.String(), err)
	}
	return nil
}
