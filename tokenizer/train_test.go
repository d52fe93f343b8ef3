package tokenizer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hone-ml/hone/internal/realdata"
)

// trainFixtures is what testdata/make_train_fixtures.py recorded of the official library.
type trainFixtures struct {
	Corpora map[string][]string
	Cases   []struct {
		Options struct {
			Corpus         string
			VocabSize      int      `json:"vocab_size"`
			MinFrequency   int      `json:"min_frequency"`
			SpecialTokens  []string `json:"special_tokens"`
			Pattern        string
			Full           *bool
			LimitAlphabet  int `json:"limit_alphabet"`
			MaxTokenLength int `json:"max_token_length"`
		}
		Added  []AddedToken
		Pre    any
		Merges string
		Size   int
		Vocab  string // SHA-256 of the tokens by id, a line each
	}
}

func TestTrainFixtures(t *testing.T) {
	var f trainFixtures
	readJSON(t, "testdata/train.json", &f)
	for _, c := range f.Cases {
		t.Run(fmt.Sprintf("%s %d", c.Options.Corpus, c.Options.VocabSize), func(t *testing.T) {
			o := TrainOptions{VocabSize: c.Options.VocabSize, MinFrequency: c.Options.MinFrequency, SpecialTokens: c.Options.SpecialTokens,
				Pattern: c.Options.Pattern, LimitAlphabet: c.Options.LimitAlphabet, MaxTokenLength: c.Options.MaxTokenLength}
			if c.Options.Full != nil && o.LimitAlphabet == 0 {
				o.LimitAlphabet = 256 // all bytes that occur
			}
			tok := mustTrain(t, f.Corpora[c.Options.Corpus], o)
			var got struct {
				Pre   any `json:"pre_tokenizer"`
				Model struct{ Merges [][2]string }
			}
			if err := json.Unmarshal(tok.files.tokenizer.compact(), &got); err != nil {
				t.Fatal(err)
			}
			var merges []string
			for _, m := range got.Model.Merges {
				merges = append(merges, m[0]+" "+m[1])
			}
			if d := cmp.Diff(c.Merges, strings.Join(merges, "\n")); d != "" {
				t.Errorf("%+v: merges (-want +got):\n%s", o, d)
			}
			if d := cmp.Diff(c.Pre, got.Pre); d != "" {
				t.Errorf("%+v: pre_tokenizer (-want +got):\n%s", o, d)
			}
			if d := cmp.Diff(c.Added, slices.Collect(tok.AddedTokens())); len(c.Added) > 0 && d != "" {
				t.Errorf("%+v: added_tokens (-want +got):\n%s", o, d)
			}
			tokens := make([]string, tok.MaxID()+1)
			for id := range tokens {
				tokens[id] = tok.IDToToken(int32(id))
			}
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(tokens, "\n"))))
			if len(tokens) != c.Size || sum != c.Vocab {
				t.Errorf("%+v: %d tokens with sum %s, want %d with %s", o, len(tokens), sum, c.Size, c.Vocab)
			}
		})
	}
}

func mustTrain(t testing.TB, texts []string, o TrainOptions) *Tokenizer {
	t.Helper()
	tok, err := Train(context.Background(), slices.Values(texts), o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	return tok
}

// What Save writes and Load reads is the tokenizer that was trained, and writes every text.
func TestTrainedRoundTrip(t *testing.T) {
	for _, pattern := range []string{"", "llama3", "qwen2", `\w+`} {
		trained := mustTrain(t, []string{"the cat sat on the mat", "that is that"}, TrainOptions{VocabSize: 270, Pattern: pattern, SpecialTokens: []string{"<|endoftext|>", "<|pad|>"}})
		trained, err := trained.AddSpecialTokens(map[string]string{"eos_token": "<|endoftext|>", "pad_token": "<|pad|>"})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := trained.Save(dir); err != nil {
			t.Fatal(err)
		}
		tok, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if tok.EOS() != 0 || tok.PAD() != 1 || tok.VocabSize() != trained.VocabSize() {
			t.Errorf("eos %d, pad %d, %d tokens of %d", tok.EOS(), tok.PAD(), tok.VocabSize(), trained.VocabSize())
		}
		for _, s := range []string{"", "the cat's mat\n\n", "<|endoftext|>the<|pad|>", "日本 😀 \x00 é"} {
			ids := tok.Append(nil, s)
			if !slices.Equal(ids, trained.Append(nil, s)) || tok.Decode(ids, false) != s {
				t.Errorf("%q: %v, decoded %q", s, ids, tok.Decode(ids, false))
			}
		}
	}
}

// The number of processors and how texts are cut into batches change nothing, even where words are forgotten.
func TestTrainIsDeterministic(t *testing.T) {
	path := realdata.Path(t, "rotten_tomatoes/train.jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.Repeat(string(b), 3), "\n")
	for _, max := range []int{0, 5000} {
		var want []byte
		for _, procs := range []int{1, 2, 5} {
			old := runtime.GOMAXPROCS(procs)
			var last TrainProgress
			tok := mustTrain(t, lines, TrainOptions{VocabSize: 3000, MaxWords: max, Progress: func(p TrainProgress) { last = p }})
			runtime.GOMAXPROCS(old)
			got := tok.files.tokenizer.compact()
			if want == nil {
				want = got
			}
			if string(got) != string(want) {
				t.Errorf("%d processors, %d words at most: another tokenizer", procs, max)
			}
			if (last.Forgotten > 0) != (max > 0) || max > 0 && last.Words > max || last.Tokens != 3000 {
				t.Errorf("%d words at most: %+v", max, last)
			}
		}
	}
}

func TestTrainMistakes(t *testing.T) {
	for _, c := range []struct {
		o    TrainOptions
		want string
	}{
		{TrainOptions{VocabSize: 256, SpecialTokens: []string{"<s>"}}, "make it at least 257"},
		{TrainOptions{VocabSize: -1}, "vocab_size -1"},
		{TrainOptions{VocabSize: 1 << 23}, "vocab_size 8388608"},
		{TrainOptions{MinFrequency: -1}, "min_frequency -1 is negative"},
		{TrainOptions{SpecialTokens: []string{"a", ""}}, "special token 1 is empty"},
		{TrainOptions{SpecialTokens: []string{"a", "a"}}, `"a" is given twice`},
		{TrainOptions{SpecialTokens: []string{"\xff"}}, "not valid UTF-8"},
		{TrainOptions{Pattern: "("}, `regular expression "("`},
	} {
		_, err := Train(context.Background(), slices.Values([]string{"a b"}), c.o)
		if err == nil || !strings.HasPrefix(err.Error(), "tokenizer: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.o, err, c.want)
		}
	}
}

// A context ends both halves of the work.
func TestTrainIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	endless := func(yield func(string) bool) {
		for yield(strings.Repeat("a", batchBytes)) {
		}
	}
	if _, err := Train(ctx, endless, TrainOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	_, err := Train(ctx, slices.Values([]string{strings.Repeat("abcdefghij", 100)}), TrainOptions{
		Progress: func(TrainProgress) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("merging: %v", err)
	}
}

// No texts make a tokenizer of bytes.
func TestTrainNothing(t *testing.T) {
	tok := mustTrain(t, nil, TrainOptions{})
	if ids := tok.Append(nil, "aé"); tok.VocabSize() != 256 || len(ids) != 3 || tok.Decode(ids, false) != "aé" {
		t.Errorf("%d tokens, %v", tok.VocabSize(), ids)
	}
}

// FuzzTrain compares with an implementation that counts all pairs again before each merge, and checks that texts come
// back.
func FuzzTrain(f *testing.F) {
	f.Add("the cat sat on the mat, that is that", uint16(20), uint8(0), uint8(0))
	f.Add("aaaaaaa aaaaaa abababab", uint16(9), uint8(1), uint8(2))
	f.Add("日本日本 \xff\xfe <s>", uint16(30), uint8(2), uint8(9))
	f.Fuzz(func(t *testing.T, s string, merges uint16, pattern, minFrequency uint8) {
		o := TrainOptions{VocabSize: 256 + int(merges)%200, Pattern: []string{"gpt2", "llama3", "qwen2"}[pattern%3], MinFrequency: int(minFrequency % 8)}
		texts := []string{s, s + " " + s}
		tok := mustTrain(t, texts, o)
		clean := valid(s, false).s
		if got := tok.Decode(tok.Append(nil, s), false); got != clean {
			t.Fatalf("%q came back as %q", clean, got)
		}
		want := slowMerges(tok, texts, o)
		var got struct{ Model struct{ Merges [][2]string } }
		if err := json.Unmarshal(tok.files.tokenizer.compact(), &got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Model.Merges, want) {
			t.Fatalf("%+v of %q: merges\n%q, want\n%q", o, s, got.Model.Merges, want)
		}
	})
}

// slowMerges trains in the plainest way.
func slowMerges(tok *Tokenizer, texts []string, o TrainOptions) (merges [][2]string) {
	ids := map[string]int{}
	for _, b := range alphabet(nil, 0) {
		ids[string(byteRune[b])] = len(ids)
	}
	var words [][]string
	for _, s := range texts {
		tok.words(valid(s, false), tok.stages, false, func(w text) error {
			var word []string
			for i := range len(w.s) {
				word = append(word, string(byteRune[w.s[i]]))
			}
			words = append(words, word)
			return nil
		})
	}
	for len(ids) < o.VocabSize {
		counts := map[[2]string]int{}
		for _, w := range words {
			for i := 1; i < len(w); i++ {
				counts[[2]string{w[i-1], w[i]}]++
			}
		}
		var best [2]string
		for p, n := range counts {
			first := ids[p[0]] < ids[best[0]] || p[0] == best[0] && ids[p[1]] < ids[best[1]]
			if n > counts[best] || n == counts[best] && first {
				best = p
			}
		}
		token := best[0] + best[1]
		if counts[best] < max(1, o.MinFrequency) {
			return merges
		}
		ids[token] = len(ids)
		merges = append(merges, best)
		for k, w := range words {
			words[k] = w[:0]
			for i := 0; i < len(w); i++ {
				if i+1 < len(w) && w[i] == best[0] && w[i+1] == best[1] {
					words[k] = append(words[k], token)
					i++
				} else {
					words[k] = append(words[k], w[i])
				}
			}
		}
	}
	return merges
}

func BenchmarkTrain(b *testing.B) {
	text, err := os.ReadFile(realdata.Path(b, "rotten_tomatoes/train.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		mustTrain(b, lines, TrainOptions{VocabSize: 10000})
	}
}

func ExampleTrain() {
	texts := []string{"low lower lowest", "new newer newest", "wide wider widest"}
	t, err := Train(context.Background(), slices.Values(texts), TrainOptions{VocabSize: 270, SpecialTokens: []string{"<|endoftext|>"}})
	if err != nil {
		panic(err)
	}
	if t, err = t.AddSpecialTokens(map[string]string{"eos_token": "<|endoftext|>"}); err != nil {
		panic(err)
	}
	for _, id := range t.Append(nil, "a slower way<|endoftext|>") {
		fmt.Printf("%s|", t.IDToToken(id))
	}
	dir, err := os.MkdirTemp("", "tokenizer")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := t.Save(dir); err != nil {
		panic(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "tokenizer*.json"))
	fmt.Println(len(files), "files, eos", t.EOS())
	// Output: a|Ġ|s|lo|wer|Ġ|w|a|y|<|endoftext|>|2 files, eos 0
}
