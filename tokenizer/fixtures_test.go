package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The shapes that testdata/make_fixtures.py trains, each with what the official library does.
var shapes = []string{"gpt2", "llama3", "qwen2", "smollm2", "llama2", "mistral", "metaspace", "flags", "regex"}

type fixture struct {
	Size  int
	Cases []struct {
		Text           string
		IDs            []int32
		Tokens         []string
		Offsets        [][2]int
		Special        []int32
		SpecialOffsets [][2]int `json:"special_offsets"`
		SpecialMask    []int32  `json:"special_mask"`
		Pair           []int32
		PairTypes      []int32 `json:"pair_types"`
		Decode, Skip   string
	}
	Decodes []struct {
		IDs          []int32
		Decode, Skip string
	}
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func loadShape(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tok, err := Load(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestFixtures(t *testing.T) {
	for _, name := range shapes {
		t.Run(name, func(t *testing.T) {
			tok := loadShape(t, name)
			var f fixture
			readJSON(t, filepath.Join("testdata", name, "cases.json"), &f)
			if tok.VocabSize() != f.Size {
				t.Errorf("VocabSize %d, want %d", tok.VocabSize(), f.Size)
			}
			for _, c := range f.Cases {
				check := func(what string, got, want any) {
					t.Helper()
					if !reflect.DeepEqual(got, want) && !cmp.Equal(got, want, cmpopts.EquateEmpty()) {
						t.Errorf("%q: %s:\n got %v\nwant %v", c.Text, what, got, want)
					}
				}
				check("Append", tok.Append(nil, c.Text), c.IDs)
				check("Append again", tok.Append(nil, c.Text), c.IDs)
				plain, err := tok.Encode(c.Text, Options{NoSpecialTokens: true})
				if err != nil {
					t.Fatal(err)
				}
				check("ids", plain.IDs, c.IDs)
				check("tokens", plain.Tokens, c.Tokens)
				check("offsets", CharOffsets(c.Text, plain.Offsets), c.Offsets)
				special, err := tok.Encode(c.Text, Options{})
				if err != nil {
					t.Fatal(err)
				}
				check("with special tokens", special.IDs, c.Special)
				check("offsets with special tokens", CharOffsets(c.Text, special.Offsets), c.SpecialOffsets)
				check("special tokens mask", special.SpecialTokensMask, c.SpecialMask)
				pair, err := tok.EncodePair(c.Text, "the word", Options{})
				if err != nil {
					t.Fatal(err)
				}
				check("pair", pair.IDs, c.Pair)
				check("pair's type ids", pair.TypeIDs, c.PairTypes)
				check("Decode", tok.Decode(special.IDs, false), c.Decode)
				check("Decode without special tokens", tok.Decode(special.IDs, true), c.Skip)
			}
			for _, c := range f.Decodes {
				if got := tok.Decode(c.IDs, false); got != c.Decode {
					t.Errorf("Decode(%v) = %q, want %q", c.IDs, got, c.Decode)
				}
				if got := tok.Decode(c.IDs, true); got != c.Skip {
					t.Errorf("Decode(%v, skip) = %q, want %q", c.IDs, got, c.Skip)
				}
			}
		})
	}
}

func TestCalls(t *testing.T) {
	var calls []struct {
		Name, Side, Padding string
		Max                 int
		Add                 bool
		Texts               []string
		IDs, Mask           [][]int32
	}
	readJSON(t, "testdata/calls.json", &calls)
	for _, c := range calls {
		tok := loadShape(t, c.Name)
		o := Options{NoSpecialTokens: !c.Add, MaxLength: c.Max, TruncationSide: c.Side, PaddingSide: c.Side}
		var got []*Encoding
		var err error
		if c.Padding == "pair" {
			var e *Encoding
			e, err = tok.EncodePair(c.Texts[0], c.Texts[1], o)
			got = append(got, e)
		} else {
			o.Padding = map[string]Padding{"": NoPadding, "longest": PadLongest, "max_length": PadMaxLength}[c.Padding]
			got, err = tok.EncodeBatch(c.Texts, o)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range got {
			if !slices.Equal(e.IDs, c.IDs[i]) || !slices.Equal(e.AttentionMask, c.Mask[i]) {
				t.Errorf("%s %+v %q:\n got %v\nwant %v", c.Name, o, c.Texts[i], e.IDs, c.IDs[i])
			}
		}
	}
}
