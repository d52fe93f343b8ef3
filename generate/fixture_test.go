package generate

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/internal/fixtures"
	"github.com/hone-ml/hone/model"
	"github.com/hone-ml/hone/nn"
)

var names = []string{"gpt2", "llama", "qwen2", "qwen3", "mistral"}

// A reference is testdata/<model>/generate.json.
type reference struct {
	Prompts   [][]int32 `json:"prompts"`
	NewTokens int       `json:"new_tokens"`
	Greedy    map[string]struct {
		Arguments json.RawMessage
		Batched   [][]int32
		Alone     [][]int32
	}
	Prefix   []int32
	Sampling []struct {
		Arguments     json.RawMessage
		Probabilities []float64
	}
}

func load(t testing.TB, name string) (*model.Model, *reference) {
	t.Helper()
	dir := fixtures.Dir(t, name)
	m, err := model.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "generate.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := new(reference)
	if err := json.Unmarshal(b, r); err != nil {
		t.Fatal(err)
	}
	return m, r
}

func parse(t testing.TB, b []byte) Config {
	t.Helper()
	c, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func generator(m *model.Model) *Generator { return &Generator{Run: m.NewRun(compute.Ref{})} }

// ids generates and returns the ids of the first answer to each prompt.
func ids(t testing.TB, g *Generator, prompts [][]int32, c Config) (out [][]int32) {
	t.Helper()
	answers, err := g.Generate(context.Background(), prompts, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		out = append(out, a[0].IDs())
	}
	return out
}

// Greedy ids are the reference's, in a batch, alone, and in a cache that makes the prompts wait for each other.
func TestGreedyEqualsReference(t *testing.T) {
	for _, name := range names {
		m, ref := load(t, name)
		for key, greedy := range ref.Greedy {
			t.Run(name+"/"+key, func(t *testing.T) {
				c := parse(t, greedy.Arguments).Or(Config{MaxNewTokens: &ref.NewTokens})
				if got := ids(t, generator(m), ref.Prompts, c); !equal(got, greedy.Alone) {
					t.Errorf("batch: ids\n%v, reference\n%v", got, greedy.Alone)
				}
				tight := generator(m)
				tight.CacheBytes = CacheBytes(m.Config, 34)
				if got := ids(t, tight, ref.Prompts, c); !equal(got, greedy.Alone) {
					t.Errorf("in a tight cache: ids\n%v, reference\n%v", got, greedy.Alone)
				}
				for i, p := range ref.Prompts {
					if got := ids(t, generator(m), [][]int32{p}, c)[0]; !slices.Equal(got, greedy.Alone[i]) {
						t.Errorf("prompt %d alone: ids %v, reference %v", i, got, greedy.Alone[i])
					}
				}
			})
		}
	}
}

func equal(a, b [][]int32) bool {
	return slices.EqualFunc(a, b, func(a, b []int32) bool { return slices.Equal(a, b) })
}

// The probabilities that tokens are drawn with are the reference's.
func TestSamplingEqualsReference(t *testing.T) {
	for _, name := range names {
		m, ref := load(t, name)
		run := m.NewRun(compute.Ref{})
		for _, want := range ref.Sampling {
			t.Run(fmt.Sprintf("%s/%s", name, want.Arguments), func(t *testing.T) {
				c := parse(t, want.Arguments)
				row := logits(run, ref.Prefix)
				var p picker
				p.process(row, ref.Prefix, len(ref.Prefix), &c)
				got := make([]float64, len(row))
				cand := p.candidates(row, &c)
				total := mass(cand)
				for _, x := range cand {
					got[x.id] = x.w / total
				}
				for id, w := range want.Probabilities {
					if math.Abs(got[id]-w) > 1e-6 || (w == 0) != (got[id] == 0) {
						t.Errorf("token %d has probability %g, reference %g", id, got[id], w)
					}
				}
			})
		}
	}
}

// logits returns the scores after ids, computed without a cache.
func logits(run *model.Run, ids []int32) []Float {
	s := nn.Seqs{Cu: []int32{0, int32(len(ids))}}
	for i := range ids {
		s.Pos = append(s.Pos, int32(i))
	}
	h := run.Hidden(ids, s, []int32{int32(len(ids) - 1)}, nil)
	return slices.Clone(run.Logits(h).Row(0))
}

// What the cache gives equals a pass over everything, to the bit: ids are those of a loop without a cache, and so
// are the log-probabilities.
func TestCachedEqualsFull(t *testing.T) {
	for _, name := range names {
		m, ref := load(t, name)
		c := Config{MaxNewTokens: new(12), DoSample: new(true), Seed: new(uint64(5)), RepetitionPenalty: new(1.2)}
		g := generator(m)
		var requests []Request
		for _, p := range ref.Prompts {
			requests = append(requests, Request{Prompt: p, Config: c, LogProbs: true, TopLogProbs: 3})
		}
		answers, err := g.Answer(context.Background(), requests)
		if err != nil {
			t.Fatal(err)
		}
		run := m.NewRun(compute.Ref{})
		for i, p := range ref.Prompts {
			s, r := answers[i][0], rand.New(rand.NewPCG(5, 0))
			all := slices.Clone(p)
			for _, token := range s.Tokens {
				row := logits(run, all)
				lse := logSumExp(row)
				raw := slices.Clone(row)
				var pick picker
				pick.process(row, all, len(p), &c)
				id, err := pick.sample(row, &c, r)
				if err != nil || id != token.ID || float64(raw[id])-lse != token.LogProb {
					t.Fatalf("%s prompt %d, %d tokens: %+v, without cache %d of %g", name, i, len(all), token, id, float64(raw[id])-lse)
				}
				best, _ := greedy(raw)
				if len(token.Top) != 3 || token.Top[0] != (Alternative{best, float64(raw[best]) - lse}) || token.Top[1].LogProb < token.Top[2].LogProb {
					t.Fatalf("%s: alternatives %v, the best is %d", name, token.Top, best)
				}
				all = append(all, id)
			}
			if !slices.Equal(all[len(p):], s.IDs()) || s.Finish != FinishLength {
				t.Errorf("%s prompt %d: ids %v, %v with %q", name, i, all[len(p):], s.IDs(), s.Finish)
			}
		}
	}
}

// A seed gives the same answers alone, in a batch and beside others.
func TestSeed(t *testing.T) {
	m, ref := load(t, "llama")
	c := Config{MaxNewTokens: new(15), DoSample: new(true), Seed: new(uint64(11)), NumReturnSequences: new(3)}
	ctx := context.Background()
	all, err := generator(m).Generate(ctx, ref.Prompts, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range ref.Prompts {
		tight := generator(m)
		tight.CacheBytes = CacheBytes(m.Config, len(p)+14) // one sequence at a time: no prompt is shared
		alone, err := tight.Generate(ctx, [][]int32{p}, c)
		if err != nil {
			t.Fatal(err)
		}
		for j, s := range alone[0] {
			if !slices.Equal(s.IDs(), all[i][j].IDs()) {
				t.Errorf("prompt %d answer %d: %v alone, %v in the batch", i, j, s.IDs(), all[i][j].IDs())
			}
		}
		if slices.Equal(alone[0][0].IDs(), alone[0][1].IDs()) {
			t.Error("two answers are the same")
		}
	}
	c.Seed = nil
	first, _ := generator(m).Generate(ctx, ref.Prompts[:1], c)
	second, _ := generator(m).Generate(ctx, ref.Prompts[:1], c)
	if slices.Equal(first[0][0].IDs(), second[0][0].IDs()) {
		t.Error("two answers without a seed are the same")
	}
	c.Seed = new(first[0][0].Seed())
	if again := ids(t, generator(m), ref.Prompts[:1], c)[0]; !slices.Equal(again, first[0][0].IDs()) {
		t.Error("the seed that a sequence tells doesn't give it again")
	}
}

// What comes out doesn't depend on how many passes a prompt is read in.
func TestLongPrompts(t *testing.T) {
	for _, name := range names {
		m, ref := load(t, name)
		want := ids(t, generator(m), ref.Prompts, Config{MaxNewTokens: new(8)})
		for _, rows := range []int{1, 2, 7} {
			b := NewBatch(m.NewRun(compute.Ref{}), nil, 100)
			b.rows = rows
			var got [][]int32
			var all []*Sequence
			for _, p := range ref.Prompts {
				s, err := b.Add(t.Context(), Request{Prompt: p, Config: Config{MaxNewTokens: new(8)}})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, s...)
			}
			for b.Len() > 0 {
				b.Step()
			}
			for _, s := range all {
				got = append(got, s.IDs())
			}
			if !equal(got, want) {
				t.Errorf("%s, %d rows a pass: ids\n%v, expected\n%v", name, rows, got, want)
			}
		}
	}
}
