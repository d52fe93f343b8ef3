package tokenizer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hone-ml/hone/internal/realdata"
	"github.com/klauspost/compress/zstd"
	oracle "github.com/tiktoken-go/tokenizer"
)

// vocabGPT2 writes GPT-2's vocab.json and merges.txt into a folder, out of a copy of its vocabulary that another
// package embeds. That copy has ranks instead of merges: each token is the merge of the two tokens that it falls into
// when only lower ranks may merge. Ids are ranks, but for the single bytes, whose order is the same in both.
func vocabGPT2(t testing.TB) string {
	t.Helper()
	codec, err := oracle.Get(oracle.R50kBase)
	if err != nil {
		t.Fatal(err)
	}
	const words = 50256
	tokens := make([]string, words)
	rank := make(map[string]int, words)
	for id := range words {
		s, err := codec.Decode([]uint{uint(id)})
		if err != nil {
			t.Fatal(err)
		}
		tokens[id], rank[s] = s, id
	}
	var vocab, merges bytes.Buffer
	vocab.WriteByte('{')
	merges.WriteString("#version: 0.2\n")
	for id, s := range tokens {
		vocab.Write(encode(string(appendMapped(nil, s))))
		vocab.WriteString(":" + itoa(id) + ",")
		if len(s) > 1 {
			left, right := parts(s, id, rank)
			merges.WriteString(string(appendMapped(nil, left)) + " " + string(appendMapped(nil, right)) + "\n")
		}
	}
	vocab.WriteString(`"<|endoftext|>":50256}`)
	dir := t.TempDir()
	for name, b := range map[string][]byte{"vocab.json": vocab.Bytes(), "merges.txt": merges.Bytes(), "config.json": []byte(`{"model_type":"gpt2"}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func itoa(n int) string { return string(encode(n)) }

// parts merges the bytes of s by ranks below limit until two are left.
func parts(s string, limit int, rank map[string]int) (left, right string) {
	cut := []int{}
	for i := range len(s) + 1 {
		cut = append(cut, i)
	}
	for len(cut) > 3 {
		best, at := limit, -1
		for i := 0; i+2 < len(cut); i++ {
			if r, ok := rank[s[cut[i]:cut[i+2]]]; ok && r < best {
				best, at = r, i
			}
		}
		if at < 0 {
			break
		}
		cut = slices.Delete(cut, at+1, at+2)
	}
	return s[:cut[1]], s[cut[1]:]
}

// The ids of GPT-2's real vocabulary are those of an independent implementation.
func TestGPT2Vocabulary(t *testing.T) {
	tok, err := Load(vocabGPT2(t))
	if err != nil {
		t.Fatal(err)
	}
	codec, _ := oracle.Get(oracle.R50kBase)
	var f fixture
	readJSON(t, "testdata/gpt2/cases.json", &f)
	for _, c := range f.Cases {
		if strings.Contains(c.Text, "<|endoftext|>") || strings.Contains(c.Text, "\x7f") {
			continue // read as text, or lost, by the other one
		}
		want, _, err := codec.Encode(c.Text)
		if err != nil {
			t.Fatal(err)
		}
		got := tok.Append(nil, c.Text)
		if !slices.EqualFunc(got, want, func(a int32, b uint) bool { return a == int32(b) }) {
			t.Errorf("%q: got %v, want %v", c.Text, got, want)
		}
	}
	// the recipe's figures
	for text, want := range map[string]int32{"neg": 12480, "pos": 1930, " neg": 2469, " positive": 3967, "<|endoftext|>": 50256} {
		if got := tok.Append(nil, text); !slices.Equal(got, []int32{want}) {
			t.Errorf("%q: got %v, want %d", text, got, want)
		}
	}
	if tok.EOS() != 50256 || tok.BOS() != 50256 || tok.PAD() != -1 || tok.VocabSize() != 50257 || tok.MaxID() != 50256 {
		t.Errorf("eos %d, bos %d, pad %d, size %d, max %d", tok.EOS(), tok.BOS(), tok.PAD(), tok.VocabSize(), tok.MaxID())
	}
	padded, err := tok.AddSpecialTokens(map[string]string{"pad_token": "[PAD]"})
	if err != nil {
		t.Fatal(err)
	}
	if padded.PAD() != 50257 || padded.VocabSize() != 50258 || tok.VocabSize() != 50257 {
		t.Errorf("pad %d, size %d; before: size %d", padded.PAD(), padded.VocabSize(), tok.VocabSize())
	}
}

// The vocabulary that vocabGPT2 rebuilds is GPT-2's, merge for merge.
func TestGPT2Rebuilt(t *testing.T) {
	want := realdata.Path(t, "gpt2")
	dir := vocabGPT2(t)
	a, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Load(want)
	if err != nil {
		t.Fatal(err)
	}
	for id := range int32(50257) {
		if x, y := a.IDToToken(id), b.IDToToken(id); x != y {
			t.Fatalf("token %d is %q, want %q", id, x, y)
		}
	}
	if !slices.Equal(a.model.pairs.slots, b.model.pairs.slots) {
		t.Error("merges differ")
	}
}

// Long words take n log n steps, not n².
func TestLongWords(t *testing.T) {
	tok, err := Load(vocabGPT2(t))
	if err != nil {
		t.Fatal(err)
	}
	var mixed strings.Builder
	for i := range 1 << 20 {
		mixed.WriteByte("etaoinshrdlu"[(i*i+i/7)%12])
	}
	for name, s := range map[string]string{"100k a": strings.Repeat("a", 100_000), "1 MB": mixed.String(), "1 MB of marks": strings.Repeat("!?", 1<<19), "1 MB of spaces": strings.Repeat(" \n", 1<<19)} {
		start := time.Now()
		ids := tok.Append(nil, s)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if back := tok.Decode(ids, false); back != s {
			t.Errorf("%s: does not decode to itself", name)
		}
	}
}

// TestCompare reads what testdata/compare.py wrote: ids of the official library on real text.
func TestCompare(t *testing.T) {
	path := os.Getenv("HONE_TOKENIZER_COMPARE")
	if path == "" {
		t.Skip("run by testdata/compare.py")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	toks := map[string]*Tokenizer{}
	bad, n, total := 0, 0, 0
	for d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20)); d.More(); n++ {
		var c struct {
			Dir, Text string
			IDs       []int32
			Offsets   [][2]int
		}
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		tok := toks[c.Dir]
		if tok == nil {
			if tok, err = Load(c.Dir); err != nil {
				t.Fatal(err)
			}
			toks[c.Dir] = tok
		}
		total += len(c.IDs)
		got := tok.Append(nil, c.Text)
		e, err := tok.Encode(c.Text, Options{NoSpecialTokens: true})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.IDs) || !slices.Equal(e.IDs, c.IDs) || c.Offsets != nil && !slices.Equal(CharOffsets(c.Text, e.Offsets), c.Offsets) {
			if bad++; bad < 10 {
				t.Errorf("%s: %.200q\n got %v\nwant %v", c.Dir, c.Text, got, c.IDs)
			}
		}
	}
	t.Logf("%d texts, %d tokens, %d differ", n, total, bad)
}

// imdb returns the first n bytes of reviews.
func imdb(b *testing.B, n int) []string {
	f, err := os.Open(realdata.Path(b, "imdb/test.jsonl.zst"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	var out []string
	for d := json.NewDecoder(z); n > 0; {
		var row struct{ Text string }
		if err := d.Decode(&row); err != nil {
			b.Fatal(err)
		}
		out = append(out, row.Text)
		n -= len(row.Text)
	}
	return out
}

func BenchmarkAppend(b *testing.B) {
	texts := imdb(b, 8<<20)
	gpt2, err := Load(vocabGPT2(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, pattern string }{{"gpt2", patternGPT2}, {"llama3", patternLlama3}, {"qwen2", patternQwen2}} {
		b.Run(c.name, func(b *testing.B) {
			tok := *gpt2
			tok.scans = []scanner{scannerFor(c.pattern)}
			bytes := 0
			for _, s := range texts {
				bytes += len(s)
			}
			b.SetBytes(int64(bytes))
			var ids []int32
			for b.Loop() {
				for _, s := range texts {
					ids = tok.Append(ids[:0], s)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	texts := imdb(b, 2<<20)
	tok, err := Load(vocabGPT2(b))
	if err != nil {
		b.Fatal(err)
	}
	bytes := 0
	for _, s := range texts {
		bytes += len(s)
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		for _, s := range texts {
			if _, err := tok.Encode(s, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := vocabGPT2(b)
	for b.Loop() {
		if _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}
