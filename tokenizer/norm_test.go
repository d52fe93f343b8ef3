package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// Normalizing segment by segment, long runs of marks by hand, gives what x/text gives for the whole.
func TestNormalForms(t *testing.T) {
	chars := []rune("aeo AΩé\u0301\u0323\u0307\u0345\u0300ạ̇ﬁ½İ한각\u1100\u1161\u11a8क़\u093c\u0344\u1e9b")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range []norm.Form{norm.NFC, norm.NFD, norm.NFKC, norm.NFKD} {
		decompose := norm.NFD
		if f == norm.NFKC || f == norm.NFKD {
			decompose = norm.NFKD
		}
		for range 1500 {
			var b strings.Builder
			for range rng.IntN(24) {
				b.WriteRune(chars[rng.IntN(len(chars))])
			}
			s := b.String()
			for _, track := range []bool{true, false} {
				got, _ := normalForm(f)(text{s: s}, track)
				if want := f.String(s); got.s != want {
					t.Fatalf("form %d of %+q: got %+q, want %+q", f, s, got.s, want)
				}
				if track && got.org != nil && len(got.org) != len(got.s) {
					t.Fatalf("form %d of %+q: %d origins for %d bytes", f, s, len(got.org), len(got.s))
				}
			}
			for i := 0; i < len(s); {
				j := i + segment(s[i:])
				if got, want := slowForm(f, decompose, s[i:j]), f.String(s[i:j]); got != want {
					t.Fatalf("form %d of %+q by hand: got %+q, want %+q", f, s[i:j], got, want)
				}
				i = j
			}
		}
	}
	marks := "a" + strings.Repeat("\u0301\u0323", 40)
	got, _ := normalForm(norm.NFC)(text{s: marks}, true)
	if want := "ạ" + strings.Repeat("\u0323", 39) + strings.Repeat("\u0301", 40); got.s != want {
		t.Errorf("80 marks: got %+q, want %+q", got.s, want)
	}
}
