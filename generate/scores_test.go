package generate

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// Scores with ties, flat and steep, under settings that the models' fixtures lack: what is left equals the
// reference's (testdata/make_scores.py). Which of several equal scores top_p keeps is arbitrary there.
func TestScoresEqualReference(t *testing.T) {
	b, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		IDs    []int32
		Prompt int
		EOS    IDs
		Rows   map[string][]Float
		Cases  []struct {
			Row           string
			Settings      json.RawMessage
			Probabilities []float64
		}
	}
	if err := json.Unmarshal(b, &ref); err != nil {
		t.Fatal(err)
	}
	for _, x := range ref.Cases {
		t.Run(fmt.Sprintf("%s/%s", x.Row, x.Settings), func(t *testing.T) {
			c := parse(t, x.Settings)
			c.EOSTokenID = ref.EOS
			row := slices.Clone(ref.Rows[x.Row])
			var p picker
			p.process(row, ref.IDs, ref.Prompt, &c)
			got := make([]float64, len(row))
			cand := p.candidates(row, &c)
			for total, i := mass(cand), 0; i < len(cand); i++ {
				got[cand[i].id] = cand[i].w / total
			}
			want := x.Probabilities
			if x.Row == "ties" || x.Row == "flat" {
				slices.Sort(got)
				slices.Sort(want)
			}
			for id, w := range want {
				if !(math.Abs(got[id]-w) <= 1e-6) {
					t.Errorf("token %d has probability %g, reference %g", id, got[id], w)
				}
			}
		})
	}
}

// The partial selections equal what sorting everything gives.
func TestSelectionEqualsSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for n := 1; n <= 300; n += 1 + n/9 {
		for range 20 {
			var all []candidate
			row := make([]Float, n)
			levels := 1 + r.IntN(2*n) // few levels: many ties
			for i := range n {
				row[i] = Float(r.IntN(levels))
				all = append(all, candidate{int32(i), row[i], r.ExpFloat64()})
			}
			sorted := slices.SortedFunc(slices.Values(all), order)

			share := r.Float64() * 1.05
			need, sum, want := share*mass(all), 0.0, 0
			for want == 0 || want < n && sum < need*(1-1e-12) {
				sum += sorted[want].w
				want++
			}
			got := nucleus(all, need)
			slices.SortFunc(all[:got], order)
			if !slices.Equal(all[:got], sorted[:want]) {
				t.Fatalf("%d candidates, %g of the mass: %d, by sorting %d", n, share, got, want)
			}

			k := 1 + r.IntN(n)
			var p picker
			top := p.top(row, k)
			least := sorted[k-1].key
			for i, x := range top {
				if x.key < least || i > 0 && top[i-1].id >= x.id {
					t.Fatalf("top %d of %d: %v", k, n, top)
				}
			}
			if want := len(slices.DeleteFunc(sorted, func(x candidate) bool { return x.key < least })); len(top) != want {
				t.Fatalf("top %d of %d has %d, expected %d", k, n, len(top), want)
			}
		}
	}
}

// Tokens are drawn as often as they should.
func TestSampleFrequencies(t *testing.T) {
	row := []Float{0, 1, 2, Float(math.Inf(-1)), 0.5}
	c := Config{DoSample: new(true), TopP: new(0.95)}
	var p picker
	cand := p.candidates(slices.Clone(row), &c)
	want := map[int32]float64{}
	for _, x := range cand {
		want[x.id] = x.w / mass(cand)
	}
	r := rand.New(rand.NewPCG(1, 1))
	const n = 40000
	counts := map[int32]int{}
	for range n {
		id, err := p.sample(slices.Clone(row), &c, r)
		if err != nil {
			t.Fatal(err)
		}
		counts[id]++
	}
	for id := range int32(5) {
		p := want[id]
		if got := float64(counts[id]) / n; math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("token %d drawn with frequency %g, probability %g", id, got, p)
		}
	}
	if counts[3] > 0 || counts[0] > 0 && want[0] == 0 {
		t.Error("a token that was cut off was drawn")
	}
}

// A vocabulary of GPT-2's size: what choosing a token costs, and that it allocates nothing.
func BenchmarkPick(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	row := make([]Float, 50257)
	for i := range row {
		row[i] = Float(r.NormFloat64() * 3)
	}
	work := make([]Float, len(row))
	for name, c := range map[string]Config{
		"greedy": {}, "top_k": {DoSample: new(true)}, "all": {DoSample: new(true), TopK: new(0)},
		"top_p": {DoSample: new(true), TopK: new(0), TopP: new(0.95)}, "min_p": {DoSample: new(true), TopK: new(0), MinP: new(0.1)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var p picker
			for b.Loop() {
				copy(work, row)
				if c.samples() {
					p.sample(work, &c, r)
				} else {
					greedy(work)
				}
			}
		})
	}
}
