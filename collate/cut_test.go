package collate

import (
	"strings"
	"testing"

	"github.com/hone-ml/hone/tokenizer"
)

// A text that is one token too long and begins with a character of several tokens loses all of that character.
func TestCutsThroughNoCharacter(t *testing.T) {
	tok, err := tokenizer.Load("../tokenizer/testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []string{"é", "中", "👍"} {
		for n := range 20 {
			v, err := NewVerbalizer(tok, Verbalizer{Labels: []string{"0", "1"}, MaxLength: 16})
			if err != nil {
				t.Fatal(err)
			}
			ids, _ := v.Prompt(first + strings.Repeat("z", n))
			if len(ids) > 15 || !strings.HasSuffix(tok.Decode(ids, true), strings.Repeat("z", min(n, 14))) {
				t.Errorf("%s and %d z: %q", first, n, tok.Decode(ids, true))
			}
		}
	}
}
