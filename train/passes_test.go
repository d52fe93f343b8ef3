package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hone-ml/hone/eval"
	"github.com/hone-ml/hone/nn"
)

// A batch that goes through the model in parts has the loss and the gradient of the whole, in the memory of a part.
func TestPasses(t *testing.T) {
	t.Run("labels", func(t *testing.T) { testPasses(t, func(*Trainer) {}, 40) })
	t.Run("pairs", func(t *testing.T) {
		testPasses(t, func(tr *Trainer) {
			n := len(tr.Train) / 2
			tr.Pairs = &Pairs{Rejected: tr.Train[n : 2*n], Reference: make([]eval.Logps, n), DPO: eval.DPO{LossType: "sigmoid", Beta: 0.1}}
			tr.Train = tr.Train[:n]
		}, 80)
	})
}

func testPasses(t *testing.T, change func(*Trainer), limit int) {
	run := func(limit int) *loop {
		tr := small(t, t.TempDir(), `{"max_steps": 6, "logging_steps": 1, "per_device_train_batch_size": 8, "save_strategy": "no"}`)
		tr.Eval = nil
		change(tr)
		for _, b := range tr.Model.Stack.Blocks { // masks of parts are others than those of the whole
			b.Attn.Dropout, b.Attn.OutDropout, b.MLP.OutDropout = 0, 0, 0
		}
		l, err := tr.prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.limit = limit
		l.reserve(func(*nn.Param) bool { return true })
		if err := l.start(); err != nil {
			t.Fatal(err)
		}
		if err := l.train(); err != nil {
			t.Fatal(err)
		}
		// The most tokens are not always the most bytes: labels and sequences have some too.
		if got := l.run.Peak(); math.Abs(float64(got-l.reserved)) > 0.05*float64(got) {
			t.Errorf("passes of %d tokens took %d bytes, reserved were %d", limit, got, l.reserved)
		}
		return l
	}
	whole, parts := run(math.MaxInt), run(limit)
	if 2*parts.run.Peak() > whole.run.Peak() {
		t.Errorf("activations of parts take %d bytes, those of whole batches %d", parts.run.Peak(), whole.run.Peak())
	}
	if parts.state.TotalFlos != whole.state.TotalFlos || parts.tokens != whole.tokens {
		t.Errorf("parts count %v operations and %d tokens, whole batches %v and %d", parts.state.TotalFlos, parts.tokens, whole.state.TotalFlos, whole.tokens)
	}
	for i, row := range whole.state.LogHistory {
		for key, want := range row {
			if got := parts.state.LogHistory[i][key]; math.Abs(got-want) > 1e-4*math.Abs(want) {
				t.Errorf("step %d: %s is %v in parts, %v in one", i+1, key, got, want)
			}
		}
	}
}

func TestPass(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		lengths := make([]int, 1+rng.IntN(30))
		var batch []int32
		for i := range lengths {
			lengths[i] = 1 + rng.IntN(1+rng.IntN(200))
			batch = append(batch, int32(i))
		}
		for limit := 1; limit < 300; limit++ {
			seen := 0
			for rest := batch; len(rest) > 0; {
				n := Pass(rest, lengths, limit)
				if n < 1 || n > len(rest) || n > 1 && tokens(rest[:n], lengths) > limit {
					t.Fatalf("%d examples of lengths %v go together, the limit is %d", n, lengths, limit)
				}
				seen, rest = seen+n, rest[n:]
			}
			if seen != len(batch) {
				t.Fatalf("%d of %d examples", seen, len(batch))
			}
		}
	}
	lengths := []int{5, 5, 5, 5, 5, 5}
	if n := Pass([]int32{0, 1, 2, 3, 4, 5}, lengths, 25); n != 3 {
		t.Errorf("30 tokens in passes of at most 25 begin with %d examples of 5, want 3", n)
	}
	if few, all := PassTokens(1, 100), PassTokens(100, 100); few != 512 || all != 2048 {
		t.Errorf("passes have %d tokens with an adapter, %d without", few, all)
	}
}
