package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An AddedToken is a token that is found in the text before the model sees it, as in tokenizer.json's "added_tokens".
type AddedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only between characters that are not part of words
	LStrip     bool   `json:"lstrip"`      // swallows white space before it
	RStrip     bool   `json:"rstrip"`      // swallows white space after it
	Normalized bool   `json:"normalized"`  // is looked for in the normalized text
	Special    bool   `json:"special"`     // can be left out when decoding
}

// UnmarshalJSON reads a token from a string or an object; normalized is true by default unless it is special.
func (a *AddedToken) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = AddedToken{Special: true}
		return json.Unmarshal(b, &a.Content)
	}
	type plain AddedToken
	c := struct {
		plain
		Normalized *bool `json:"normalized"`
	}{}
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	*a = AddedToken(c.plain)
	a.Normalized = !a.Special
	if c.Normalized != nil {
		a.Normalized = *c.Normalized
	}
	return nil
}

const (
	maxAdded        = 1 << 18 // added tokens of one tokenizer
	maxAddedContent = 4096    // bytes of one
	maxAddedBytes   = 1 << 22 // bytes of all
)

// addedTokens holds them by id and by content.
type addedTokens struct {
	list  []AddedToken // by ascending id
	text  []string     // what each is as a token: its content, normalized if it is looked for that way
	byID  map[int32]int
	ids   map[string]int32
	raw   *trie // those that are looked for in the text as it is
	clean *trie // those that are looked for in the normalized text
}

// at returns the added token of id and its text.
func (a *addedTokens) at(id int32) (token AddedToken, text string, ok bool) {
	i, ok := a.byID[id]
	if !ok {
		return AddedToken{}, "", false
	}
	return a.list[i], a.text[i], true
}

// newAdded indexes tokens, which have distinct ids and contents.
func newAdded(tokens []AddedToken, n normalizer) (*addedTokens, error) {
	if len(tokens) > maxAdded {
		return nil, fmt.Errorf("%d added tokens are more than %d", len(tokens), maxAdded)
	}
	a := &addedTokens{list: slices.Clone(tokens), byID: map[int32]int{}, ids: map[string]int32{}, raw: new(trie), clean: new(trie)}
	slices.SortStableFunc(a.list, func(x, y AddedToken) int { return int(x.ID) - int(y.ID) })
	bytes := 0
	for i, t := range a.list {
		if bytes += len(t.Content); bytes > maxAddedBytes {
			return nil, fmt.Errorf("added tokens have more than %d bytes", maxAddedBytes)
		}
		if t.ID < 0 || t.ID > maxID {
			return nil, fmt.Errorf("added token %q has id %d, outside 0 to %d", clip(t.Content), t.ID, maxID)
		}
		if len(t.Content) > maxAddedContent {
			return nil, fmt.Errorf("added token %d is longer than %d bytes", t.ID, maxAddedContent)
		}
		if j, ok := a.byID[t.ID]; ok {
			return nil, fmt.Errorf("added tokens %q and %q have the same id %d", clip(a.list[j].Content), clip(t.Content), t.ID)
		}
		a.byID[t.ID] = i
		a.ids[t.Content] = t.ID
		found := text{s: t.Content}
		if t.Normalized && n != nil {
			var err error
			if found, err = n(found, false); err != nil {
				return nil, err
			}
		}
		a.text = append(a.text, found.s)
		if t.Normalized {
			a.clean.add(found.s, i)
		} else {
			a.raw.add(found.s, i)
		}
	}
	return a, nil
}

// A trie finds the longest of its patterns that starts at a byte.
type trie struct {
	nodes []trieNode
	first [256]bool
	one   int // 1 + the only first byte, 0 if there are none, -1 if there are several
}

type trieNode struct {
	edges []trieEdge
	token int // index of the added token that ends here, or -1
}

type trieEdge struct {
	b    byte
	node int32
}

func (t *trie) add(pattern string, token int) {
	if pattern == "" {
		return
	}
	if t.nodes == nil {
		t.nodes = []trieNode{{token: -1}}
	}
	if b := pattern[0]; !t.first[b] {
		t.first[b] = true
		if t.one == 0 {
			t.one = int(b) + 1
		} else {
			t.one = -1
		}
	}
	at := int32(0)
	for i := range len(pattern) {
		next := t.step(at, pattern[i])
		if next < 0 {
			next = int32(len(t.nodes))
			t.nodes[at].edges = append(t.nodes[at].edges, trieEdge{pattern[i], next})
			t.nodes = append(t.nodes, trieNode{token: -1})
		}
		at = next
	}
	if t.nodes[at].token < 0 {
		t.nodes[at].token = token
	}
}

func (t *trie) step(at int32, b byte) int32 {
	for _, e := range t.nodes[at].edges {
		if e.b == b {
			return e.node
		}
	}
	return -1
}

// find returns the leftmost longest match in s from byte i on, and its token; token is -1 where there is none.
func (t *trie) find(s string, i int) (start, end, token int) {
	for ; i < len(s); i++ {
		switch {
		case t.one == 0:
			return 0, 0, -1
		case t.one > 0:
			k := strings.IndexByte(s[i:], byte(t.one-1))
			if k < 0 {
				return 0, 0, -1
			}
			i += k
		case !t.first[s[i]]:
			continue
		}
		token = -1
		for j, at := i, int32(0); j < len(s); {
			if at = t.step(at, s[j]); at < 0 {
				break
			}
			j++
			if n := &t.nodes[at]; n.token >= 0 {
				end, token = j, n.token
			}
		}
		if token >= 0 {
			return i, end, token
		}
	}
	return 0, 0, -1
}

// split cuts s at the added tokens that t finds. It calls emit for each piece, with the added token that it is or nil.
func (a *addedTokens) split(t *trie, s string, emit func(i, j int, token *AddedToken) error) error {
	done := 0
	for at := 0; ; {
		i, j, k := t.find(s, at)
		if k < 0 {
			break
		}
		at = j
		token := &a.list[k]
		if token.SingleWord {
			before, _ := utf8.DecodeLastRuneInString(s[:i])
			after, _ := utf8.DecodeRuneInString(s[j:])
			if i > 0 && isWord(before) || j < len(s) && isWord(after) {
				continue
			}
		}
		if token.LStrip {
			i = done + len(strings.TrimRightFunc(s[min(done, i):i], unicode.IsSpace))
		}
		if token.RStrip {
			j = len(s) - len(strings.TrimLeftFunc(s[j:], unicode.IsSpace))
		}
		if i > done {
			if err := emit(done, i, nil); err != nil {
				return err
			}
		}
		if err := emit(i, j, token); err != nil {
			return err
		}
		done = j
	}
	if done < len(s) {
		return emit(done, len(s), nil)
	}
	return nil
}
